//! The Debian package, in a small Debian of its own inside the lab's router: installed, run as its unit says, upgraded while
//! a guest is online, removed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::e2e_walk::code_of;
use crate::lab::{
    Debian, HttpRequest, LAN4, Lab, NET4, Process, Traffic, UdpBlaster, UdpEcho, eventually, used_bytes,
};

const SECOND: Duration = Duration::from_secs(1);

/// A line of `/proc/PID/status`.
fn status_of(process: &Process, key: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(":"));
    found.unwrap_or_else(|| panic!("no {key}: {text}")).trim().to_owned()
}

/// What a router on which nothing was installed has.
fn bare(lab: &Lab) -> (String, String) {
    (lab.router.must(&["nft", "list", "ruleset"]), lab.router.must(&["tc", "qdisc", "show"]))
}

#[test]
fn the_package_is_installed_serves_is_upgraded_and_leaves_nothing_behind() {
    let lab = Lab::with_phones(2);
    let (phone, captive) = (&lab.phones[0], &lab.phones[1]);
    let before = bare(&lab);
    let debian = Debian::unpack(&lab);
    let first = debian.package("0.1.0~first");
    debian.dpkg(&["--install", &first]);
    for there in [
        "usr/bin/turnpike",
        "usr/lib/systemd/system/turnpike-close.service",
        "usr/lib/systemd/system/turnpike-reapply@.service",
        "usr/share/man/man1/turnpike.1.gz",
        "usr/share/man/man1/turnpike-close.1.gz",
        "usr/share/bash-completion/completions/turnpike",
        "usr/share/doc/turnpike/copyright",
    ] {
        assert!(debian.root.join(there).is_file(), "{there}");
    }
    assert!(
        debian
            .must(&["stat", "-c", "%U:%G %a", "/etc/turnpike/turnpike.toml"])
            .contains("turnpike:turnpike 640")
    );
    assert_eq!(bare(&lab), before, "an installation alone changes nothing in the kernel");
    let checked = debian.turnpike(&["check-config"]);
    assert!(checked.ok(), "{checked:?}");

    // The rules first, as at boot; then the daemon.
    let config = debian.root.join("etc/turnpike/turnpike.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text
        .replace("\nwan = []\n", "\nwan = [\"wan\"]\n")
        .replace("\ndown_mbps = 0\n", "\ndown_mbps = 100\n")
        .replace("\nfile = \"\"\n", "\nfile = \"/var/log/turnpike/guests.log\"\nkeep_days = 30\n");
    fs::write(&config, text).unwrap();
    let [close] = &debian.unit("turnpike-close.service", "ExecStart")[..] else { panic!("one command") };
    let closed = lab.router.run(&debian.as_unit("turnpike-close.service", close));
    assert!(closed.ok(), "{closed:?}");
    let echo = UdpEcho::open(&lab.internet, (NET4, 11));
    let early = UdpBlaster::start(phone, (NET4, 11), 100, Duration::from_millis(5));
    assert!(eventually(SECOND, || early.packets() > 20));
    assert_eq!(echo.packets(), 0, "open before the daemon runs");
    let mut daemon = debian.start();
    assert_eq!(status_of(&daemon, "CapEff"), "0000000000001400", "net_admin and net_bind_service");
    assert_eq!(status_of(&daemon, "CapBnd"), "0000000000001400");
    assert_eq!(status_of(&daemon, "NoNewPrivs"), "1");
    assert!(!status_of(&daemon, "Uid").starts_with('0'));

    // A guest with a voucher.
    let created = debian.json(&["voucher", "create", "--count", "1", "--kind", "data", "--data-mb", "500"]);
    let form = format!("code={}", code_of(&created));
    let redeemed = HttpRequest::form("/providers/voucher", &form)
        .header("Origin", &format!("http://{LAN4}:2050"))
        .send(phone, (LAN4, 2050))
        .unwrap();
    assert_eq!(redeemed.status, 303, "{redeemed:?}");
    assert!(eventually(SECOND, || early.answers() > 10));
    drop(early);
    let session = debian.json(&["sessions"])["items"][0].clone();
    let id = session["id"].as_str().unwrap().to_owned();
    let charged = || used_bytes(&debian.json(&["session", "show", &id]));
    // The guest log's usual place is the daemon's to write.
    let address = phone.v4.to_string();
    let who = debian.json(&["guest-log", &address]);
    assert_eq!(
        (&who["guests"][0]["mac"], &who["guests"][0]["session"]),
        (&phone.mac.clone().into(), &id.clone().into())
    );
    let logs = debian.must(&["find", "/var/log/turnpike", "-type", "f", "-printf", "%u:%g %m %f\n"]);
    assert!(logs.starts_with("turnpike:turnpike 640 guests.log.2") && logs.lines().count() == 1, "{logs}");
    let so_far = {
        let mut last = charged();
        assert!(eventually(5 * SECOND, || {
            let now = charged();
            std::mem::replace(&mut last, now) == now
        }));
        last
    };

    // Another version in its place, under traffic: nobody loses a packet, and each is charged once.
    let traffic = Traffic::start(&lab, phone, captive);
    assert!(traffic.goes_on());
    debian.dpkg(&["--install", &debian.package("0.1.0")]);
    assert!(traffic.goes_on());
    assert_eq!(daemon.stop(10 * SECOND), Some(0), "{}", daemon.log());
    assert!(traffic.goes_on(), "while no daemon runs");
    let mut daemon = debian.start();
    assert!(traffic.goes_on());
    assert_eq!(debian.json(&["session", "show", &id])["state"], "running");
    let passed = traffic.settle();
    assert!(eventually(3 * SECOND, || charged() == so_far + passed), "{} {so_far} {passed}", charged());

    // Removed: no rule, class or user stays; what guests have paid for does, until it is purged by somebody who says so.
    assert_ne!(bare(&lab), before);
    assert_eq!(daemon.stop(10 * SECOND), Some(0), "{}", daemon.log());
    // What dnsmasq was told of our sets goes as well, but nothing that is somebody else's.
    let told = debian.root.join("etc/dnsmasq.d/turnpike.conf");
    fs::write(&told, format!("{}\n", turnpike::dnsmasq::HEAD)).unwrap();
    let others = told.with_file_name("turnpike-guests.conf");
    fs::write(&others, "# mine\n").unwrap();
    debian.dpkg(&["--remove", "turnpike"]);
    assert!(!told.exists() && others.exists());
    assert_eq!(bare(&lab), before);
    assert!(!debian.run(&["getent", "passwd", "turnpike"]).ok());
    assert!(!debian.run(&["getent", "group", "turnpike"]).ok());
    assert!(config.exists() && debian.root.join("var/lib/turnpike/turnpike.db").exists());
    // Back again: the same sessions, for a user who may have another number.
    debian.must(&["useradd", "--system", "somebody"]);
    debian.dpkg(&["--install", &first.replace("~first", "")]);
    fs::write(&told, "# Written by hand\n").unwrap();
    let mut daemon = debian.start();
    assert_eq!(debian.json(&["session", "show", &id])["id"], id.as_str());
    assert_eq!(daemon.stop(10 * SECOND), Some(0));
    debian.dpkg(&["--purge", "turnpike"]);
    assert!(!config.exists() && told.exists(), "written by hand");
    assert!(debian.root.join("var/lib/turnpike/turnpike.db").exists(), "nobody said that it may go");
    debian.dpkg(&["--install", &first.replace("~first", "")]);
    let yes = "turnpike turnpike/remove-data boolean true\n";
    let said = lab.router.run_with(&debian.within(&["debconf-set-selections"]), yes);
    assert!(said.ok(), "{said:?}");
    debian.dpkg(&["--purge", "turnpike"]);
    assert!(!debian.root.join("var/lib/turnpike").exists());
}

#[test]
fn the_units_are_right_and_the_daemon_is_little_exposed() {
    let folder = tempfile::tempdir().unwrap();
    let mut units = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")).unwrap() {
        let path = entry.unwrap().path();
        let end = path.extension().and_then(|end| end.to_str()).unwrap().to_owned();
        if !["service", "path"].contains(&end.as_str()) {
            continue;
        }
        // The program is not installed here, and what it names has to be there.
        let text =
            fs::read_to_string(&path).unwrap().replace("/usr/bin/turnpike", env!("CARGO_BIN_EXE_turnpike"));
        // A template is looked at as one of those that are made of it.
        let name = path.file_name().unwrap().to_str().unwrap().replace("@.", "@nftables.");
        let unit = folder.path().join(name);
        fs::write(&unit, text).unwrap();
        units.push(unit.clone());
        if end == "path" {
            continue;
        }
        let security = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
            .arg(&unit)
            .output()
            .unwrap();
        assert!(security.status.success(), "more than 2.0: {}", String::from_utf8_lossy(&security.stdout));
    }
    assert_eq!(units.len(), 7);
    let verified =
        Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
}
