//! What fw4, opkg, uci-defaults and sysupgrade call.

use std::thread::sleep;
use std::time::Duration;

use super::router::Router;

/// As fw4 does: a shell of its own, in which UCI's functions end the shell.
fn firewall_is_loaded(router: &Router) {
    let script = "config() { exit 1; }; . /usr/share/turnpike/firewall.include";
    let output = router.run("/bin/sh", &["-c", script]);
    assert!(output.status.success(), "{output:?}");
}

/// The calls, when a process in the background has made as many.
fn calls_in_time(router: &Router, count: usize) -> Vec<String> {
    for _ in 0..500 {
        let calls: Vec<String> = router.read("calls").lines().map(str::to_owned).collect();
        if calls.len() >= count {
            return calls;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("not {count} calls in 10 s: {:?}", router.read("calls"));
}

#[test]
fn a_running_daemon_is_asked_to_look_when_the_firewall_was_loaded() {
    let mut router = Router::new();
    router.run("/etc/init.d/turnpike", &["enable"]);
    router.started();
    firewall_is_loaded(&router);
    let asked = "turnpike reconcile --socket /run/turnpike/control.sock";
    assert_eq!(calls_in_time(&router, 1), [asked]);

    router.calls();
    router.write("reconcile.fails", "");
    firewall_is_loaded(&router);
    // A daemon that does not answer closes nothing either.
    let closed = "turnpike close --config /var/etc/turnpike/turnpike.toml";
    assert_eq!(calls_in_time(&router, 2), [asked, closed]);
}

#[test]
fn without_a_daemon_the_zones_are_closed_before_the_firewall_goes_on() {
    let router = Router::new();
    firewall_is_loaded(&router);
    assert_eq!(router.calls(), [""; 0], "a service that is not enabled concerns nobody");

    router.run("/etc/init.d/turnpike", &["enable"]);
    firewall_is_loaded(&router);
    // At boot, before the service: nothing was made of UCI yet.
    assert_eq!(
        router.calls(),
        [
            "turnpike from-uci /etc/config/turnpike",
            "turnpike check-config --config /var/etc/turnpike/turnpike.toml.new",
            "turnpike close --config /var/etc/turnpike/turnpike.toml",
        ]
    );
    // A daemon that died left its number.
    router.write("var/run/turnpike.pid", "999999999\n");
    firewall_is_loaded(&router);
    assert_eq!(router.calls(), ["turnpike close --config /var/etc/turnpike/turnpike.toml"]);
}

#[test]
fn the_defaults_register_the_include_and_the_user_once() {
    let router = Router::new();
    router.write("uci/firewall", "defaults=defaults\n");
    router.write("etc/passwd", "root:x:0:0::/:/bin/sh\n");
    router.write("etc/group", "root:x:0:\n");
    let defaults = || router.run("/bin/sh", &["-c", ". /etc/uci-defaults/90-turnpike"]).status.success();
    assert!(defaults());
    let expected = "defaults=defaults\nturnpike=include\nturnpike.type=script\n\
                    turnpike.path=/usr/share/turnpike/firewall.include\nturnpike.fw4_compatible=1\n";
    assert_eq!(router.read("saved/firewall"), expected);
    assert!(router.read("etc/passwd").contains("turnpike:x:32768:32768:"));
    assert!(defaults());
    assert_eq!(router.read("saved/firewall"), expected);
    for file in ["etc/passwd", "etc/group"] {
        let text = router.read(file);
        assert_eq!(text.lines().filter(|line| line.starts_with("turnpike:")).count(), 1, "{text}");
    }
}

#[test]
fn without_a_firewall_the_defaults_are_tried_again_at_the_next_boot() {
    let router = Router::new();
    let output = router.run("/bin/sh", &["-c", ". /etc/uci-defaults/90-turnpike"]);
    assert!(!output.status.success());
}

const REGISTERED: &str = "wan=zone\nturnpike=include\nturnpike.path=/usr/share/turnpike/firewall.include\n";

#[test]
fn removal_leaves_no_rule_and_no_include() {
    let mut router = Router::new();
    router.write("uci/firewall", REGISTERED);
    router.started();
    assert!(router.run("/usr/share/turnpike/prerm", &[]).status.success());
    assert_eq!(
        router.calls(),
        ["procd_kill turnpike", "turnpike down --config /var/etc/turnpike/turnpike.toml"]
    );
    assert!(!router.daemon_is_there());
    assert_eq!(router.read("saved/firewall"), "wan=zone\n");
}

#[test]
fn rules_that_cannot_be_taken_away_do_not_keep_the_package() {
    let router = Router::new();
    router.write("uci/firewall", REGISTERED);
    router.write("down.fails", "");
    assert!(router.run("/usr/share/turnpike/prerm", &[]).status.success());
    assert!(router.log().contains("nft delete table inet turnpike"));
}

#[test]
fn an_upgrade_and_a_build_take_nothing_away() {
    let mut router = Router::new();
    router.write("uci/firewall", REGISTERED);
    router.started();
    let output = router.run_with(&[("IPKG_INSTROOT", "/image")], "/usr/share/turnpike/prerm", &[]);
    assert!(output.status.success());
    assert_eq!(router.calls(), [""; 0]);
    assert!(router.daemon_is_there());

    let output = router.run_with(&[("PKG_UPGRADE", "1")], "/usr/share/turnpike/prerm", &[]);
    assert!(output.status.success());
    assert_eq!(router.calls(), ["procd_kill turnpike"]);
    assert!(!router.daemon_is_there(), "the next version would find the database in use");
    assert_eq!(router.read("uci/firewall"), REGISTERED);
}

/// As sysupgrade does: its variables are set, the file is read, and then the hooks are called in order.
fn sysupgrade(router: &Router, variables: &str) -> String {
    let script = format!(
        "{variables}; sysupgrade_init_conffiles=copy; copy() {{ echo copied \"$1\"; }}; . /lib/upgrade/turnpike.sh; \
         for hook in $sysupgrade_init_conffiles; do $hook list; done"
    );
    let output = router.run("/bin/sh", &["-c", &script]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_new_firmware_gets_a_database_that_nobody_writes() {
    let mut router = Router::new();
    router.started();
    for looks in ["CONF_BACKUP=/tmp/b.tgz", "CONF_BACKUP_LIST=1", "TEST=1"] {
        assert_eq!(sysupgrade(&router, looks), "copied list\n");
        assert!(router.daemon_is_there(), "{looks} is no upgrade");
    }
    assert_eq!(sysupgrade(&router, "CONF_BACKUP= CONF_BACKUP_LIST=0 TEST=0"), "copied list\n");
    assert!(!router.daemon_is_there());
    assert_eq!(router.calls(), ["procd_kill turnpike"]);
}
