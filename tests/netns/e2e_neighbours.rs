//! Beside other people's firewalls, as they load them: what works, what their policies stop, and what happens when they are
//! loaded anew.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{
    Crossing, Daemon, HttpRequest, LAN4, LAN6, Lab, NET4, NET6, Ns, Phone, TcpServer, Traffic, UdpBlaster,
    UdpEcho, WAN4, connect, eventually, holds_for, resolve,
};

const SECOND: Duration = Duration::from_secs(1);
const FW4: &str = include_str!("neighbours/fw4.nft");
const DOCKER: &str = include_str!("neighbours/docker.nft");
const UFW: &str = include_str!("neighbours/ufw.nft");
const FIREWALLD: &str = include_str!("neighbours/firewalld.nft");

/// A firewall, and how guests get on with it.
struct Neighbour {
    name: &'static str,
    rules: &'static str,
    /// What else its operator has: who masquerades.
    beside: &'static str,
    /// Whether captive guests reach DNS and the portal by its own address without a word of the operator's.
    admits: bool,
    /// Whether port 80 leads them to the portal then.
    leads: bool,
    /// Whether connected guests pass without one.
    forwards: bool,
    /// What the operator allows, as `docs/neighbours.md` has it.
    allowance: &'static str,
}

const NEIGHBOURS: [Neighbour; 4] = [
    Neighbour {
        name: "fw4",
        rules: FW4,
        beside: "",
        admits: true,
        leads: true,
        forwards: true,
        allowance: "",
    },
    Neighbour {
        name: "docker",
        rules: DOCKER,
        beside: "add rule ip nat POSTROUTING oifname wan masquerade",
        admits: true,
        leads: true,
        forwards: false,
        allowance: "
            add rule ip filter DOCKER-USER iifname br-lan oifname wan accept
            add rule ip filter DOCKER-USER iifname wan oifname br-lan ct state related,established accept
            add rule ip6 filter DOCKER-USER iifname br-lan oifname wan accept
            add rule ip6 filter DOCKER-USER iifname wan oifname br-lan ct state related,established accept",
    },
    Neighbour {
        name: "ufw",
        rules: UFW,
        beside: "table ip nat { chain POSTROUTING { type nat hook postrouting priority srcnat; oifname wan masquerade; }; }",
        admits: false,
        leads: false,
        forwards: false,
        allowance: "
            add rule ip filter ufw-user-input iifname br-lan udp dport { 53, 67 } accept
            add rule ip filter ufw-user-input iifname br-lan tcp dport { 53, 2050 } accept
            add rule ip6 filter ufw6-user-input iifname br-lan udp dport { 53, 547 } accept
            add rule ip6 filter ufw6-user-input iifname br-lan tcp dport { 53, 2050 } accept
            add rule ip filter ufw-user-forward iifname br-lan oifname wan accept
            add rule ip6 filter ufw6-user-forward iifname br-lan oifname wan accept",
    },
    Neighbour {
        name: "firewalld",
        rules: FIREWALLD,
        beside: "",
        admits: false,
        leads: true,
        forwards: false,
        allowance: "
            add rule inet firewalld filter_IN_guests_allow udp dport { 53, 67, 547 } accept
            add rule inet firewalld filter_IN_guests_allow tcp dport { 53, 2050 } accept
            add rule inet firewalld filter_FWD_guests_allow oifname wan accept",
    },
];

/// Whether a captive device has DNS and the portal, by its own address.
fn is_admitted(phone: &Phone) -> bool {
    let portal = |address: IpAddr| connect(phone, (address, 2050), SECOND / 2).is_ok();
    portal(LAN4.into()) && portal(LAN6.into()) && phone.enter(|| resolve(LAN4.into(), "a.test")).is_some()
}

/// A captive device is led to the portal, and nothing else of it passes.
fn is_captive(name: &str, phone: &Phone) {
    for far in [IpAddr::from(NET4), NET6.into()] {
        let led = HttpRequest::get("/generate_204").send(phone, (far, 80)).unwrap();
        assert_eq!(led.status, 302, "{name}, {far}: {led:?}");
        let refused = connect(phone, (far, 443), 3 * SECOND);
        assert_eq!(refused, Err(std::io::ErrorKind::ConnectionRefused), "{name}, {far}: no fast refusal");
    }
}

fn works_beside(neighbour: &Neighbour) {
    let Neighbour { name, rules, beside, admits, leads, forwards, allowance } = neighbour;
    let lab = Lab::builder().phones(3).routed().dns().build();
    lab.router.nft(rules);
    lab.router.nft(beside);
    let daemon = Daemon::start(&lab);
    let [phone, captive, short] = [&lab.phones[0], &lab.phones[1], &lab.phones[2]];
    daemon.meet(captive);
    let session =
        daemon.let_through(phone, &json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 50}));
    assert_eq!(is_admitted(captive), *admits, "{name}, as it comes: DNS and portal");
    let led = HttpRequest::get("/").send(captive, (NET4, 80)).is_ok_and(|answer| answer.status == 302);
    assert_eq!(led, *leads, "{name}, as it comes: whether port 80 leads to the portal");
    if !forwards {
        let echo = UdpEcho::open(&lab.internet, (NET6, 7));
        let blaster = UdpBlaster::start(phone, (NET6, 7), 100, Duration::from_millis(5));
        assert!(eventually(SECOND, || blaster.packets() > 50));
        assert_eq!(echo.packets(), 0, "{name}, as it comes, lets guests through");
        assert_eq!(daemon.used(&session), 0, "{name}: what it drops was charged");
    }
    lab.router.nft(allowance);
    assert!(is_admitted(captive), "{name}, as the manual has it: DNS and portal");
    is_captive(name, captive);
    let traffic = Traffic::start(&lab, phone, captive);
    for _ in 0..3 {
        assert!(traffic.goes_on(), "{name}: a connected phone does not pass");
    }
    assert_eq!(traffic.settle(), daemon.used(&session), "{name}: counted to the byte");

    let echo = UdpEcho::open(&lab.internet, (NET4, 17));
    let ending = daemon.let_through(short, &json!({"kind": "time", "time_secs": 1}));
    let late = UdpBlaster::start(short, (NET4, 17), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || late.answers() > 10), "{name}: a connected phone does not pass");
    assert!(eventually(3 * SECOND, || daemon.state(&ending) == "consumed"));
    let passed = echo.packets();
    assert!(holds_for(SECOND / 3, || echo.packets() <= passed + 1), "{name}: the expired one goes on");
    is_captive(name, short);
}

#[test]
fn beside_openwrts_firewall() {
    works_beside(&NEIGHBOURS[0]);
}

#[test]
fn beside_docker() {
    works_beside(&NEIGHBOURS[1]);
}

#[test]
fn beside_ufw() {
    works_beside(&NEIGHBOURS[2]);
}

#[test]
fn beside_firewalld() {
    works_beside(&NEIGHBOURS[3]);
}

#[test]
fn a_container_whose_port_is_published_is_not_open_to_guests() {
    let lab = Lab::builder().phones(2).routed().build();
    let container = Ns::create(&["container".to_owned()]).remove(0);
    lab.router.ip(&format!(
        "link add docker0 type bridge forward_delay 0\nlink set docker0 up\naddress add 172.17.0.1/16 dev docker0\n\
         link add name docker0p type veth peer name eth0 netns {}\nlink set docker0p master docker0 up\n",
        container.name()
    ));
    container.ip(
        "link set lo up\nlink set eth0 up\naddress add 172.17.0.2/16 dev eth0\nroute add default via 172.17.0.1\n",
    );
    lab.router.nft(DOCKER);
    lab.router.nft(NEIGHBOURS[1].beside);
    lab.router.nft(NEIGHBOURS[1].allowance);
    let daemon = Daemon::start(&lab);
    daemon.meet(&lab.phones[1]);
    daemon.let_through(&lab.phones[0], &json!({"kind": "time", "time_secs": 600}));
    let _web = TcpServer::open(&container, "172.17.0.2:80".parse::<std::net::SocketAddr>().unwrap());
    assert!(eventually(SECOND, || connect(&lab.internet, (WAN4, 8080), SECOND).is_ok()), "it is published");
    for phone in &lab.phones {
        for address in [LAN4, WAN4] {
            let reached = connect(phone, (address, 8080), SECOND);
            assert!(reached.is_err(), "{} reaches a container by {address}", phone.mac);
        }
    }
}

/// What happens to the rules of this box.
type Event<'e> = (&'e str, Box<dyn Fn() + 'e>);

#[test]
fn firewalls_that_are_loaded_anew_cost_nobody_more_than_a_second() {
    let lab = Lab::builder().phones(2).routed().alone().build();
    lab.router.nft(FW4);
    let daemon = Daemon::start(&lab);
    let (phone, captive) = (&lab.phones[0], &lab.phones[1]);
    let terms =
        json!({"kind": "time_or_data", "time_secs": 600, "data_mb": 500, "down_mbps": 50, "up_mbps": 50});
    let session = daemon.let_through(phone, &terms);
    daemon.meet(captive);
    let router = &lab.router;
    let events: [Event<'_>; 4] = [
        ("nft -f with flush ruleset in front", Box::new(|| router.nft(&format!("flush ruleset\n{FW4}")))),
        (
            "flush ruleset, then a load of its own",
            Box::new(|| {
                router.nft("flush ruleset");
                router.nft(FW4);
            }),
        ),
        (
            "fw4 reload: its table deleted and made anew in one",
            Box::new(|| router.nft(&format!("delete table inet fw4\n{FW4}"))),
        ),
        (
            "fw4 restart: deleted, then loaded",
            Box::new(|| {
                router.nft("delete table inet fw4");
                router.nft(FW4);
            }),
        ),
    ];
    let mut crossing = Crossing::start(&lab, phone, captive);
    let (mut lost_at_most, begun) = (Duration::ZERO, Instant::now());
    for (what, event) in &events {
        let is_ours_lost = what.contains("flush");
        let (mut silences, mut leaks) = (Vec::new(), Vec::new());
        for round in 0..3 {
            assert!(crossing.recovers(Instant::now()), "{what}, before round {round}:\n{}", daemon.log());
            let (used, leaked) = (daemon.used(&session), crossing.leaked());
            let at = Instant::now();
            event();
            assert!(crossing.recovers(Instant::now()), "{what}, round {round}: offline\n{}", daemon.log());
            silences.push(crossing.longest_silence(at));
            let out = crossing.leaked();
            assert!(holds_for(SECOND / 3, || crossing.leaked() <= out), "{what}: the captive device is out");
            assert!(is_ours_lost || out == leaked, "{what}: the captive device got out");
            let last = crossing.last_leak().filter(|_| out > leaked);
            leaks.push(last.map_or(Duration::ZERO, |last| last.saturating_duration_since(at)));
            let now = daemon.used(&session);
            assert!(now >= used, "{what}: the books fell from {used} to {now}");
            assert!(
                eventually(SECOND, || daemon.used(&session) > now),
                "{what}: nothing is counted any more"
            );
            // What passed since the last reading, a second before at most, and until the rules were back.
            lost_at_most +=
                if is_ours_lost { SECOND + silences[round] + leaks[round] } else { Duration::ZERO };
        }
        eprintln!("{what}: nothing passed for {silences:.0?}; a captive device got out for {leaks:.0?}");
        assert!(silences.iter().min() < Some(&SECOND), "{what}: offline for {silences:?}");
        assert!(leaks.iter().min() < Some(&SECOND), "{what}: a captive device was out for {leaks:?}");
        let shaped = lab.router.must(&["tc", "class", "show", "dev", "br-lan"]);
        assert!(shaped.contains("ceil 50Mbit"), "{what}: {shaped}");
    }
    crossing.stop();
    let (used, arrived, sent) = (daemon.used(&session), crossing.arrived(), crossing.sent());
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate"
    )]
    let unread = (sent as f64 / begun.elapsed().as_secs_f64() * lost_at_most.as_secs_f64()) as u64;
    assert!(used <= sent && used + unread >= arrived, "{used} of {arrived} to {sent} bytes, {unread} unread");
    assert_eq!(daemon.state(&session), "running");
}
