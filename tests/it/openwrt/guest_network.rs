//! `turnpike-guest-network`.

use std::process::Output;

use rstest::rstest;

use super::router::Router;

const NETWORK: &str = "\
lan=interface
lan.device=br-lan
lan.proto=static
wan=interface
wan.device=eth1
wan.proto=dhcp
guest=interface
guest.device=br-guest
guest.proto=static
";
const FIREWALL: &str = "\
cfg01=defaults
cfg02=zone
cfg02.name=lan
cfg02.network=lan
cfg02.input=ACCEPT
cfg03=zone
cfg03.name=wan
cfg03.network=wan
cfg03.network=wan6
cfg04=forwarding
cfg04.src=lan
cfg04.dest=wan
";
const DHCP: &str = "guest=dhcp\nguest.interface=guest\n";
const TURNPIKE: &str = "main=turnpike\nmain.enabled=0\n";

/// What is to be written for `guest`, in order.
const COMMANDS: &str = "\
uci set 'firewall.turnpike_guest=zone'
uci set 'firewall.turnpike_guest.name=guest'
uci add_list 'firewall.turnpike_guest.network=guest'
uci set 'firewall.turnpike_guest.input=REJECT'
uci set 'firewall.turnpike_guest.output=ACCEPT'
uci set 'firewall.turnpike_guest.forward=REJECT'
uci set 'firewall.turnpike_guest_wan=forwarding'
uci set 'firewall.turnpike_guest_wan.src=guest'
uci set 'firewall.turnpike_guest_wan.dest=wan'
uci set 'firewall.turnpike_guest_dhcp=rule'
uci set 'firewall.turnpike_guest_dhcp.name=Turnpike-guest-dhcp'
uci set 'firewall.turnpike_guest_dhcp.src=guest'
uci set 'firewall.turnpike_guest_dhcp.proto=udp'
uci set 'firewall.turnpike_guest_dhcp.dest_port=67 547'
uci set 'firewall.turnpike_guest_dhcp.target=ACCEPT'
uci set 'firewall.turnpike_guest_dns=rule'
uci set 'firewall.turnpike_guest_dns.name=Turnpike-guest-dns'
uci set 'firewall.turnpike_guest_dns.src=guest'
uci set 'firewall.turnpike_guest_dns.proto=tcp udp'
uci set 'firewall.turnpike_guest_dns.dest_port=53'
uci set 'firewall.turnpike_guest_dns.target=ACCEPT'
uci set 'firewall.turnpike_guest_icmp=rule'
uci set 'firewall.turnpike_guest_icmp.name=Turnpike-guest-icmp'
uci set 'firewall.turnpike_guest_icmp.src=guest'
uci set 'firewall.turnpike_guest_icmp.proto=icmp'
uci set 'firewall.turnpike_guest_icmp.target=ACCEPT'
uci set 'firewall.turnpike_guest_portal=rule'
uci set 'firewall.turnpike_guest_portal.name=Turnpike-guest-portal'
uci set 'firewall.turnpike_guest_portal.src=guest'
uci set 'firewall.turnpike_guest_portal.proto=tcp'
uci set 'firewall.turnpike_guest_portal.dest_port=2050'
uci set 'firewall.turnpike_guest_portal.target=ACCEPT'
uci set 'turnpike.guest=zone'
uci set 'turnpike.guest.name=guest'
uci add_list 'turnpike.guest.lan=br-guest'
uci set 'turnpike.guest.portal=[::]:2050'
uci set 'turnpike.main.enabled=1'
uci commit firewall
uci commit turnpike
";

fn router_with(files: &[(&str, &str)]) -> Router {
    let router = Router::new();
    let usual = [("network", NETWORK), ("firewall", FIREWALL), ("dhcp", DHCP), ("turnpike", TURNPIKE)];
    for (package, text) in usual.iter().chain(files) {
        router.write(&format!("uci/{package}"), text);
        router.write(&format!("before/{package}"), text);
    }
    router.program("etc/init.d/firewall", "#!/bin/sh\necho \"firewall $*\" >>/calls\n");
    router
}

fn run(router: &Router, arguments: &[&str]) -> Output {
    router.run("/usr/sbin/turnpike-guest-network", arguments)
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Whether something was written by uci, or called.
fn touched(router: &Router) -> bool {
    let wrote = router.read("uci-calls").lines().any(|call| {
        ["uci set", "uci add_list", "uci delete", "uci commit"].iter().any(|word| call.starts_with(word))
    });
    wrote || !router.calls().is_empty()
}

/// The flat lines that the commands of a dry run leave.
fn lines_of(commands: &str, package: &str) -> Vec<String> {
    let of_package = |command: &str| {
        let (_, setting) = command.split_once('\'')?;
        setting.trim_end_matches('\'').strip_prefix(package)?.strip_prefix('.').map(str::to_owned)
    };
    commands.lines().filter_map(of_package).collect()
}

#[test]
fn a_dry_run_says_each_command_and_does_none() {
    let router = router_with(&[]);
    let output = run(&router, &["--dry-run", "guest"]);
    assert!(output.status.success());
    assert_eq!(said(&output), (COMMANDS.to_owned(), String::new()));
    assert!(!touched(&router));
}

#[test]
fn a_network_becomes_a_zone_that_is_closed_before_the_firewall_lets_anybody_forward() {
    let router = router_with(&[]);
    let output = run(&router, &["guest"]);
    assert!(output.status.success(), "{output:?}");
    let done = "The network guest (br-guest) is a zone of Turnpike; its portal is on port 2050.\n";
    assert_eq!(said(&output), (done.to_owned(), String::new()));
    let saved = |package: &str| router.read(&format!("saved/{package}"));
    assert_eq!(saved("firewall"), format!("{FIREWALL}{}\n", lines_of(COMMANDS, "firewall").join("\n")));
    assert_eq!(saved("turnpike"), format!("main=turnpike\n{}\n", lines_of(COMMANDS, "turnpike").join("\n")));
    assert!(router.path("enabled").exists());
    let calls = router.calls();
    let at = |wanted: &str| calls.iter().position(|call| call.starts_with(wanted)).expect(wanted);
    assert!(at("turnpike close") < at("procd_open_instance"));
    assert!(at("procd_open_instance") < at("firewall reload"));

    // Once is enough.
    router.write("uci-calls", "");
    let output = run(&router, &["guest"]);
    assert!(output.status.success());
    assert!(said(&output).0.contains("nothing is changed"));
    assert!(!touched(&router));
}

#[test]
fn a_start_that_fails_leaves_the_firewall_as_it_is() {
    let router = router_with(&[]);
    router.write("from-uci.wrong", "wrong\n");
    let output = run(&router, &["guest"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).1.contains("The firewall was not reloaded"));
    assert!(!router.calls().iter().any(|call| call.starts_with("firewall")));
}

#[test]
fn saving_alone_starts_nothing() {
    let router = router_with(&[]);
    let output = run(&router, &["--no-apply", "guest"]);
    assert!(output.status.success());
    assert!(said(&output).0.contains("/etc/init.d/turnpike reload; /etc/init.d/firewall reload"));
    assert!(router.read("saved/turnpike").contains("guest.lan=br-guest"));
    assert_eq!(router.calls(), [""; 0]);
}

#[test]
fn a_command_of_uci_that_fails_takes_the_others_back() {
    let router = router_with(&[]);
    router.write("uci-fails", "turnpike_guest_dns.proto\n");
    let output = run(&router, &["guest"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).1.contains("nothing was changed"));
    assert_eq!(router.read("uci/firewall"), FIREWALL);
    assert_eq!(router.read("uci/turnpike"), TURNPIKE);
    assert_eq!(router.read("saved/firewall"), "");
    assert_eq!(router.calls(), [""; 0]);
}

#[test]
fn each_network_gets_a_portal_of_its_own() {
    let taken = format!("{TURNPIKE}a=zone\na.lan=br-a\nb=zone\nb.lan=br-b\nb.portal=10.0.0.1:2052\n");
    let router = router_with(&[("turnpike", &taken)]);
    let portal = |arguments: &[&str]| {
        let (said, _) = said(&run(&router, arguments));
        lines_of(&said, "turnpike").into_iter().find(|line| line.starts_with("guest.portal"))
    };
    // 2050 is a's, as nothing else is said; 2051 the admin pages'.
    assert_eq!(portal(&["--dry-run", "guest"]).unwrap(), "guest.portal=[::]:2053");
    assert_eq!(portal(&["--dry-run", "--portal-port", "8088", "guest"]).unwrap(), "guest.portal=[::]:8088");
    for port in ["2050", "2051", "2052"] {
        let output = run(&router, &["--portal-port", port, "guest"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).1.contains(port));
    }
    assert!(!touched(&router));
}

#[test]
fn a_zone_that_the_firewall_has_stays_as_it_is_and_what_it_lacks_is_said() {
    let zone =
        format!("{FIREWALL}g=zone\ng.name=visitors\ng.network=other\ng.network=guest\ng.input=REJECT\n");
    let router = router_with(&[("firewall", &zone)]);
    let (out, warnings) = said(&run(&router, &["--dry-run", "guest"]));
    assert_eq!(lines_of(&out, "firewall"), [""; 0]);
    assert_eq!(lines_of(&out, "turnpike").len(), 5);
    assert!(warnings.contains("visitors is not forwarded to wan"), "{warnings}");
    assert!(warnings.contains("tcp 2050"), "{warnings}");

    let forwarded = format!("{zone}f=forwarding\nf.src=visitors\nf.dest=wan\n")
        .replace("g.input=REJECT", "g.input=ACCEPT");
    let router = router_with(&[("firewall", &forwarded)]);
    assert_eq!(said(&run(&router, &["--dry-run", "guest"])).1, "");
}

#[test]
fn offloading_and_a_missing_dhcp_server_are_said_with_what_to_do() {
    let offloaded = FIREWALL.replace("cfg01=defaults", "cfg01=defaults\ncfg01.flow_offloading_hw=on");
    let router = router_with(&[("firewall", &offloaded), ("dhcp", "lan=dhcp\nlan.interface=lan\n")]);
    let output = run(&router, &["--dry-run", "guest"]);
    assert!(output.status.success());
    let (_, warnings) = said(&output);
    assert!(warnings.contains("uci set firewall.@defaults[0].flow_offloading=0"), "{warnings}");
    assert!(warnings.contains("uci set dhcp.guest.interface=guest"), "{warnings}");
}

#[test]
fn the_management_network_is_taken_only_if_that_is_really_meant() {
    let same_device = NETWORK.replace("br-guest", "br-lan");
    for (network, files) in [("lan", vec![]), ("guest", vec![("network", same_device.as_str())])] {
        let router = router_with(&files);
        let output = run(&router, &[network]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).1.contains("--yes-really"), "{output:?}");
        assert!(!touched(&router));
        let output = run(&router, &["--dry-run", "--yes-really", network]);
        assert!(output.status.success(), "{output:?}");
        assert!(said(&output).0.contains("lan=br-lan'"));
    }
    // Nor is a zone that stands there already, as an example, switched on by the way.
    let example = format!("{TURNPIKE}example=zone\nexample.lan=br-lan\n");
    let router = router_with(&[("turnpike", &example)]);
    let output = run(&router, &["guest"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).1.contains("uci delete turnpike.@zone[0]"), "{output:?}");
    assert!(!touched(&router));
}

#[rstest]
#[case("nowhere", "", "there is no network nowhere")]
#[case("wan", "", "protocol 'dhcp'")]
#[case("guest", "network: guest.device=", "no device of its own")]
#[case("guest", "network: guest.device=br guest", "'br guest'")]
#[case("guest", "network: guest.device=@lan", "'@lan'")]
#[case("guest", "network: guest.device=a-name-that-is-too-long", "plain name")]
#[case("guest", "network: guest.device=x';reboot;'", "plain name")]
#[case("guest", "firewall: cfg03.network=guest", "in the firewall's zone wan")]
#[case("guest", "firewall: cfg03.name=outside", "--wan-zone")]
#[case("guest", "firewall: cfg02.name=guest", "has a zone guest already")]
#[case("guest", "turnpike: guest=role", "has a section 'guest' already")]
fn what_is_no_guest_network_is_refused(#[case] network: &str, #[case] change: &str, #[case] reason: &str) {
    let router = router_with(&[]);
    if let Some((package, line)) = change.split_once(": ") {
        let (key, _) = line.split_once('=').unwrap();
        let file = format!("uci/{package}");
        let kept: Vec<String> = router
            .read(&file)
            .lines()
            .filter(|old| !old.starts_with(&format!("{key}=")))
            .map(str::to_owned)
            .collect();
        let line = if line.ends_with('=') { "" } else { line };
        router.write(&file, &format!("{}\n{line}\n", kept.join("\n")));
    }
    let output = run(&router, &[network]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let (_, complaint) = said(&output);
    assert!(complaint.contains(reason), "{complaint}");
    assert!(!touched(&router));
}

#[test]
fn names_that_are_none_are_refused_before_anything_is_asked() {
    let router = router_with(&[]);
    for name in [
        "a b",
        "a'b",
        "a\"b",
        "a;reboot",
        "$(reboot)",
        "`reboot`",
        "../x",
        "a.b",
        "a\nb",
        "@zone[0]",
        "ä",
        "*",
    ] {
        for arguments in [vec![name], vec!["--wan-zone", name, "guest"]] {
            let output = run(&router, &arguments);
            assert_eq!(output.status.code(), Some(1), "{arguments:?} {output:?}");
        }
    }
    for port in ["0", "65536", "x", "-1", "99999999999999999999", " 80", "080"] {
        assert_eq!(run(&router, &["--portal-port", port, "guest"]).status.code(), Some(1), "{port}");
    }
    for arguments in
        [vec![], vec![""], vec!["--what", "guest"], vec!["guest", "lan"], vec!["guest", "--wan-zone"]]
    {
        let output = run(&router, &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).1.contains("usage:"));
    }
    assert!(said(&run(&router, &["--help"])).0.contains("--dry-run"));
    assert_eq!(router.read("uci-calls"), "");
}

#[test]
fn changes_that_somebody_has_not_saved_are_not_saved_with_ours() {
    for package in ["firewall", "turnpike"] {
        let router = router_with(&[]);
        router.write(&format!("changes/{package}"), "firewall.cfg02.input='DROP'\n");
        let output = run(&router, &["guest"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).1.contains(&format!("uci commit {package}")));
        assert!(!touched(&router));
    }
}
