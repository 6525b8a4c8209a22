//! `turnpike doctor`: looks at this box and says what is wrong with it for Turnpike.
//!
//! It works with and without a running daemon, and changes nothing that outlives it. What is gathered (`gather`) and what is
//! made of it (`checks`) are apart: a check judges facts and can be tested without a kernel. A fact that cannot be had is a
//! finding of its own, and the others are looked at all the same.

mod checks;
mod code;
mod finding;
mod gather;
mod marks;
mod place;
mod ruleset;
mod sides;
mod system;
mod user;
mod walk;

use std::collections::BTreeSet;
use std::path::Path;

pub use code::Code;
pub use finding::{Finding, Report, Severity};
pub use place::Place;
use sides::Sides;

use crate::clock::Clock;
use crate::config::{Config, DEFAULT_SOCKET};
use crate::domain::WallTime;
use crate::gate::Gate;
use crate::shaper::{probe_queues, root_qdisc};
use checks::listeners::Listening;
use checks::rights::Rights;
use gather::{Daemon, Disk, Known, Network, Nft, Process, Socket, reason};
use system::System;

/// What the mask is where the configuration cannot be read; which one hardly matters for a probe.
const SOME_MASK: u32 = 0xff00_00ff;
/// The first port that needs no right, unless the kernel says otherwise (`ip-sysctl`).
const FIRST_FREE_PORT: u16 = 1024;

/// What is known of the box whatever the configuration says.
struct Facts<'a> {
    place: &'a Place,
    system: System,
    daemon: Known<Daemon>,
    nft: Nft,
    network: Known<Network>,
    sockets: Known<Vec<Socket>>,
    processes: Known<Vec<Process>>,
    sides: Sides,
}

/// Looks at the box with the configuration in that file. Works in the network namespace of the calling thread.
pub async fn examine(file: &Path, place: &Place) -> Report {
    let read = Config::check(file);
    let config = read.as_ref().ok();
    let network = gather::read_network().await;
    let socket = config.map_or(Path::new(DEFAULT_SOCKET), |config| &config.control.socket);
    let database = config.map(|config| config.store.path.as_path());
    let facts = Facts {
        place,
        system: System::of(place),
        daemon: gather::ask_daemon(place, socket, database).await,
        nft: gather::ask_nft().await,
        sides: config.map(|config| Sides::of(config, network.as_ref().ok())).unwrap_or_default(),
        network,
        sockets: gather::listening(place),
        processes: gather::processes(place),
    };
    let mut findings = checks::config::judge(file, &read);
    findings.extend(checks::daemon::judge(&facts.daemon, socket, facts.system));
    findings.extend(facts.of_the_box(config).await);
    if let Some(config) = config {
        findings.extend(facts.of_the_zones(config).await);
    }
    Report::new(findings)
}

impl Facts<'_> {
    /// What can be said without a configuration, and is said better with one.
    async fn of_the_box(&self, config: Option<&Config>) -> Vec<Finding> {
        let Self { place, system, network, processes, .. } = self;
        let mask = config.map_or(SOME_MASK, |config| config.network.mark_mask);
        let gate = Gate::open(mask).map_err(reason);
        let (capabilities, warned) = match &gate {
            Ok(gate) => (gate.probe().await.map_err(reason), gate.offload_warnings().await.map_err(reason)),
            Err(error) => (Err(error.clone()), Err(error.clone())),
        };
        let release = place.read("/proc/sys/kernel/osrelease").map_err(reason);
        let queues = probe_queues().await.map_err(reason);
        let ruleset = &self.nft.ruleset;
        let mut found = checks::rights::judge(&self.rights(config), &self.daemon, *system);
        found.push(checks::nft::judge(&self.nft, *system));
        found.extend(checks::kernel::judge(&release, &capabilities, &queues, has_speeds(config), *system));
        found.extend(checks::forwarding::judge(place, &self.sides, network, *system));
        found.extend(checks::portals::judge(processes, ruleset, network, *system));
        found.extend(checks::offload::judge(place, &self.sides, ruleset, &warned, network, *system));
        found.extend(checks::firewall::judge(place, ruleset, processes, *system));
        found.push(checks::conntrack::judge(place, *system));
        found.push(checks::neighbours::judge(place, *system));
        found
    }

    /// What is about the zones, the WAN, the listeners and the database.
    async fn of_the_zones(&self, config: &Config) -> Vec<Finding> {
        let Self { place, system, sides, network, sockets, .. } = self;
        let ruleset = &self.nft.ruleset;
        let rules = checks::daemon::judge_rules(ruleset, &self.daemon, sides, *system);
        let listening = Listening {
            daemon: &self.daemon,
            network,
            sockets,
            holders: &|inode| self.holder(inode),
            has_rules: ruleset.as_ref().ok().map(|_| rules.severity == Severity::Ok),
            system: *system,
        };
        let mut found = checks::devices::judge(sides, network, *system);
        found.push(checks::route::judge(sides, network, !config.network.wan.is_empty()));
        found.extend(checks::listeners::judge(config, sides, &listening));
        found.push(rules);
        let mut roots = Vec::new();
        for device in sides.devices() {
            roots.push((device.to_owned(), root_qdisc(device).await.map_err(reason)));
        }
        found.extend(checks::qdiscs::judge(&roots, *system));
        found.extend(checks::mark_bits::judge(ruleset, sides, config.network.mark_mask));
        found.extend(checks::forward::judge_policy(ruleset, sides, network, *system));
        let legacy = checks::firewall::legacy_tables(place);
        found.push(checks::forward::judge_masquerade(ruleset, &legacy, sides, network, *system));
        found.extend(checks::services::judge(sides, network, sockets, *system));
        let disk = gather::look_at_disk(place, &config.store.path).await;
        let user = user::service_user(place, self.runs_as());
        found.extend(checks::store::judge(&config.store.path, &disk, &user, *system));
        let now = Clock::machine().now().wall;
        found.extend(checks::clock::judge(now, newest_wall(&disk), &self.processes, *system));
        found
    }

    fn rights(&self, config: Option<&Config>) -> Rights {
        let daemon = match &self.daemon {
            Ok(Daemon::Runs { process: Some(id), .. }) => {
                Some(gather::capabilities(self.place, &id.to_string()))
            }
            Ok(_) | Err(_) => None,
        };
        let first = self.place.read("/proc/sys/net/ipv4/ip_unprivileged_port_start").ok();
        Rights {
            own: gather::capabilities(self.place, "self"),
            daemon,
            first_free_port: first.and_then(|text| text.trim().parse().ok()).unwrap_or(FIRST_FREE_PORT),
            ports: config.map(ports).unwrap_or_default(),
        }
    }

    fn holder(&self, inode: u64) -> Option<Process> {
        let processes = self.processes.as_ref().ok()?;
        gather::holders(self.place, processes, &BTreeSet::from([inode])).remove(&inode)
    }

    fn runs_as(&self) -> Option<u32> {
        match self.daemon {
            Ok(Daemon::Runs { user, .. }) => Some(user),
            Ok(Daemon::Silent(_) | Daemon::Stopped) | Err(_) => None,
        }
    }
}

/// The ports that the daemon listens on.
fn ports(config: &Config) -> Vec<u16> {
    let portals =
        config.zones.iter().flat_map(|zone| [Some(zone.portal), zone.portal_tls].into_iter().flatten());
    portals.chain([config.admin.listen]).map(|listen| listen.port()).collect()
}

/// Whether any speed is configured.
fn has_speeds(config: Option<&Config>) -> bool {
    let of_zones = |config: &Config| {
        config
            .zones
            .iter()
            .any(|zone| [zone.down, zone.up, zone.client_down, zone.client_up].iter().any(Option::is_some))
    };
    config.is_some_and(|config| {
        of_zones(config)
            || config.roles.values().any(|role| role.down.flatten().is_some() || role.up.flatten().is_some())
    })
}

fn newest_wall(disk: &Known<Disk>) -> Option<WallTime> {
    match disk.as_ref().ok()?.database.as_ref()? {
        Ok(Ok(look)) => look.newest_wall,
        Ok(Err(_)) | Err(_) => None,
    }
}
