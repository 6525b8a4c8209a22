//! `/etc/init.d/turnpike`: what procd and the program are told, and what becomes of a configuration that is wrong.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use super::router::{Router, UCI, USER};

const CONFIG: &str = "/var/etc/turnpike/turnpike.toml";
const HUP: &str = "procd_send_signal turnpike * HUP";

fn has_instance(calls: &[String]) -> bool {
    calls.iter().any(|call| call == "procd_open_instance turnpike")
}

#[test]
fn a_boot_closes_the_zones_and_then_starts() {
    let router = Router::new();
    assert!(router.init("boot"), "{}", router.log());
    let expected = [
        "turnpike from-uci /etc/config/turnpike",
        "turnpike check-config --config /var/etc/turnpike/turnpike.toml.new",
        "turnpike close --config /var/etc/turnpike/turnpike.toml",
        "procd_open_instance turnpike",
        "procd_set_param command /usr/bin/turnpike run --config /var/etc/turnpike/turnpike.toml",
        "procd_set_param env TZ=CET-1CEST,M3.5.0,M10.5.0/3",
        "procd_set_param file /var/etc/turnpike/turnpike.toml /usr/bin/turnpike",
        "procd_set_param respawn 3600 5 0",
        "procd_set_param stdout 1",
        "procd_set_param stderr 1",
        "procd_set_param pidfile /var/run/turnpike.pid",
        "procd_set_param term_timeout 30",
        "procd_set_param limits nofile=16384 16384",
        "procd_add_jail turnpike",
        "procd_set_param user turnpike",
        "procd_set_param group turnpike",
        "procd_set_param capabilities /etc/capabilities/turnpike.json",
        "procd_set_param no_new_privs 1",
        "procd_close_instance",
        "procd_add_reload_trigger turnpike system",
        "procd_add_restart_mount_trigger /etc/turnpike",
        "close_service",
    ];
    assert_eq!(router.calls(), expected);
    assert_eq!(router.log(), "");

    let config = fs::metadata(router.path(CONFIG)).unwrap();
    assert_eq!((config.mode() & 0o777, config.uid(), config.gid()), (0o600, USER, USER));
    assert_eq!(router.read(CONFIG), "# of UCI\n");
    let folder = fs::metadata(router.path("/var/etc/turnpike")).unwrap();
    assert_eq!((folder.mode() & 0o777, folder.uid()), (0o755, 0), "the daemon writes no configuration");
    let store = fs::metadata(router.path("/etc/turnpike")).unwrap();
    assert_eq!((store.mode() & 0o777, store.uid()), (0o700, USER));
    assert_eq!(fs::metadata(router.path("/var/run/turnpike")).unwrap().uid(), USER);
    let run = fs::read_link(router.path("/run")).unwrap();
    assert_eq!(run.to_str(), Some("/var/run"), "where the command line looks for the socket");
}

#[test]
fn keys_that_were_put_beside_the_database_become_the_daemons_and_links_are_left_alone() {
    let router = Router::new();
    router.write("etc/turnpike/portal.key", "key");
    router.write("etc/shadow", "root::");
    symlink("/etc/shadow", router.path("etc/turnpike/turnpike.db-wal")).unwrap();
    assert!(router.init("start"));
    assert_eq!(fs::metadata(router.path("etc/turnpike/portal.key")).unwrap().uid(), USER);
    assert_eq!(fs::metadata(router.path("etc/shadow")).unwrap().uid(), 0);
    assert_eq!(fs::symlink_metadata(router.path("etc/turnpike/turnpike.db-wal")).unwrap().uid(), 0);
}

#[test]
fn without_a_jail_it_runs_as_root_and_says_why() {
    for (missing, reason) in [
        ("sbin/ujail", "procd-ujail is not installed"),
        ("etc/capabilities/turnpike.json", "/etc/capabilities/turnpike.json is missing"),
        ("etc/passwd", "there is no user turnpike"),
    ] {
        let router = Router::new();
        router.remove(missing);
        if missing == "etc/passwd" {
            router.write(missing, "root:x:0:0::/:/bin/sh\n");
        }
        assert!(router.init("start"));
        let calls = router.calls();
        assert!(has_instance(&calls));
        for param in ["procd_add_jail", "procd_set_param user", "procd_set_param capabilities"] {
            assert!(!calls.iter().any(|call| call.starts_with(param)), "{param} without {missing}");
        }
        assert!(router.log().contains(reason));
        assert_eq!(fs::metadata(router.path(CONFIG)).unwrap().uid(), 0);
    }
}

#[test]
fn a_plugin_of_another_user_needs_root() {
    let router = Router::new();
    router.write("etc/config/turnpike", &format!("{UCI}\nconfig plugin\n\toption user 'coins'\n"));
    assert!(router.init("start"));
    assert!(!router.calls().iter().any(|call| call.starts_with("procd_add_jail")));
    assert!(router.log().contains("a plugin is to run as coins"));
}

#[test]
fn who_writes_for_dnsmasq_needs_root() {
    let router = Router::new();
    let file = "/tmp/dnsmasq.d/turnpike.conf";
    router.write("etc/config/turnpike", &format!("{UCI}\nconfig dnsmasq\n\toption fragment '{file}'\n"));
    assert!(router.init("start"));
    assert!(!router.calls().iter().any(|call| call.starts_with("procd_add_jail")));
    assert!(router.log().contains(file));
}

#[test]
fn what_is_disabled_is_not_started_and_closes_nothing() {
    let router = Router::new();
    for off in ["0", "off", "false", "no", "disabled"] {
        router.write("etc/config/turnpike", &UCI.replace("enabled '1'", &format!("enabled '{off}'")));
        assert!(router.init("boot"));
        assert!(router.init("close"));
        let calls = router.calls();
        assert!(calls.iter().all(|call| !call.starts_with("turnpike ")), "{off}: {calls:?}");
        assert!(!has_instance(&calls));
        // A change of it is heard.
        assert!(calls.contains(&"procd_add_reload_trigger turnpike system".to_owned()));
        assert!(router.log().contains("enabled"));
    }
}

#[test]
fn a_wrong_file_at_boot_starts_nothing_and_closes_the_devices_that_it_names() {
    let router = Router::new();
    router.write("from-uci.wrong", "/etc/config/turnpike:7: option portl is unknown\n");
    let lines = "config zone 'other'\n\toption lan \"br-b  br-c\" # \"evil\n\tlist lan 'br-guest'\n\tlist lan 'a\"]'\n\
                 \tlist lan 'x;reboot'\n\tlist 'lan' '*'\n";
    router.write("etc/config/turnpike", &format!("{UCI}{lines}"));
    assert!(!router.init("boot"));
    let calls = router.calls();
    assert!(!has_instance(&calls));
    assert!(calls.contains(&"turnpike close --config /var/etc/turnpike/closed.toml".to_owned()), "{calls:?}");
    // `a"]` is no device: none gets out of its string.
    let closed = "[[zone]]\nname = \"closed\"\nlan = [\"br-b\", \"br-c\", \"br-guest\"]\n";
    assert_eq!(router.read("closed-with"), closed);
    assert_eq!(router.read(CONFIG), "", "no configuration that is not in order");
    let log = router.log();
    assert!(log.contains("/etc/config/turnpike:7: option portl is unknown"), "{log}");
    assert!(log.contains("x;reboot"), "{log}");
}

#[test]
fn a_file_that_uci_itself_cannot_read_closes_all_the_same() {
    let router = Router::new();
    router.write("from-uci.wrong", "/etc/config/turnpike:9: a quote is not closed\n");
    router.write("etc/config/turnpike", &format!("{UCI}config UNBALANCED 'quote\n"));
    assert!(!router.init("boot"));
    assert!(router.read("closed-with").contains("br-guest"));
}

#[test]
fn what_from_uci_writes_is_checked_before_it_is_taken() {
    let router = Router::new();
    router.write("check-config.wrong", "turnpike.toml:3: no certificate\n");
    assert!(!router.init("start"));
    assert!(!has_instance(&router.calls()));
    assert_eq!(router.read(CONFIG), "");
    assert!(router.log().contains("no certificate"));
    let left: Vec<_> = fs::read_dir(router.path("/var/etc/turnpike"))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(left, ["closed.toml"]);
}

#[test]
fn a_wrong_file_leaves_what_runs_running() {
    let mut router = Router::new();
    router.started();
    router.write("toml", "# another\n");
    router.write("from-uci.wrong", "/etc/config/turnpike:2: what is that?\n");

    assert!(!router.init("reload"));
    assert_eq!(router.calls(), ["turnpike from-uci /etc/config/turnpike"]);
    assert!(router.log().contains("what is that?"));

    // procd ends what a start does not name.
    assert!(router.init("start"));
    let calls = router.calls();
    assert!(has_instance(&calls));
    assert!(!calls.iter().any(|call| call.starts_with("turnpike close")), "who runs closes for itself");
    assert_eq!(router.read(CONFIG), "# of UCI\n");
    assert!(router.daemon_is_there());
}

#[test]
fn a_reload_signals_once_what_changed_and_nothing_else() {
    let mut router = Router::new();
    router.started();

    assert!(router.init("reload"));
    assert!(!router.calls().contains(&HUP.to_owned()), "nothing has changed");

    router.write("toml", "# another\n");
    assert!(router.init("reload"));
    let checks = "turnpike check-config --config /var/etc/turnpike/turnpike.toml.new";
    assert_eq!(router.calls(), ["turnpike from-uci /etc/config/turnpike", checks, HUP]);
    let config = fs::metadata(router.path(CONFIG)).unwrap();
    assert_eq!((config.mode() & 0o777, config.uid()), (0o600, USER));
    assert_eq!(router.read(CONFIG), "# another\n");

    assert!(router.init("reload"));
    assert_eq!(router.calls().len(), 2, "once");
    assert_eq!(router.log(), "");
}

#[test]
fn a_reload_makes_the_folders_that_the_new_file_needs_first() {
    let mut router = Router::new();
    router.started();
    let moved = UCI.replace("/etc/turnpike/turnpike.db", "/var/lib/turnpike/turnpike.db");
    router.write("etc/config/turnpike", &moved);
    router.write("toml", "# moved\n");
    assert!(!router.path("var/lib/turnpike").exists());
    assert!(router.init("reload"));
    assert!(router.calls().contains(&HUP.to_owned()));
    assert_eq!(fs::metadata(router.path("var/lib/turnpike")).unwrap().uid(), USER);
    // Nobody is sent to a disk that is not there.
    router.write("etc/config/turnpike", &UCI.replace("/etc/turnpike/", "/mnt/gone/turnpike/"));
    router.write("toml", "# gone\n");
    assert!(!router.init("reload"));
    assert!(!router.calls().contains(&HUP.to_owned()));
}

#[test]
fn a_reload_starts_what_does_not_run_and_takes_away_what_is_disabled() {
    let mut router = Router::new();
    assert!(router.init("reload"));
    assert!(has_instance(&router.calls()));

    router.daemon_runs();
    router.write("etc/config/turnpike", &UCI.replace("enabled '1'", "enabled '0'"));
    assert!(router.init("reload"));
    let calls = router.calls();
    assert!(!has_instance(&calls) && calls.contains(&"close_service".to_owned()), "{calls:?}");
}

#[test]
fn what_a_signal_cannot_change_is_given_to_procd_again() {
    let mut router = Router::new();
    router.started();
    router.write("etc/TZ", "<-03>3\n");
    assert!(router.init("reload"));
    let calls = router.calls();
    assert!(calls.contains(&"procd_set_param env TZ=<-03>3".to_owned()), "{calls:?}");
    assert!(!calls.contains(&HUP.to_owned()));

    router.remove("sbin/ujail");
    assert!(router.init("reload"));
    let calls = router.calls();
    assert!(has_instance(&calls) && !calls.iter().any(|call| call.starts_with("procd_add_jail")));
}

#[test]
fn stop_leaves_the_rules_standing() {
    let mut router = Router::new();
    router.started();
    assert!(router.init("stop"));
    assert_eq!(router.calls(), ["procd_kill turnpike"]);
}

#[test]
fn a_restart_waits_until_the_old_one_has_written_everything() {
    let mut router = Router::new();
    assert!(router.init("start"));
    router.slow_daemon_runs();
    router.calls();
    assert!(router.init("restart"), "{}", router.log());
    assert!(!router.daemon_is_there(), "the new one was started beside the old one");
    let calls = router.calls();
    assert_eq!(calls[0], "procd_kill turnpike");
    assert!(calls.contains(&"turnpike close --config /var/etc/turnpike/turnpike.toml".to_owned()));
    assert!(has_instance(&calls));
}

#[test]
fn down_stops_waits_and_opens() {
    let mut router = Router::new();
    assert!(router.init("start"));
    router.slow_daemon_runs();
    router.calls();
    assert!(router.init("down"), "{}", router.log());
    assert!(!router.daemon_is_there());
    assert_eq!(
        router.calls(),
        ["procd_kill turnpike", "turnpike down --config /var/etc/turnpike/turnpike.toml"]
    );
    // What was opened by hand stays open until it is started again.
    assert!(router.init("close"));
    assert_eq!(router.calls_of("turnpike close"), [""; 0]);
    assert!(router.init("start"));
    assert!(router.init("close"));
    assert_eq!(router.calls_of("turnpike close").len(), 2);
}

#[test]
fn down_works_before_anything_was_started_and_with_a_wrong_file() {
    let router = Router::new();
    assert!(router.init("down"));
    assert_eq!(router.calls_of("turnpike down"), ["turnpike down --config /var/etc/turnpike/turnpike.toml"]);
    let router = Router::new();
    router.write("from-uci.wrong", "wrong\n");
    assert!(router.init("down"));
    assert_eq!(router.calls_of("turnpike down"), ["turnpike down --config /var/etc/turnpike/closed.toml"]);
}

#[test]
fn zones_that_cannot_be_closed_are_said_loudly_and_the_daemon_is_started_all_the_same() {
    let router = Router::new();
    router.write("close.fails", "");
    assert!(router.init("start"));
    assert!(has_instance(&router.calls()));
    assert!(router.log().contains("guests may be online without a session"));
}

#[test]
fn a_database_on_a_disk_that_is_not_there_is_not_begun_anew() {
    let router = Router::new();
    router.write("etc/config/turnpike", &UCI.replace("/etc/turnpike/", "/mnt/stick/turnpike/"));
    fs::create_dir_all(router.path("mnt/stick")).unwrap();
    assert!(!router.init("boot"));
    let calls = router.calls();
    assert!(!has_instance(&calls));
    assert!(calls.contains(&"turnpike close --config /var/etc/turnpike/turnpike.toml".to_owned()));
    assert!(calls.contains(&"procd_add_restart_mount_trigger /mnt/stick/turnpike".to_owned()), "{calls:?}");
    assert!(router.log().contains("/mnt/stick/turnpike"));
    assert!(!router.path("mnt/stick/turnpike").exists());

    fs::create_dir_all(router.path("mnt/stick/turnpike")).unwrap();
    assert!(router.init("restart"));
    assert!(has_instance(&router.calls()));
    assert_eq!(fs::metadata(router.path("mnt/stick/turnpike")).unwrap().uid(), USER);
}

#[test]
fn a_configuration_that_was_made_to_close_the_zones_is_the_daemons_to_read() {
    let router = Router::new();
    assert!(router.init("close"));
    let owner = || fs::metadata(router.path(CONFIG)).unwrap().uid();
    assert_eq!(owner(), 0);
    assert!(router.init("start"));
    assert_eq!(owner(), USER);
}

#[test]
fn without_a_time_zone_the_daemon_finds_it_by_itself() {
    let router = Router::new();
    router.remove("etc/TZ");
    assert!(router.init("start"));
    let calls = router.calls();
    assert!(has_instance(&calls) && !calls.iter().any(|call| call.starts_with("procd_set_param env")));
}

#[test]
fn a_stick_that_knows_no_owners_is_written_by_root() {
    let mut router = Router::new();
    router.remove("bin/chown");
    let fat = "#!/bin/sh\ncase $* in */mnt/*) exit 1 ;; esac\nexec /bin/busybox chown \"$@\"\n";
    router.program("bin/chown", fat);
    router.write("etc/config/turnpike", &UCI.replace("/etc/turnpike/", "/mnt/stick/turnpike/"));
    fs::create_dir_all(router.path("mnt/stick/turnpike")).unwrap();
    assert!(router.init("start"));
    let calls = router.calls();
    assert!(has_instance(&calls) && !calls.iter().any(|call| call.starts_with("procd_add_jail")));
    assert!(router.log().contains("runs as root: /mnt/stick/turnpike cannot belong to a user"));
    router.daemon_runs();
    assert!(router.init("reload"));
    assert!(!has_instance(&router.calls()), "a reload is no restart");
}

#[test]
fn a_folder_that_is_not_turnpikes_is_not_taken_over() {
    let router = Router::new();
    router.write("etc/config/turnpike", &UCI.replace("/etc/turnpike/turnpike.db", "/etc/turnpike.db"));
    assert!(router.init("start"));
    assert_eq!(fs::metadata(router.path("etc")).unwrap().uid(), 0);
    assert!(!router.calls().iter().any(|call| call.starts_with("procd_add_jail")));
    assert!(router.log().contains("/etc, is not named turnpike"));
}

#[test]
fn the_usual_folder_of_the_guest_log_is_made_for_whoever_wants_one() {
    let router = Router::new();
    let folder = "/var/log/turnpike";
    assert!(router.init("start"));
    assert!(!router.path(folder).exists(), "nobody asked for it");
    router.write(
        "/etc/config/turnpike",
        &format!("{UCI}\nconfig guest_log\n\toption file '{folder}/guests.log'\n"),
    );
    assert!(router.init("reload"), "{}", router.log());
    let made = fs::metadata(router.path(folder)).unwrap();
    assert_eq!((made.mode() & 0o777, made.uid(), made.gid()), (0o750, USER, USER));
    // What was written as root is the user's to go on with; a link is left alone.
    router.write(&format!("{folder}/guests.log.2026-06-01"), "{}\n");
    router.write("target", "");
    let link = router.path(&format!("{folder}/guests.log.2026-06-02"));
    std::os::unix::fs::symlink(router.path("target"), &link).unwrap();
    assert!(router.init("reload"), "{}", router.log());
    let owner = |path: &str| fs::symlink_metadata(router.path(path)).unwrap().uid();
    assert_eq!(owner(&format!("{folder}/guests.log.2026-06-01")), USER);
    assert_eq!((owner("target"), owner(&format!("{folder}/guests.log.2026-06-02"))), (0, 0));
    fs::remove_dir_all(router.path(folder)).unwrap();
    router.write(folder, "in the way");
    let _ = (router.calls(), router.log());
    assert!(router.init("restart"), "{}", router.log());
    assert!(has_instance(&router.calls()), "guests are let in all the same");
    assert!(router.log().contains("the guest log cannot be written"));
}

#[test]
fn a_database_in_memory_is_said_to_be_lost_at_a_reboot() {
    let router = Router::new();
    let in_memory = UCI.replace("/etc/turnpike/turnpike.db", "/var/lib/turnpike/turnpike.db");
    router.write("etc/config/turnpike", &in_memory);
    assert!(router.init("start"));
    assert!(has_instance(&router.calls()));
    assert!(router.log().contains("lost at a reboot"));
}

#[test]
fn commands_by_hand_reach_the_program() {
    let router = Router::new();
    let socket = "\nconfig control 'control'\n\toption socket '/tmp/other.sock'\n";
    assert!(router.init("reconcile"));
    router.write("etc/config/turnpike", &format!("{UCI}{socket}"));
    assert!(router.init("reconcile"));
    let output = router.run("/etc/init.d/turnpike", &["doctor", "--json"]);
    assert!(output.status.success());
    assert_eq!(
        router.calls(),
        [
            "turnpike reconcile --socket /run/turnpike/control.sock",
            "turnpike reconcile --socket /tmp/other.sock",
            "turnpike doctor --config /var/etc/turnpike/turnpike.toml --json",
        ]
    );
    router.write("doctor.fails", "");
    assert!(!router.init("doctor"));
}
