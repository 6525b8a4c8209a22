//! A plain Debian box with two network cards becomes a hotspot by the commands of docs/install.md, and by the distribution's own
//! tools. No systemd runs in the lab: what it would start is started here.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use crate::e2e_walk::code_of;
use crate::lab::{
    Debian, HttpRequest, LAN4, Lab, NET4, NET6, Ns, Output, Phone, Process, TcpServer, WAN4, WAN6, connect,
    dhcp, eventually,
};

const SECOND: Duration = Duration::from_secs(1);
const PAGE: &str = "docs/install.md";

/// The commands of the first block below a text of the page, each as its words.
fn commands(below: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let (_, rest) = page.split_once(below).unwrap_or_else(|| panic!("{PAGE} does not say {below:?}"));
    let block = rest.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    block.replace("\\\n", " ").lines().map(words).collect()
}

/// The words of a line, as a shell reads double quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Runs a command of the page; the package is where the test has put it.
fn run(debian: &Debian<'_>, command: &[String], more: &[&str]) -> Output {
    let argv: Vec<&str> =
        command
            .iter()
            .map(|word| {
                if word.starts_with("./turnpike_") { "/tmp/turnpike_0.1.0_amd64.deb" } else { word.as_str() }
            })
            .chain(more.iter().copied())
            .collect();
    debian.run(&argv)
}

fn must(debian: &Debian<'_>, command: &[String], more: &[&str]) -> String {
    let output = run(debian, command, more);
    assert!(output.ok(), "{command:?} {more:?}: {}\n{}", output.stdout, output.stderr);
    output.stdout
}

/// What Debian's unit starts.
fn start_dnsmasq(debian: &Debian<'_>) {
    let unit = "dnsmasq.service";
    for command in debian.unit(unit, "ExecStartPre").iter().chain(&debian.unit(unit, "ExecStart")) {
        debian.must(&command.split(' ').collect::<Vec<_>>());
    }
}

/// What a box looks like to those who administer it.
fn administered(debian: &Debian<'_>, router: &Ns) -> Vec<String> {
    let files = debian.must(&[
        "find",
        "/etc",
        "-xdev",
        "-type",
        "f",
        "-newer",
        "/etc/machine-id",
        "-exec",
        "cksum",
        "{}",
        "+",
    ]);
    let kernel =
        ["nft list ruleset", "ip address show"].map(|line| router.must(&line.split(' ').collect::<Vec<_>>()));
    let forwards = debian.must(&["sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]);
    [files, forwards].into_iter().chain(kernel).collect()
}

/// Under which address a phone's packet arrives out there, if it does.
fn seen_as(lab: &Lab, phone: &Phone, far: IpAddr) -> Option<IpAddr> {
    let there = lab.internet.enter(|| UdpSocket::bind((far, 9000)).unwrap());
    there.set_read_timeout(Some(SECOND / 2)).unwrap();
    let any: IpAddr = if far.is_ipv4() { "0.0.0.0".parse().unwrap() } else { "::".parse().unwrap() };
    phone.enter(|| UdpSocket::bind((any, 0)).unwrap().send_to(b"here", (far, 9000)).ok())?;
    let mut buffer = [0; 16];
    there.recv_from(&mut buffer).ok().map(|(_, from)| from.ip())
}

#[test]
fn a_plain_box_sells_its_first_hour_after_the_commands_of_the_page() {
    let mut lab = Lab::builder().plain().build();
    let mut phone = lab.phones.remove(0);
    let debian = Debian::unpack(&lab);
    // Otherwise each of many boxes would have the same.
    fs::write(debian.root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
    let package = debian.package("0.1.0");
    assert_eq!(package, "/tmp/turnpike_0.1.0_amd64.deb");
    let commands = commands("## In three commands");
    assert!(commands.len() <= 10, "{commands:?}");
    let [install, setup, vouchers] = &commands[..] else { panic!("{commands:?}") };

    must(&debian, install, &[]);
    let before = administered(&debian, &lab.router);
    let nftables = fs::read_to_string(debian.root.join("etc/nftables.conf")).unwrap();
    let shown = must(&debian, setup, &["--dry-run"]);
    for said in [
        "eth0: a card, up, the default route, 203.0.113.2/24",
        "write /etc/dnsmasq.d/turnpike-guests.conf",
        "ifup br-guest",
    ] {
        assert!(shown.contains(said), "{said} in {shown}");
    }
    assert_eq!(administered(&debian, &lab.router), before, "a dry run has done something");

    let said = must(&debian, setup, &[]);
    for left in [
        "systemctl restart dnsmasq.service",
        "systemctl enable --now turnpike-reapply@nftables.service turnpike-reapply@firewalld.service turnpike-reapply@ufw.service \
             turnpike.service",
    ] {
        assert!(said.contains(left), "{left} in {said}");
    }
    let owner = debian.must(&["stat", "-c", "%U:%G %a", "/etc/turnpike/turnpike.toml"]);
    assert_eq!(owner.trim(), "turnpike:turnpike 640");
    let after = debian.must(&[
        "sysctl",
        "-n",
        "net.ipv4.ip_forward",
        "net.ipv6.conf.all.forwarding",
        "net.ipv6.conf.eth0.accept_ra",
    ]);
    assert_eq!(after.split_whitespace().collect::<Vec<_>>(), ["1", "1", "2"]);
    assert!(lab.router.addresses("br-guest").contains(&LAN4.into()));
    let state = debian.must(&["ifquery", "--state", "br-guest"]);
    assert!(state.contains("br-guest"), "{state}");
    // At the next start it is loaded with the rest, in one.
    debian.must(&["nft", "-c", "-f", "/etc/nftables.conf"]);

    start_dnsmasq(&debian);
    let lease = dhcp(&mut phone, "phone");
    assert_eq!((lease.router, lease.dns), (Some(LAN4), Some(LAN4)));
    let [.., last] = lease.address.octets();
    assert!((11..=254).contains(&last) && lease.address.octets()[..3] == LAN4.octets()[..3], "{lease:?}");
    assert_eq!(seen_as(&lab, &phone, NET4.into()), None, "open before the daemon runs");
    let mut daemon = debian.start();
    let said = must(&debian, setup, &[]);
    let made_up = said.split("with the password ").nth(1).and_then(|rest| rest.split(' ').next());
    assert!(made_up.is_some_and(|password| password.len() >= 8), "{said}");
    assert!(said.contains("plan one-hour: made"), "{said}");
    assert!(said.contains("What turnpike doctor says:") && !said.contains("Problems ("), "{said}");

    // The first guest pays.
    let codes = must(&debian, vouchers, &["--json"]);
    let code = code_of(&serde_json::from_str(&codes).unwrap());
    let portal = (LAN4, 2050);
    let page = HttpRequest::get("/").send(&phone, portal).unwrap();
    assert!(page.status == 200 && page.body.contains("Harbour Café"), "{page:?}");
    assert_eq!(seen_as(&lab, &phone, NET4.into()), None);
    let redeemed = HttpRequest::form("/providers/voucher", &format!("code={code}"))
        .header("Origin", &format!("http://{LAN4}:2050"))
        .send(&phone, portal)
        .unwrap();
    assert_eq!(redeemed.status, 303, "{redeemed:?}");
    assert!(eventually(5 * SECOND, || seen_as(&lab, &phone, NET4.into()) == Some(WAN4.into())));
    let is_local = |address: &IpAddr| matches!(address, IpAddr::V6(address) if address.octets()[0] == 0xfd);
    assert!(eventually(10 * SECOND, || phone.addresses("eth0").iter().any(is_local)), "no IPv6");
    assert!(eventually(5 * SECOND, || seen_as(&lab, &phone, NET6.into()) == Some(WAN6.into())));
    let sold = debian.json(&["sessions"])["items"][0].clone();
    assert_eq!((&sold["plan"], &sold["time_secs"]), (&"one-hour".into(), &3600.into()), "{sold}");

    // Once more changes nothing, and nobody is dropped.
    let before = administered(&debian, &lab.router)[0].clone();
    let said = must(&debian, setup, &[]);
    for left in
        ["admin admin: is there already", "plan one-hour: is there already", "turnpike.toml says it already"]
    {
        assert!(said.contains(left), "{left} in {said}");
    }
    assert_eq!(administered(&debian, &lab.router)[0], before);
    assert_eq!(seen_as(&lab, &phone, NET4.into()), Some(WAN4.into()));

    // And back.
    let undone = debian.turnpike(&["setup", "--undo-network", "--yes"]);
    assert!(undone.ok(), "{undone:?}");
    assert_eq!(fs::read_to_string(debian.root.join("etc/nftables.conf")).unwrap(), nftables);
    for gone in [
        "network/interfaces.d/turnpike",
        "dnsmasq.d/turnpike-guests.conf",
        "nftables.d/turnpike-nat.nft",
        "nftables.conf.before-turnpike",
        "sysctl.d/60-turnpike.conf",
    ] {
        assert!(!debian.root.join("etc").join(gone).exists(), "{gone}");
    }
    assert!(
        undone.stdout.contains("not done, since systemd does not run here: systemctl restart dnsmasq"),
        "{undone:?}"
    );
    assert!(!lab.router.run(&["ip", "link", "show", "br-guest"]).ok());
    assert!(!lab.router.run(&["nft", "list", "table", "inet", "turnpike_nat"]).ok());
    assert_eq!(daemon.stop(10 * SECOND), Some(0), "{}", daemon.log());
}

/// Whether a page of the admin listener comes, over TLS or without.
fn admin_page(phone: &Phone, scheme: &str) -> bool {
    let url = format!("{scheme}://{LAN4}:2051/admin");
    let got = phone.run(&["curl", "-sk", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}", &url]);
    got.ok() && ["200", "303"].contains(&got.stdout.trim())
}

#[test]
fn a_box_whose_only_network_is_the_guests_is_managed_from_there() {
    let mut lab = Lab::builder().phones(2).plain().build();
    let (mut guest, mut operator) = (lab.phones.remove(1), lab.phones.remove(0));
    let debian = Debian::unpack(&lab);
    debian.package("0.1.0");
    let commands = commands("Where the guests' network is the only one");
    let [install, setup] = &commands[..] else { panic!("{commands:?}") };
    // The operator has the computer of the page.
    let mac = setup.iter().skip_while(|word| *word != "--trust").nth(1).unwrap();
    operator.ip(&format!("link set eth0 down\nlink set eth0 address {mac} up\n"));
    operator.mac.clone_from(mac);
    must(&debian, install, &[]);

    // It waits for what is started here.
    let words: Vec<&str> = setup.iter().map(String::as_str).chain(["--wait"]).collect();
    let log = lab.dir.path().join("setup.log");
    let mut waiting: Process = lab.router.spawn(&debian.within(&words), &log);
    let is_left = eventually(30 * SECOND, || waiting.log().contains("starts the daemon"));
    assert!(is_left, "{}", waiting.log());
    start_dnsmasq(&debian);
    let mut daemon = debian.start();
    assert_eq!(waiting.wait(20 * SECOND), Some(0), "{}", waiting.log());
    let said = waiting.log();
    assert!(
        said.contains("admin ana: made") && said.contains(&format!("https://{LAN4}:2051/admin, as ana")),
        "{said}"
    );
    for card in ["eth1", "eth2"] {
        let master = lab.router.must(&["ip", "-o", "link", "show", card]);
        assert!(master.contains("master br-guest"), "{master}");
    }

    dhcp(&mut operator, "operator");
    dhcp(&mut guest, "guest");
    let ssh = TcpServer::open(&lab.router, (LAN4, 22));
    assert!(eventually(5 * SECOND, || admin_page(&operator, "https")), "{}", daemon.log());
    assert!(!admin_page(&operator, "http"), "passwords in the clear");
    assert!(!admin_page(&guest, "https"), "a guest reaches the admin pages");
    let reaches = |phone: &Phone| connect(phone, ssh.address(), 2 * SECOND).is_ok();
    assert!(reaches(&operator) && !reaches(&guest));
    assert_eq!(seen_as(&lab, &operator, NET4.into()), Some(WAN4.into()), "whoever is trusted is not captive");
    assert_eq!(seen_as(&lab, &guest, NET4.into()), None);

    // Who calls over that network and would not be trusted is not cut off: nothing is done.
    let calls = |from: Ipv4Addr, more: &[&str]| {
        let call = format!("SSH_CONNECTION={from} 50000 {LAN4} 22");
        let argv = ["env", &call, "turnpike", "setup", "--yes", "--create-network", "--force", "--dry-run"];
        debian.run(&[&argv[..], more].concat())
    };
    let refused = calls(guest.v4, &["--trust", mac]);
    assert!(!refused.ok());
    let said = format!("you would be cut off. Add --trust {}", guest.mac);
    assert!(refused.stderr.contains(&said), "{refused:?}");
    let guessed = calls(operator.v4, &[]);
    assert!(guessed.ok() && guessed.stdout.contains(&format!("trusted: {mac}")), "{guessed:?}");
    assert_eq!(daemon.stop(10 * SECOND), Some(0), "{}", daemon.log());
}

#[test]
fn on_a_terminal_it_asks_and_asks_again() {
    let lab = Lab::builder().plain().build();
    let debian = Debian::unpack(&lab);
    let program = debian.root.join("usr/bin/turnpike");
    fs::copy(env!("CARGO_BIN_EXE_turnpike"), program).unwrap();
    let typed = |lines: &[&str]| {
        let words = debian.within(&["script", "-qec", "turnpike setup", "/dev/null"]);
        let output = lab.router.run_with(&words, &(lines.join("\n") + "\n"));
        assert!(output.ok(), "{output:?}");
        output.stdout
    };
    let answers = [
        "",
        "perhaps",
        "yes",
        "eth1",
        "",
        "loopback",
        "two\u{7}lines",
        "Harbour \"Caf\u{e9}\"",
        "eur",
        "no one",
        "ana",
        "One hour",
        "",
        "2.50",
    ];
    let said = typed(&[&answers[..], &["yes"]].concat());
    for told in [
        "This must be yes or no",
        "This must be one line",
        "This must be 1 to 64 letters",
        "write /etc/turnpike/turnpike.toml",
    ] {
        assert!(said.contains(told), "{told} in {said}");
    }
    let config = fs::read_to_string(debian.root.join("etc/turnpike/turnpike.toml")).unwrap();
    for line in ["name = 'Harbour \"Caf\u{e9}\"'", "currency = \"EUR\"", "lan = [\"br-guest\"]"] {
        assert!(config.lines().any(|there| there == line), "{line} in {config}");
    }
    assert!(lab.router.addresses("br-guest").contains(&LAN4.into()));
    // With a daemon there, a password is asked for twice.
    let log = lab.dir.path().join("turnpike.log");
    let mut daemon = lab.router.spawn(&debian.within(&["turnpike", "run"]), &log);
    let ready = eventually(20 * SECOND, || {
        assert!(daemon.runs(), "{}", daemon.log());
        debian.turnpike(&["status"]).ok()
    });
    assert!(ready, "{}", daemon.log());
    let passwords = ["short", "by the harbour", "by the harbor", "by the harbour", "by the harbour"];
    // The bridge is a network like any other now: it is what is guessed, and is not made again.
    let answers = ["", "", "loopback", "Harbour \"Caf\u{e9}\"", "eur", "ana", "One hour", "", "2.50", "yes"];
    let said = typed(&[&answers[..], &passwords[..]].concat());
    for told in [
        "This must be 8 to 200 characters",
        "These are two different ones",
        "admin ana: made",
        "plan one-hour: made",
    ] {
        assert!(said.contains(told), "{told} in {said}");
    }
    let plan = debian.json(&["plan", "show", "one-hour"]);
    assert_eq!((&plan["title"], &plan["price"]), (&"One hour".into(), &"2.50".into()), "{plan}");
    assert_eq!(daemon.stop(10 * SECOND), Some(0), "{}", daemon.log());
}
