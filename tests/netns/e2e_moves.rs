//! Devices that go and come: a phone, a bridge, the way out. Whoever is online stays so without a log-in, nobody else gets
//! out, the books are whole, and the speeds hold.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::{
    Crossing, Daemon, DaemonConfig, LAN4, LAN6, Lab, NET4, NET6, Ns, Process, WAN4, WAN6, eventually,
    holds_for,
};

const SECOND: Duration = Duration::from_secs(1);
const FW4: &str = include_str!("neighbours/fw4.nft");
const TUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/netns/neighbours/tun.py");
const ROUNDS: usize = 3;

fn terms() -> Value {
    json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 500, "down_mbps": 50, "up_mbps": 40})
}

/// Bytes that went through the classes of clients on a device.
fn shaped_bytes(router: &Ns, device: &str) -> u64 {
    let text = router.must(&["tc", "-s", "class", "show", "dev", device]);
    let mut of_client = false;
    let mut bytes = 0;
    for line in text.lines() {
        if line.starts_with("class ") {
            of_client = line.starts_with("class htb 7470:") && line.contains(" parent 7470:ff");
        } else if let Some(rest) = line.trim().strip_prefix("Sent ").filter(|_| of_client) {
            bytes += rest.split(' ').next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
        }
    }
    bytes
}

struct Stage<'lab> {
    lab: &'lab Lab,
    daemon: Daemon<'lab>,
    session: String,
    crossing: Crossing,
}

impl<'lab> Stage<'lab> {
    fn set(lab: &'lab Lab, config: &DaemonConfig) -> Self {
        // A device that lies on another answers for its own addresses only.
        lab.router.sysctl(&[("net/ipv4/conf/all/arp_ignore", "1")]);
        lab.router.nft(FW4);
        let daemon = Daemon::start_with(lab, config);
        let (phone, captive) = (&lab.phones[0], &lab.phones[1]);
        let session = daemon.let_through(phone, &terms());
        daemon.meet(captive);
        let crossing = Crossing::start(lab, phone, captive);
        Self { lab, daemon, session, crossing }
    }

    /// Has it happen; how long nothing came through.
    fn happens(&self, what: &str, down: &str, up: &str, event: impl Fn()) -> Duration {
        assert!(self.crossing.recovers(Instant::now()), "before {what}:\n{}", self.daemon.log());
        let used = self.daemon.used(&self.session);
        let at = Instant::now();
        event();
        assert!(self.crossing.recovers(Instant::now()), "{what}: offline\n{}", self.daemon.log());
        let silence = self.crossing.longest_silence(at);
        let now = self.daemon.used(&self.session);
        assert!(now >= used, "{what}: the books fell from {used} to {now}");
        let counted = || self.daemon.used(&self.session) > now;
        assert!(eventually(SECOND, counted), "{what}: nothing is counted any more");
        for device in [down, up] {
            let before = shaped_bytes(&self.lab.router, device);
            let goes_on = eventually(SECOND, || shaped_bytes(&self.lab.router, device) > before);
            assert!(goes_on, "{what}: nothing is shaped on {device}\n{}", self.daemon.log());
        }
        assert!(holds_for(SECOND / 5, || self.crossing.leaked() == 0), "{what}: the captive device got out");
        assert_eq!(self.daemon.state(&self.session), "running", "{what}");
        silence
    }

    fn ends(mut self) {
        self.crossing.stop();
        let used = self.daemon.used(&self.session);
        let (arrived, sent) = (self.crossing.arrived(), self.crossing.sent());
        assert!((arrived..=sent).contains(&used), "{used} were charged, {arrived} to {sent} passed");
    }
}

fn are_short(what: &str, silences: &[Duration]) {
    eprintln!("{what}: nothing passed for {silences:.0?}");
    assert!(silences.iter().min() < Some(&SECOND), "{what}: offline for {silences:?}");
}

#[test]
fn a_phone_that_goes_and_comes_and_a_bridge_that_is_made_anew() {
    let lab = Lab::builder().phones(2).routed().alone().build();
    let stage = Stage::set(&lab, &DaemonConfig::default());
    let phone = &lab.phones[0];
    let silences = [(); ROUNDS].map(|()| {
        stage.happens("a phone down and up", "br-lan", "wan", || {
            phone.ip(&format!(
                "link set eth0 down\nlink set eth0 up\naddress replace {}/64 dev eth0 nodad\n\
                 route replace default via {LAN4}\nroute replace ::/0 via {LAN6}\n",
                phone.v6
            ));
        })
    });
    are_short("a phone down and up", &silences);

    let ports: String =
        lab.phones.iter().map(|phone| format!("link set {} master br-lan up\n", phone.port)).collect();
    let silences = [(); ROUNDS].map(|()| {
        stage.happens("a bridge made anew", "br-lan", "wan", || {
            lab.router.ip(&format!(
                "link del br-lan\nlink add br-lan address 02:00:00:00:77:01 type bridge forward_delay 0 stp_state 0 \
                 mcast_snooping 0\nlink set br-lan up\naddress add {LAN4}/24 dev br-lan\n\
                 address add {LAN6}/64 dev br-lan nodad\n{ports}"
            ));
        })
    });
    are_short("a bridge made anew", &silences);
    stage.ends();
}

/// Takes the router's addresses and default routes from one device to another.
fn move_way_out(lab: &Lab, from: &str, to: &str) {
    let (via4, via6, bits4, bits6) = match to {
        "tun0" => (String::new(), String::new(), 32, 128),
        _ => (format!("via {NET4}"), format!("via {NET6}"), 24, 64),
    };
    lab.router.ip(&format!(
        "address flush dev {from} scope global\naddress add {WAN4}/{bits4} dev {to}\n\
         address add {WAN6}/{bits6} dev {to} nodad\nroute replace default {via4} dev {to}\n\
         route replace ::/0 {via6} dev {to}\n"
    ));
    let behind = ["192.168.77.0/24", "fd77::/64"];
    let own = [format!("{WAN4}/32"), format!("{WAN6}/128")];
    let mut routes = String::new();
    if from == "tun0" {
        routes.extend(own.iter().map(|own| format!("route del {own} dev tun0\n")));
    }
    if to == "tun0" {
        let all = own.iter().map(String::as_str).chain(behind);
        routes.extend(all.map(|net| format!("route replace {net} dev tun0\n")));
    } else {
        routes += "neigh flush dev eth0\n";
        for (net, via) in behind.into_iter().zip([IpAddr::from(WAN4), WAN6.into()]) {
            routes += &format!("route replace {net} via {via} dev eth0\n");
        }
    }
    lab.internet.ip(&routes);
}

/// Looks, until it is told that it is over, for moments at which the rules let guests through to a device that has no classes of
/// theirs.
fn unshaped(router: &Ns, from: &str, to: &str, is_over: &AtomicBool) -> Vec<String> {
    let has_classes = |device| {
        let shown = router.run(&["tc", "class", "show", "dev", device]);
        shown.stdout.contains(" parent 7470:ff")
    };
    let mut found = Vec::new();
    // Whoever should tell it may have broken off.
    let until = Instant::now() + 60 * SECOND;
    while !is_over.load(Ordering::Relaxed) && Instant::now() < until {
        // In this order: the rules leave the one for the other, and never come back.
        let was_shaped = has_classes(from);
        let rules = router.run(&["nft", "list", "chain", "inet", "turnpike", "forward"]).stdout;
        let lets = |device: &str| rules.contains(&format!("\"{device}\""));
        if lets(from) && !was_shaped {
            found.push(format!("no classes on {from} any more: {rules}"));
        }
        if lets(to) && !has_classes(to) {
            found.push(format!("no classes on {to}: {rules}"));
        }
    }
    found
}

fn open_tun(lab: &Lab) -> Process {
    let there = format!("/run/netns/{}", lab.internet.name());
    let process = lab.router.spawn(&["python3", TUN, &there], &lab.dir.path().join("tun.log"));
    assert!(eventually(5 * SECOND, || process.log().contains("ready")), "{}", process.log());
    lab.router.ip("link set tun0 up\n");
    lab.internet.ip("link set tun0 up\n");
    process
}

#[test]
fn the_way_out_moves_from_device_to_device_and_is_dialled_anew() {
    let lab = Lab::builder().phones(2).routed().alone().build();
    let stage = Stage::set(&lab, &DaemonConfig { wan: Vec::new(), ..DaemonConfig::default() });
    let _tun = open_tun(&lab);
    let add = "link add wan2 link wan address 02:00:00:00:ff:02 type macvlan mode bridge\nlink set wan2 up\n";
    lab.router.ip(add);
    let ways = ["wan", "wan2", "tun0", "wan2", "wan", "tun0", "wan"];
    let mut moved = Vec::new();
    for pair in ways.windows(2) {
        let what = format!("the way out moves from {} to {}", pair[0], pair[1]);
        let is_over = AtomicBool::new(false);
        let without = std::thread::scope(|scope| {
            let looking = scope.spawn(|| unshaped(&lab.router, pair[0], pair[1], &is_over));
            let silence = stage.happens(&what, "br-lan", pair[1], || move_way_out(&lab, pair[0], pair[1]));
            eprintln!("{what}: nothing passed for {silence:.0?}");
            moved.push(silence);
            let left = || lab.router.must(&["tc", "qdisc", "show", "dev", pair[0]]);
            assert!(eventually(SECOND, || !left().contains("htb 7470:")), "{what}: {} is left", left());
            is_over.store(true, Ordering::Relaxed);
            looking.join().unwrap()
        });
        assert!(without.is_empty(), "{what}: {without:#?}");
    }
    assert!(moved.iter().all(|silence| *silence < 2 * SECOND), "offline for {moved:?}");
    are_short("the way out moves", &moved);

    move_way_out(&lab, "wan", "wan2");
    let dialled = [(); ROUNDS].map(|()| {
        stage.happens("the way out is dialled anew", "br-lan", "wan2", || {
            lab.router.ip(&format!("link del wan2\n{add}"));
            move_way_out(&lab, "wan", "wan2");
        })
    });
    are_short("the way out is dialled anew under its name", &dialled);
    stage.ends();
}

#[test]
fn a_configured_way_out_that_is_dialled_anew_is_shaped_again() {
    let lab = Lab::builder().phones(2).routed().alone().build();
    let add = "link add wan2 link wan address 02:00:00:00:ff:02 type macvlan mode bridge\nlink set wan2 up\n";
    lab.router.ip(add);
    move_way_out(&lab, "wan", "wan2");
    let stage = Stage::set(&lab, &DaemonConfig { wan: vec!["wan2".to_owned()], ..DaemonConfig::default() });
    let dialled = [(); ROUNDS].map(|()| {
        stage.happens("the way out is dialled anew", "br-lan", "wan2", || {
            lab.router.ip(&format!("link del wan2\n{add}"));
            move_way_out(&lab, "wan", "wan2");
        })
    });
    are_short("the configured way out is dialled anew", &dialled);
    stage.ends();
}
