//! `turnpike doctor` in a router: a healthy one has no problem, and each fault that is put into it is found by its code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::lab::{Daemon, DaemonConfig, HttpRequest, LAN4, Lab, NET4, NET6, Output, eventually};

const BIN: &str = env!("CARGO_BIN_EXE_turnpike");
const SECOND: Duration = Duration::from_secs(1);

/// What a run of doctor found.
struct Found {
    exit_code: i32,
    findings: Vec<Value>,
}

impl Found {
    /// The severities of a code's findings.
    fn of(&self, code: &str) -> Vec<&str> {
        let of_code = self.findings.iter().filter(|finding| finding["code"] == code);
        of_code.map(|finding| finding["severity"].as_str().unwrap()).collect()
    }

    /// The codes of the problems.
    fn problems(&self) -> Vec<&str> {
        let problems = self.findings.iter().filter(|finding| finding["severity"] == "problem");
        problems.map(|finding| finding["code"].as_str().unwrap()).collect()
    }

    fn text_of(&self, code: &str) -> String {
        let of_code = self.findings.iter().filter(|finding| finding["code"] == code);
        of_code.map(|finding| finding["what"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
    }
}

/// Runs doctor, perhaps through another program, and holds what it says against its own promises.
fn doctor_by(lab: &Lab, config: &Path, through: &[&str]) -> Found {
    let config = config.display().to_string();
    let command: Vec<&str> =
        through.iter().copied().chain([BIN, "doctor", "--json", "--config", &config]).collect();
    let output = lab.router.run(&command);
    assert_eq!(output.stderr, "", "{output:?}");
    let report = output.json();
    let findings = report["findings"].as_array().unwrap().clone();
    let count = |severity: &str| findings.iter().filter(|finding| finding["severity"] == severity).count();
    let (problems, warnings) = (count("problem"), count("warning"));
    assert_eq!((&report["problems"], &report["warnings"]), (&problems.into(), &warnings.into()), "{report}");
    assert_eq!(report.as_object().unwrap().len(), 3);
    let wanted = if problems > 0 {
        1
    } else if warnings > 0 {
        3
    } else {
        0
    };
    assert_eq!(output.code, wanted, "{report}");
    assert_eq!(problems + warnings + count("ok"), findings.len());
    findings.iter().for_each(assert_as_documented);
    Found { exit_code: output.code, findings }
}

fn doctor(lab: &Lab, config: &Path) -> Found {
    doctor_by(lab, config, &[])
}

/// A finding has all its fields, and is as severe as the table in the documentation says that its code can be.
fn assert_as_documented(finding: &Value) {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md"));
    let text = |key: &str| finding[key].as_str().unwrap_or_else(|| panic!("{key}: {finding}"));
    assert_eq!(finding.as_object().unwrap().len(), 5, "{finding}");
    let begin = format!("| `{}` |", text("code"));
    let row = document.lines().find(|line| line.starts_with(&begin));
    let cells: Vec<&str> = row.unwrap_or_else(|| panic!("not documented: {finding}")).split('|').collect();
    let is_unchecked = text("what").contains("could not be checked, because");
    match text("severity") {
        "problem" => assert_ne!(cells[3].trim(), "–", "{finding}"),
        "warning" => assert!(is_unchecked || cells[4].trim() != "–", "{finding}"),
        other => assert_eq!(other, "ok"),
    }
    assert!(!text("what").is_empty());
    assert_eq!(text("severity") == "ok", text("why").is_empty() && text("fix").is_empty(), "{finding}");
}

/// Everything of the router that doctor might have changed.
fn state(lab: &Lab) -> BTreeMap<&'static str, String> {
    let links = lab.router.run(&["ip", "-br", "link"]).stdout;
    BTreeMap::from([
        ("rules", lab.router.must(&["nft", "-s", "list", "ruleset"])),
        ("qdiscs", lab.router.must(&["tc", "qdisc", "show"])),
        ("links", links),
    ])
}

/// Writes another configuration beside the daemon's.
fn config_with(lab: &Lab, name: &str, from: &str, to: &str) -> PathBuf {
    let text = fs::read_to_string(lab.dir.path().join("turnpike.toml")).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    let path = lab.dir.path().join(name);
    fs::write(&path, text.replace(from, to)).unwrap();
    path
}

/// On a machine whose temporary files are in memory the lab's database is, too.
fn known_problems(lab: &Lab) -> Vec<&'static str> {
    let kind = lab.router.must(&["stat", "-f", "-c", "%T", &lab.dir.path().display().to_string()]);
    if kind.trim() == "tmpfs" { vec!["store-volatile"] } else { Vec::new() }
}

#[test]
fn a_healthy_router_has_no_problem_and_each_fault_is_found_while_the_daemon_runs() {
    let lab = Lab::builder().phones(1).dhcp().build();
    let daemon = Daemon::start(&lab);
    let config = daemon.config();
    let (before, repairs) = (state(&lab), daemon.get("/api/v1/status")["repairs"].clone());
    let healthy = doctor(&lab, &config);
    assert_eq!(healthy.problems(), known_problems(&lab), "{:?}", healthy.findings);
    assert!(healthy.text_of("daemon").contains("runs since 20"), "{}", healthy.text_of("daemon"));
    for code in
        ["rules", "dns", "dhcp", "port-taken", "portal-listen", "store-database", "kernel-sets", "masquerade"]
    {
        assert_eq!(healthy.of(code), ["ok"], "{code}: {:?}", healthy.findings);
    }
    assert_eq!(state(&lab), before, "doctor changes nothing");
    assert_eq!(daemon.get("/api/v1/status")["repairs"], repairs);

    // Each fault, how it is put in and taken out, its code, how bad it is.
    let ip = |batch: &str| lab.router.ip(batch);
    let assert_found = |code: &str, severity: &str| {
        let found = doctor(&lab, &config);
        assert!(found.of(code).contains(&severity), "{code}: {:?}", found.findings);
    };
    lab.router.sysctl(&[("net/ipv4/ip_forward", "0")]);
    assert_found("forwarding-v4", "problem");
    lab.router.sysctl(&[("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "0")]);
    assert_found("forwarding-v6", "warning");
    lab.router.sysctl(&[("net/ipv6/conf/all/forwarding", "1")]);

    ip("route del default\n");
    lab.router.must(&["ip", "-6", "route", "del", "default"]);
    assert_found("default-route", "problem");
    ip("route add default dev br-lan\n");
    assert_found("default-route", "problem");
    ip("route del default\n");
    ip(&format!("route add default via {NET4}\nroute add default via {NET6}\n"));

    lab.router.must(&[
        "tc", "qdisc", "add", "dev", "br-lan", "root", "handle", "9:", "tbf", "rate", "10mbit", "burst",
        "10kb", "latency", "50ms",
    ]);
    assert_found("foreign-qdisc", "warning");
    lab.router.must(&["tc", "qdisc", "del", "dev", "br-lan", "root"]);

    lab.router
        .nft("table inet rude { chain p { type filter hook postrouting priority 0; ct mark set 0x7; }; }");
    assert_found("mark-bits", "problem");
    lab.router
        .nft("flush table inet rude\ntable inet rude { chain p { tcp dport 9 ct mark set ct mark | 1; }; }");
    assert_found("mark-bits", "warning");
    lab.router.nft("delete table inet rude\ntable ip other { chain f { type filter hook forward priority 0; policy drop; }; }");
    assert_found("forward-policy", "problem");
    lab.router.nft("table ip other { chain f { iifname \"br-*\" oifname \"wan\" accept; }; }");
    assert_eq!(doctor(&lab, &config).of("forward-policy"), ["ok"]);
    lab.router.nft("delete table ip other\ntable ip nds_nat { }");
    assert_found("other-portal", "problem");
    lab.router.nft("delete table ip nds_nat\ndelete table inet fw4");
    assert_found("masquerade", "warning");

    ip("link set wan master br-lan\n");
    assert_found("bridged", "problem");
    ip("link set wan nomaster\n");
    ip("link set wan down\n");
    assert_found("wan-device", "warning");
    ip("link set br-lan down\n");
    assert_found("zone-device", "problem");

    lab.dnsmasq.as_ref().expect("started").signal(Signal::KILL);
    assert!(eventually(2 * SECOND, || doctor(&lab, &config).of("dns") == ["problem"]));
    assert_eq!(doctor(&lab, &config).of("dhcp"), ["warning"]);
    daemon.signal(Signal::STOP);
    assert_found("daemon", "problem");
    daemon.signal(Signal::CONT);
}

#[test]
fn without_a_daemon_what_stands_in_its_way_is_found() {
    let lab = Lab::builder().phones(1).dhcp().build();
    let config = Daemon::write_config(&lab, &DaemonConfig::default());
    let before = state(&lab);
    let healthy = doctor(&lab, &config);
    assert_eq!(healthy.problems(), known_problems(&lab), "{:?}", healthy.findings);
    assert_eq!((healthy.of("daemon"), healthy.of("rules")), (vec!["warning"], vec!["warning"]));
    assert_eq!(state(&lab), before);
    assert!(!lab.dir.path().join("turnpike.db").exists(), "doctor makes no database");

    let mut server =
        lab.router.spawn(&["python3", "-m", "http.server", "2050"], &lab.dir.path().join("server.log"));
    let found = || doctor(&lab, &config).text_of("port-taken");
    assert!(eventually(5 * SECOND, || found().contains("held by python3")), "{}", found());
    server.kill();

    let office =
        config_with(&lab, "open.toml", "[control]", &format!("[admin]\nlisten = \"{LAN4}:2051\"\n[control]"));
    assert_eq!(doctor(&lab, &office).of("admin-listen"), ["warning"]);
    let nowhere =
        config_with(&lab, "nowhere.toml", "[control]", "[admin]\nlisten = \"192.0.2.9:2051\"\n[control]");
    assert_eq!(doctor(&lab, &nowhere).of("admin-listen"), ["problem"]);
    let missing = config_with(&lab, "port.toml", "lan = [\"br-lan\"]", "lan = [\"phone-port\"]");
    assert_eq!(doctor(&lab, &missing).of("zone-device"), ["problem"], "no such device");
    let port = &lab.phones[0].port;
    let port = config_with(&lab, "port.toml", "lan = [\"br-lan\"]", &format!("lan = [\"{port}\"]"));
    assert!(doctor(&lab, &port).text_of("zone-device").contains("is a port of the bridge br-lan"));

    // A database in memory, and one that is none.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let kind = lab.router.must(&["stat", "-f", "-c", "%T", "/dev/shm"]);
    assert_eq!(kind.trim(), "tmpfs", "this test takes it that /dev/shm is in memory");
    let place = format!("path = \"{}/turnpike.db\"", lab.dir.path().display());
    let volatile = format!("path = \"{}/turnpike.db\"", memory.path().display());
    let in_memory = config_with(&lab, "memory.toml", &place, &volatile);
    assert_eq!(doctor(&lab, &in_memory).of("store-volatile"), ["problem"]);
    fs::write(memory.path().join("turnpike.db"), "no database at all".repeat(100)).unwrap();
    assert_eq!(doctor(&lab, &in_memory).of("store-database"), ["problem"]);

    // What cannot be asked is said, and the rest is looked at all the same.
    let no_nft = doctor_by(&lab, &config, &["env", "PATH=/nonexistent"]);
    assert_eq!((no_nft.of("nft"), no_nft.of("forwarding-v4")), (vec!["problem"], vec!["ok"]));
    for code in ["mark-bits", "forward-policy", "rules"] {
        assert!(no_nft.text_of(code).contains("could not be checked, because nft cannot be run"), "{code}");
    }
    let weak = doctor_by(&lab, &config, &["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]);
    assert_eq!((weak.of("net-admin"), weak.of("kernel-sets")), (vec!["problem"], vec!["warning"]));
    assert!(weak.findings.len() > 20, "{:?}", weak.findings);

    let broken = config_with(&lab, "broken.toml", "lan = [", "lann = [");
    let broken = doctor(&lab, &broken);
    assert_eq!((broken.of("config"), broken.exit_code), (vec!["problem", "problem", "warning"], 1));
    assert_eq!(broken.of("forwarding-v4"), ["ok"], "what needs no configuration is still looked at");
}

#[test]
fn rules_that_the_daemon_cannot_put_back_are_missed() {
    let lab = Lab::builder().phones(1).dns().build();
    let config = Daemon::write_config(&lab, &DaemonConfig::default());
    // An nft of the daemon's own, which is then taken away.
    let paths = std::env::var_os("PATH").unwrap();
    let mut nft = std::env::split_paths(&paths).map(|dir| dir.join("nft"));
    let nft = nft.find(|path| path.exists()).expect("nft is installed");
    let bin = lab.dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(nft, bin.join("nft")).unwrap();
    let path = format!("PATH={}", bin.display());
    let file = config.display().to_string();
    let _daemon =
        lab.router.spawn(&["env", &path, BIN, "run", "--config", &file], &lab.dir.path().join("daemon.log"));
    let socket = lab.dir.path().join("control.sock");
    let healthy = || HttpRequest::get("/healthz").send_unix(&socket).is_ok_and(|answer| answer.status == 200);
    assert!(eventually(10 * SECOND, healthy), "the daemon does not answer");
    assert_eq!(doctor(&lab, &config).of("rules"), ["ok"]);
    fs::remove_file(bin.join("nft")).unwrap();
    lab.router.nft("delete table inet turnpike");
    let found = doctor(&lab, &config);
    assert_eq!(found.of("rules"), ["problem"], "{:?}", found.findings);
}

#[test]
fn people_read_problems_first_and_what_is_in_order_only_if_they_want() {
    let lab = Lab::builder().phones(1).build();
    let config = Daemon::write_config(&lab, &DaemonConfig::default()).display().to_string();
    let run = |more: &[&str]| -> Output {
        let command: Vec<&str> =
            [BIN, "doctor", "--config", &config].into_iter().chain(more.iter().copied()).collect();
        lab.router.run(&command)
    };
    let short = run(&[]);
    assert_eq!(short.code, 1, "there is no name server: {short:?}");
    assert!(
        short.stdout.starts_with("Problems (") && short.stdout.contains("\n  dns: nobody listens"),
        "{short:?}"
    );
    let warnings = short.stdout.find("\nWarnings (").expect("there are some");
    assert!(short.stdout.find("\nIn order: ").expect("a count") > warnings, "{short:?}");
    assert!(!short.stdout.contains("forwarding-v4"), "{short:?}");
    for flag in ["-v", "--verbose"] {
        assert!(run(&[flag]).stdout.contains("\n  forwarding-v4: IPv4 is forwarded\n"));
    }
    assert_eq!(run(&["--loud"]).code, 2);
}
