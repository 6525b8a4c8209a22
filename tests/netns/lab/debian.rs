//! A small Debian in a folder, on the lab's router. No systemd runs there; what it would do to start the daemon
//! (directories, user, capabilities) is done here from the unit file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{HttpRequest, Lab, Output, Process, eventually};

const SECOND: Duration = Duration::from_secs(1);

/// Runs what follows within the folder `$0`, which then has its own /proc, /sys and terminals: nothing is mounted outside of
/// it.
const INSIDE: [&str; 5] = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    r#"mount -t proc proc "$0/proc" && mount -t sysfs sysfs "$0/sys" && mount -t devpts devpts "$0/dev/pts" &&
        exec chroot "$0" "$@""#,
];

fn source() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Debian in a folder, on the lab's router.
pub struct Debian<'lab> {
    lab: &'lab Lab,
    /// The folder.
    pub root: PathBuf,
}

impl<'lab> Debian<'lab> {
    /// A fresh one.
    pub fn unpack(lab: &'lab Lab) -> Self {
        let made = source().join("target/tools/debian");
        assert!(made.join("made").exists(), "{} is not there: scripts/test makes it", made.display());
        let root = lab.dir.path().join("debian");
        let copied = Command::new("cp").arg("-a").args([&made, &root]).status().expect("cp");
        assert!(copied.success());
        Self { lab, root }
    }

    /// The words that run a program there.
    pub fn within(&self, argv: &[&str]) -> Vec<String> {
        let root = self.root.display().to_string();
        let all = INSIDE.iter().copied().chain([root.as_str()]).chain(argv.iter().copied());
        all.map(str::to_owned).collect()
    }

    /// Runs a program there.
    pub fn run(&self, argv: &[&str]) -> Output {
        self.lab.router.run(&self.within(argv))
    }

    /// The same, which has to succeed; its standard output.
    pub fn must(&self, argv: &[&str]) -> String {
        let output = self.run(argv);
        assert!(output.ok(), "{argv:?}: {output:?}");
        output.stdout
    }

    /// Makes the package with this version and puts it where it can be installed; its name there.
    pub fn package(&self, version: &str) -> String {
        let out = self.root.join("tmp");
        let made = Command::new(source().join("scripts/deb"))
            .args(["--quick", "--binary", env!("CARGO_BIN_EXE_turnpike"), "--version", version, "--out"])
            .arg(&out)
            .output()
            .expect("scripts/deb");
        assert!(made.status.success(), "{made:?}");
        let path = String::from_utf8(made.stdout).expect("a path");
        format!("/tmp/{}", Path::new(path.trim()).file_name().and_then(|name| name.to_str()).expect("a file"))
    }

    /// Runs dpkg, which asks nothing.
    pub fn dpkg(&self, arguments: &[&str]) {
        let argv: Vec<&str> =
            ["env", "DEBIAN_FRONTEND=noninteractive", "dpkg"].iter().chain(arguments).copied().collect();
        self.must(&argv);
    }

    /// What a key of a unit says, each time it is there.
    pub fn unit(&self, name: &str, key: &str) -> Vec<String> {
        let text = fs::read_to_string(self.root.join("usr/lib/systemd/system").join(name)).expect("a unit");
        let values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        values.map(str::to_owned).collect()
    }

    /// A program as a unit starts it: its user, its capabilities and no others, no new privileges.
    pub fn as_unit(&self, unit: &str, program: &str) -> Vec<String> {
        let one = |key: &str| self.unit(unit, key).join(" ");
        let user = one("User");
        assert_eq!(one("NoNewPrivileges"), "yes");
        let capabilities = one("AmbientCapabilities");
        assert_eq!(one("CapabilityBoundingSet"), capabilities);
        let set = capabilities.split_whitespace().fold("-all".to_owned(), |set, name| {
            format!("{set},+{}", name.strip_prefix("CAP_").expect("a capability").to_lowercase())
        });
        let argv = format!(
            "setpriv --reuid={user} --regid={user} --init-groups --inh-caps={set} --ambient-caps={set} \
             --bounding-set={set} --no-new-privs {program}"
        );
        self.within(&argv.split(' ').collect::<Vec<_>>())
    }

    /// Starts the daemon as systemd would, and waits until it answers.
    pub fn start(&self) -> Process {
        let unit = "turnpike.service";
        let command = self.unit(unit, "ExecStart");
        assert_eq!(command, ["/usr/bin/turnpike run"]);
        for (key, above) in
            [("RuntimeDirectory", "/run"), ("StateDirectory", "/var/lib"), ("LogsDirectory", "/var/log")]
        {
            let [name] = &self.unit(unit, key)[..] else { panic!("{key}") };
            let [mode] = &self.unit(unit, &format!("{key}Mode"))[..] else { panic!("{key}Mode") };
            let place = format!("{above}/{name}");
            self.must(&["install", "-d", "-o", "turnpike", "-g", "turnpike", "-m", mode, &place]);
        }
        let log = self.lab.dir.path().join("turnpike.log");
        let mut process = self.lab.router.spawn(&self.as_unit(unit, &command[0]), &log);
        let socket = self.root.join("run/turnpike/control.sock");
        let ready = eventually(10 * SECOND, || {
            assert!(process.runs(), "{}", process.log());
            let answer = HttpRequest::get("/healthz").send_unix(&socket);
            answer.is_ok_and(|answer| answer.status == 200)
        });
        assert!(ready, "{}", process.log());
        process
    }

    /// Runs turnpike.
    pub fn turnpike(&self, arguments: &[&str]) -> Output {
        self.run(&[&["turnpike"], arguments].concat())
    }

    /// What it answers as JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.turnpike(&[arguments, &["--json"]].concat());
        assert!(output.ok(), "{arguments:?}: {output:?}");
        output.json()
    }
}
