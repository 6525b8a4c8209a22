//! The walled garden by name: what the daemon tells a real dnsmasq, and what comes of it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::e2e_tls::{Authority, HOST};
use crate::lab::{
    Daemon, DaemonConfig, GUEST4, LAN4, Lab, NET4, Phone, Process, TcpServer, connect, dhcp, dhcp6_text,
    eventually, holds_for, resolve, resolve6,
};

const SECOND: Duration = Duration::from_secs(1);
/// How often the daemon looks at the garden's addresses.
const LOOKED_AT: Duration = Duration::from_secs(5);

/// The names that there are on the internet, each with the last byte of its addresses.
const NAMES: [(&str, u8); 4] =
    [("pay.test", 10), ("www.pay.test", 12), ("late.pay.test", 13), ("other.test", 11)];

fn addresses(host: u8) -> [IpAddr; 2] {
    [
        Ipv4Addr::new(203, 0, 113, host).into(),
        Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, u16::from(host)).into(),
    ]
}

/// A name server on the internet, and the router's dnsmasq that asks it: it is the daemon that starts that.
struct Names {
    dir: PathBuf,
    _upstream: Process,
}

impl Names {
    fn set(lab: &Lab) -> Self {
        let dir = lab.dir.path().to_owned();
        let mut upstream =
            "keep-in-foreground\nlog-facility=-\nno-resolv\nno-hosts\npid-file=\nuser=root\n".to_owned();
        for (name, host) in NAMES {
            let [v4, v6] = addresses(host);
            lab.internet.ip(&format!("address add {v4}/24 dev eth0\naddress add {v6}/64 dev eth0 nodad\n"));
            upstream += &format!("host-record={name},{v4},{v6},600\n");
        }
        let path = dir.join("upstream.conf");
        fs::write(&path, upstream).unwrap();
        let argv = ["dnsmasq", "-C", &path.display().to_string()].map(str::to_owned);
        let process = lab.internet.spawn(&argv, &dir.join("upstream.log"));
        let there = dir.display();
        fs::create_dir(dir.join("dnsmasq.d")).unwrap();
        let names = Self { dir: dir.clone(), _upstream: process };
        names.configure_router("");
        names.script(
            "restart",
            &format!(
                "echo again >> {there}/restarts\nif [ -s {there}/router.pid ]; then\n\
                 pid=$(cat {there}/router.pid)\nkill $pid && while kill -0 $pid 2>/dev/null; do sleep 0.01; done\nfi\n\
                 rm -f {there}/router.pid\nexec dnsmasq -C {there}/router.conf"
            ),
        );
        names
    }

    /// The router's own configuration of dnsmasq, which is no business of ours.
    fn configure_router(&self, more: &str) {
        let dir = self.dir.display();
        let text = format!(
            "no-resolv\nno-hosts\nuser=root\nbind-dynamic\nexcept-interface=wan\nserver={NET4}\n\
             pid-file={dir}/router.pid\nconf-dir={dir}/dnsmasq.d,*.conf\n{more}"
        );
        fs::write(self.dir.join("router.conf"), text).unwrap();
    }

    fn script(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    fn fragment(&self) -> PathBuf {
        self.dir.join("dnsmasq.d/turnpike.conf")
    }

    fn written(&self) -> String {
        fs::read_to_string(self.fragment()).unwrap_or_default()
    }

    fn restarts(&self) -> usize {
        fs::read_to_string(self.dir.join("restarts")).unwrap_or_default().lines().count()
    }

    /// A zone with these garden domains, and more lines for `[dnsmasq]`.
    fn config(&self, domains: &[&str], more: &str) -> DaemonConfig {
        let dir = self.dir.display();
        DaemonConfig {
            zone: format!("garden_domains = {domains:?}\n"),
            more: format!(
                "[dnsmasq]\nfragment = \"{}\"\npid_files = [\"{dir}/router.pid\"]\n{more}\n",
                self.fragment().display()
            ),
            ..DaemonConfig::default()
        }
    }

    fn restarting(&self) -> String {
        format!("reload = [\"{}/restart\"]", self.dir.display())
    }
}

fn opens(phone: &Phone, host: u8) -> [bool; 2] {
    addresses(host).map(|address| connect(phone, (address, 443), SECOND).is_ok())
}

fn ask4(phone: &Phone, name: &str) -> Option<Vec<Ipv4Addr>> {
    phone.enter(|| resolve(LAN4.into(), name)).map(|answer| answer.addresses)
}

fn ask6(phone: &Phone, name: &str) -> Option<Vec<Ipv6Addr>> {
    phone.enter(|| resolve6(LAN4.into(), name))
}

#[test]
fn names_of_the_garden_open_for_who_is_captive_and_come_back_after_a_flush() {
    let lab = Lab::with_phones(1);
    let names = Names::set(&lab);
    let _web = TcpServer::open(&lab.internet, "[::]:443".parse::<std::net::SocketAddr>().unwrap());
    let daemon = Daemon::start_with(&lab, &names.config(&["pay.test"], &names.restarting()));
    let phone = &lab.phones[0];
    daemon.meet(phone);
    assert!(eventually(5 * SECOND, || ask4(phone, "other.test").is_some()), "{}", daemon.log());
    for (name, host) in NAMES {
        assert_eq!(opens(phone, host), [false, false], "{name}, before anybody asked for it");
    }
    for (name, host) in &NAMES[..2] {
        let [v4, v6] = addresses(*host);
        assert_eq!(
            ask4(phone, name).map(|found| found.into_iter().map(IpAddr::V4).collect()),
            Some(vec![v4])
        );
        assert!(
            eventually(SECOND, || opens(phone, *host) == [true, false]),
            "{name}: IPv4\n{}",
            daemon.log()
        );
        assert_eq!(
            ask6(phone, name).map(|found| found.into_iter().map(IpAddr::V6).collect()),
            Some(vec![v6])
        );
        assert!(eventually(SECOND, || opens(phone, *host) == [true, true]), "{name}: IPv6\n{}", daemon.log());
    }
    assert!(ask4(phone, "other.test").is_some() && ask6(phone, "other.test").is_some());
    assert_eq!(opens(phone, 11), [false, false], "a name that is not in the garden");

    // What the daemon has looked at comes back with the table, and nobody has to ask for it again.
    std::thread::sleep(LOOKED_AT + 2 * SECOND);
    let mut back = Vec::new();
    for _ in 0..3 {
        let flushed = Instant::now();
        lab.router.nft("flush ruleset");
        // The table stands again when what is not in the garden is shut.
        let shut =
            || connect(phone, (addresses(11)[0], 443), SECOND) == Err(std::io::ErrorKind::ConnectionRefused);
        assert!(eventually(2 * SECOND, shut), "never restored:\n{}", daemon.log());
        assert!(
            eventually(2 * SECOND, || opens(phone, 10) == [true, true]),
            "the garden is shut\n{}",
            daemon.log()
        );
        back.push(flushed.elapsed());
        assert_eq!(opens(phone, 12), [true, true]);
        std::thread::sleep(SECOND / 2);
    }
    eprintln!("the garden was open again {back:.0?} after the flush");
    assert!(back.iter().min() < Some(&SECOND), "{back:?}");

    // What it has not looked at yet comes back when somebody asks: dnsmasq has forgotten its answer and fills the set.
    assert!(ask4(phone, "late.pay.test").is_some() && ask6(phone, "late.pay.test").is_some());
    assert!(eventually(SECOND, || opens(phone, 13) == [true, true]));
    let flushed = Instant::now();
    lab.router.nft("flush ruleset");
    assert!(
        eventually(SECOND, || daemon.log().matches("forgets its cache").count() >= 5),
        "{}",
        daemon.log()
    );
    let found = eventually(2 * SECOND, || {
        ask4(phone, "late.pay.test").is_some()
            && ask6(phone, "late.pay.test").is_some()
            && opens(phone, 13) == [true, true]
    });
    assert!(found, "the garden stays shut to a name that was asked for again\n{}", daemon.log());
    eprintln!("a name that was just found was open again {:.0?} after the flush", flushed.elapsed());
    assert_eq!(opens(phone, 11), [false, false]);
    assert_eq!(names.restarts(), 1, "dnsmasq was started once");
}

#[test]
fn dnsmasq_is_started_anew_when_its_file_has_changed_and_keeps_the_old_one_if_it_refuses() {
    let lab = Lab::with_phones(1);
    let names = Names::set(&lab);
    let restarting = names.restarting();
    let mut daemon = Daemon::start_with(&lab, &names.config(&["pay.test"], &restarting));
    let has = |what: &str| names.written().contains(what);
    assert!(eventually(5 * SECOND, || names.restarts() == 1), "{}", daemon.log());
    assert!(has("nftset=/pay.test/4#inet#turnpike#garden4,6#inet#turnpike#garden6\n"), "{}", names.written());
    daemon.stop();
    daemon.restart();
    let anew = |config: &DaemonConfig| {
        Daemon::write_config(&lab, config);
        let before = daemon.log().matches("turnpike is ready").count();
        daemon.signal(Signal::HUP);
        let ready = || daemon.log().matches("turnpike is ready").count() > before;
        assert!(eventually(5 * SECOND, ready), "{}", daemon.log());
    };
    let warned = |what: &str| {
        let said = || daemon.get("/api/v1/status")["warnings"].to_string();
        assert!(eventually(5 * SECOND, || said().contains(what)), "{what} in {}", said());
    };
    anew(&names.config(&["pay.test", "bank.test"], &restarting));
    assert!(eventually(5 * SECOND, || names.restarts() == 2 && has("/bank.test/")), "{}", daemon.log());
    // Other settings, the same names.
    let same = names.config(&["bank.test", "pay.test"], &restarting);
    anew(&DaemonConfig { zone: format!("{}down_mbps = 50\n", same.zone), ..same });
    assert!(holds_for(SECOND, || names.restarts() == 2), "started anew for nothing");
    let old = names.written();

    let options = "--version) echo 'Compile time options: IPv6 nftset';;";
    let refusing = names.script(
        "refusing",
        &format!("case $1 in {options} *) echo 'dnsmasq: bad option at line 3' >&2; exit 1;; esac"),
    );
    anew(&names.config(&["new.test"], &format!("{restarting}\nprogram = \"{refusing}\"")));
    warned("does not take the new file, the old one stays: dnsmasq: bad option at line 3");
    assert_eq!((names.written(), names.restarts()), (old.clone(), 2));

    let failing = names.script("failing", "echo 'Job for dnsmasq.service failed' >&2\nexit 1");
    anew(&names.config(&["new.test"], &format!("reload = [\"{failing}\"]")));
    warned("Job for dnsmasq.service failed");
    assert_eq!(names.written(), old);

    let plain = names.script(
        "plain",
        "case $1 in --version) echo 'Compile time options: IPv6 no-nftset';; *) exit 0;; esac",
    );
    anew(&names.config(&["new.test"], &format!("{restarting}\nprogram = \"{plain}\"")));
    warned("was built without nftset");
    assert!(eventually(5 * SECOND, || !has("nftset=")), "{}", names.written());

    fs::write(names.fragment(), "# by hand\nlocal-ttl=1\n").unwrap();
    anew(&names.config(&["pay.test"], &restarting));
    warned("was not written by turnpike and is left alone");
    assert_eq!(names.written(), "# by hand\nlocal-ttl=1\n");
    let left: Vec<_> = fs::read_dir(names.dir.join("dnsmasq.d")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing else is left there: {left:?}");
}

#[test]
fn a_dnsmasq_that_does_not_start_with_the_file_has_the_old_one_again_and_runs() {
    let lab = Lab::with_phones(1);
    let names = Names::set(&lab);
    let phone = &lab.phones[0];
    // Each file is in order; dnsmasq refuses the two of them together.
    names.configure_router("max-ttl=60\n");
    let daemon = Daemon::start_with(&lab, &names.config(&["pay.test"], &names.restarting()));
    let said = || daemon.get("/api/v1/status")["warnings"].to_string();
    assert!(eventually(5 * SECOND, || said().contains("illegal repeated keyword")), "{}", daemon.log());
    assert!(said().contains("has the old one again"), "{}", said());
    assert!(!names.fragment().exists());
    assert!(eventually(5 * SECOND, || ask4(phone, "pay.test").is_some()), "no name server\n{}", daemon.log());
    assert_eq!(names.restarts(), 2);

    // The same where whoever starts it says that all is well whatever becomes of it, as procd does.
    let lenient = names.script("lenient", &format!("{}/restart 2>&1\nexit 0", names.dir.display()));
    Daemon::write_config(&lab, &names.config(&["bank.test"], &format!("reload = [\"{lenient}\"]")));
    daemon.signal(Signal::HUP);
    assert!(eventually(15 * SECOND, || said().contains("and dnsmasq does not run")), "{}", daemon.log());
    assert!(said().contains("has the old one again") && !names.fragment().exists(), "{}", said());
    assert!(eventually(5 * SECOND, || ask4(phone, "pay.test").is_some()), "no name server\n{}", daemon.log());
}

#[test]
fn the_portals_name_leads_the_guests_of_each_zone_to_their_own_portal() {
    let mut lab = Lab::builder().phones(1).guests(1).dhcp().build();
    let authority = Authority::new();
    authority.write(&lab);
    let usual = Authority::config(&lab);
    let config = DaemonConfig { cellar: Some("portal_tls = \"[::]:2444\"".to_owned()), ..usual };
    let file = Daemon::write_config(&lab, &config).display().to_string();
    let there = lab.dir.path().join("dnsmasq.d");
    fs::create_dir(&there).unwrap();
    let (fragment, told) = (there.join("turnpike.conf").display().to_string(), lab.dir.path().join("told"));
    let write = || {
        let arguments = ["dnsmasq", "--config", &file, "--write", &fragment];
        let then = ["--then", "touch", "--then", &told.display().to_string()];
        let all: Vec<&str> = arguments.iter().copied().chain(then).collect();
        let output = Daemon::run_cli(&lab, &all);
        assert!(output.ok(), "{output:?}");
        output.stdout
    };
    assert!(write().contains("written") && told.exists());
    fs::remove_file(&told).unwrap();
    assert!(write().contains("unchanged") && !told.exists());
    let printed = Daemon::run_cli(&lab, &["dnsmasq", "--config", &file]);
    assert_eq!(printed.stdout, fs::read_to_string(&fragment).unwrap());
    lab.reconfigure_dnsmasq(&format!("conf-dir={},*.conf\n", there.display()));

    let leases = [dhcp(&mut lab.phones[0], "pixel-7"), dhcp(&mut lab.guests[0], "pixel-8")];
    let _daemon = Daemon::start_with(&lab, &config);
    let zones = [(&lab.phones[0], LAN4, 2443), (&lab.guests[0], GUEST4, 2444)];
    for ((phone, own, port), lease) in zones.into_iter().zip(leases) {
        let uri = format!("https://{HOST}:{port}/capport");
        assert_eq!(lease.captive_portal.as_deref(), Some(uri.as_str()), "DHCPv4 option 114");
        assert_eq!(dhcp6_text(phone, 103).as_deref(), Some(uri.as_str()), "DHCPv6 option 103");
        let found = phone.enter(|| resolve(own.into(), HOST)).map(|answer| answer.addresses);
        assert_eq!(found, Some(vec![own]), "the name leads elsewhere");
        assert_eq!(
            phone.enter(|| resolve6(own.into(), HOST)),
            Some(Vec::new()),
            "an address of another zone"
        );
        assert!(connect(phone, (own, port), SECOND).is_ok());
    }
}
