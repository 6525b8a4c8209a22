//! `turnpike setup`: asks, shows, and has it done.

mod ask;
mod first;
mod show;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::daemon::{Daemon, runtime};
use super::doctor::as_text;
use super::output::{Failure, complain, say};
use crate::config::{Config, DEFAULT_PATH};
use crate::setup::{Choices, Facts, Plan, Step, Topic, Wishes, ending, found, plan, taken, undo};

/// How long a daemon that systemd has started is waited for.
const STARTED_SECS: u64 = 60;

/// `turnpike setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// The configuration file that is written
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// The device that leads to the Internet
    #[arg(long, value_name = "DEV")]
    wan: Option<String>,
    /// The device of the guests' network; with --create-network the bridge that is made [default: br-guest]
    #[arg(long, value_name = "DEV")]
    guest: Option<String>,
    /// The name of the place
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The currency of prices: three letters, as in EUR
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// The first admin account
    #[arg(long, value_name = "NAME")]
    admin: Option<String>,
    /// Its password: the first line of this file; else it is asked for, or made up with --yes
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
    /// What is sold first, as guests read it; its name is made of that: "One hour" is one-hour
    #[arg(long, value_name = "TITLE")]
    plan: Option<String>,
    /// How many seconds it is
    #[arg(long, value_name = "N")]
    plan_time_secs: Option<String>,
    /// How many MB it may pass
    #[arg(long, value_name = "N")]
    plan_data_mb: Option<String>,
    /// What it costs, as in 2.50
    #[arg(long, value_name = "AMOUNT")]
    plan_price: Option<String>,
    /// The admin pages listen on this device, a network where no guest is
    #[arg(long, value_name = "DEV", conflicts_with = "admin_on_loopback")]
    manage: Option<String>,
    /// A device on the guests' network that is never captive, and from which the box is managed if nothing else is said; may be
    /// given again
    #[arg(long, value_name = "MAC")]
    trust: Vec<String>,
    /// The admin pages listen on the box itself, for a tunnel of ssh
    #[arg(long)]
    admin_on_loopback: bool,
    /// Make what a plain box lacks: a bridge for guests, DHCP, masquerading
    #[arg(long)]
    create_network: bool,
    /// The cards that go into the bridge, with commas between them
    #[arg(long, value_name = "DEV,DEV")]
    ports: Option<String>,
    /// The router's address on the guests' network [default: 192.168.77.1/24]
    #[arg(long, value_name = "ADDRESS/PREFIX")]
    address: Option<String>,
    /// The same of IPv6, of a network of its own (fd…) [default: one that no other box has]
    #[arg(long, value_name = "ADDRESS/64")]
    address6: Option<String>,
    /// A Wi-Fi card that becomes an access point for guests
    #[arg(long, value_name = "DEV")]
    wlan: Option<String>,
    /// The name of its network
    #[arg(long, value_name = "NAME")]
    ssid: Option<String>,
    /// Its passphrase: the first line of this file; without it the network is open
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Take what is guessed instead of asking
    #[arg(long)]
    yes: bool,
    /// Show every file and command, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace a configuration that somebody wrote; it is kept beside
    #[arg(long)]
    force: bool,
    /// Where systemd does not run: wait so many seconds for a daemon that somebody starts
    #[arg(long, value_name = "SECS", num_args = 0..=1, default_missing_value = "300", value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: Option<u64>,
    /// Take back what --create-network made; the configuration stays
    #[arg(long)]
    undo_network: bool,
}

impl Setup {
    pub(super) fn run(&self, daemon: Daemon) -> Result<(), Failure> {
        if !self.dry_run && !rustix::process::geteuid().is_root() {
            return Err(Failure(
                "this writes files of the system: run it as root (sudo turnpike setup …), or look at it with --dry-run".to_owned(),
            ));
        }
        let config = std::path::absolute(&self.config)
            .map_err(|error| Failure(format!("{}: {error}", self.config.display())))?;
        let facts = wait_for((daemon.look)(config.clone()))?;
        if self.undo_network {
            return self.undo(&facts, daemon);
        }
        let wishes = self.wishes(config)?;
        show::lines("Found on this box", &found(&facts))?;
        let choices = ask::all(wishes, &facts, self.yes)?;
        show::lines("What is taken", &taken(&choices))?;
        let plan = plan(&choices, &facts).map_err(|refused| Failure(refused.0))?;
        show::lines("Already so", &plan.notes)?;
        if self.dry_run {
            show::steps(&plan, &facts)?;
            show::by_hand(&plan)?;
            return show::lines("And then", &ending(&choices, &facts));
        }
        if ask::is_possible() && !self.yes {
            show::steps(&plan, &facts)?;
            if !ask::agreed("Do this?")? {
                return Err(Failure("nothing was done".to_owned()));
            }
        }
        let left = carry_out(&plan, &facts, daemon)?;
        show::by_hand(&plan)?;
        self.finish(&choices, &facts, &left, daemon)
    }

    /// What the flags say.
    fn wishes(&self, config: PathBuf) -> Result<Wishes, Failure> {
        let mut wishes = Wishes {
            config,
            force: self.force,
            create_network: self.create_network.then_some(true),
            ..Wishes::default()
        };
        if self.admin_on_loopback {
            wishes.manage = Some(crate::setup::Manage::Loopback);
        }
        let passphrase = self.passphrase_file.as_deref().map(ask::first_line_of).transpose()?;
        let given = [
            (Topic::Wan, &self.wan),
            (Topic::Guest, &self.guest),
            (Topic::Name, &self.name),
            (Topic::Currency, &self.currency),
            (Topic::Admin, &self.admin),
            (Topic::Plan, &self.plan),
            (Topic::PlanTime, &self.plan_time_secs),
            (Topic::PlanData, &self.plan_data_mb),
            (Topic::PlanPrice, &self.plan_price),
            (Topic::Ports, &self.ports),
            (Topic::Address, &self.address),
            (Topic::Address6, &self.address6),
            (Topic::Wlan, &self.wlan),
            (Topic::Ssid, &self.ssid),
            (Topic::Passphrase, &passphrase),
        ];
        let manage = self.manage.iter().map(|device| (Topic::ManageOn, device));
        let trust = self.trust.iter().map(|mac| (Topic::Trust, mac));
        let given = given.iter().filter_map(|(topic, text)| Some((*topic, text.as_ref()?)));
        for (topic, text) in given.chain(manage).chain(trust) {
            let flag = topic.flag();
            wishes.answer(topic, text).map_err(|problem| Failure(format!("{flag}: {problem}")))?;
        }
        Ok(wishes)
    }

    /// The first admin and plan, once the daemon runs; and what comes next.
    fn finish(
        &self,
        choices: &Choices,
        facts: &Facts,
        left: &[String],
        daemon: Daemon,
    ) -> Result<(), Failure> {
        let config = Config::check(&choices.config).map_err(|error| Failure(error.to_string()))?;
        for warning in &config.warnings {
            complain(&Failure(format!("{}:{warning} (a warning)", choices.config.display())));
        }
        let socket = &config.control.socket;
        let patience = match (facts.systemd_runs(), self.wait) {
            (_, Some(secs)) => Some(secs),
            (true, None) => Some(STARTED_SECS),
            (false, None) => None,
        };
        let runs = first::daemon_answers(socket, None);
        let mut left = left.to_vec();
        if !runs && !facts.systemd_runs() {
            left.push(format!("turnpike run --config {}      (starts the daemon)", choices.config.display()));
        }
        show::lines("Left to you, since systemd does not run here", &left)?;
        let Some(patience) = patience.filter(|_| !runs) else {
            if runs {
                return self.first(socket, choices, facts, daemon);
            }
            return say("Then run the same again: it makes the first admin and the first plan\n");
        };
        if !first::daemon_answers(socket, Some(Duration::from_secs(patience))) {
            return Err(Failure(format!(
                "no daemon answers on {} after {patience} s: its log (journalctl -u turnpike) says why. What was done stays; run \
                 the same again when it runs",
                socket.display()
            )));
        }
        self.first(socket, choices, facts, daemon)
    }

    fn first(&self, socket: &Path, choices: &Choices, facts: &Facts, daemon: Daemon) -> Result<(), Failure> {
        let password = self.admin_password_file.as_deref();
        first::admin(socket, choices, password, self.yes)?;
        first::plan(socket, choices)?;
        let report = runtime()?.block_on((daemon.doctor)(choices.config.clone()));
        say(&format!("What turnpike doctor says:\n{}", as_text(&report, false)))?;
        show::lines("What comes next", &ending(choices, facts))
    }

    /// Takes the network back; what cannot be taken back does not keep the rest.
    fn undo(&self, facts: &Facts, daemon: Daemon) -> Result<(), Failure> {
        let plan = undo(facts);
        if self.dry_run {
            show::steps(&plan, facts)?;
            return show::lines("Note", &plan.notes);
        }
        if ask::is_possible() && !self.yes && !plan.steps.is_empty() {
            show::steps(&plan, facts)?;
            if !ask::agreed("Do this?")? {
                return Err(Failure("nothing was done".to_owned()));
            }
        }
        let mut failed = 0_usize;
        for step in &plan.steps {
            if let Some(line) = show::left_to_others(step, facts) {
                say(&format!("not done, since systemd does not run here: {line}\n"))?;
                continue;
            }
            say(&format!("{}\n", show::doing(step)))?;
            if let Err(failure) = wait_for((daemon.carry_out)(step.clone())) {
                complain(&failure);
                failed += 1;
            }
        }
        show::lines("Note", &plan.notes)?;
        match failed {
            0 => Ok(()),
            count => Err(Failure(format!("{count} of {} could not be taken back", plan.steps.len()))),
        }
    }
}

/// Does all of it in turn; what only systemd could have done is handed back.
fn carry_out(plan: &Plan, facts: &Facts, daemon: Daemon) -> Result<Vec<String>, Failure> {
    let mut left = Vec::new();
    say("Now:\n")?;
    for step in &plan.steps {
        if let Some(line) = show::left_to_others(step, facts) {
            left.push(line);
            continue;
        }
        say(&format!("  {}\n", show::doing(step)))?;
        wait_for((daemon.carry_out)(step.clone())).map_err(|failure| {
            let undo = match step {
                Step::Configure { .. } => "",
                Step::Write(_)
                | Step::Append { .. }
                | Step::TakeOut { .. }
                | Step::Remove(_)
                | Step::Run(_) => ", or take the network back with turnpike setup --undo-network",
            };
            Failure(format!("{failure}\nWhat was done before stays. Repair it and run the same again{undo}"))
        })?;
    }
    Ok(left)
}

fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> Result<T, Failure> {
    runtime()?.block_on(work).map_err(|error| Failure(format!("{error:#}")))
}
