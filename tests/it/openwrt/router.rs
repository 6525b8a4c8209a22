//! A folder that a chroot takes for a router.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

/// What the scripts use of busybox, all of it in OpenWrt's own; `sh` is its ash.
const APPLETS: &[&str] = &[
    "cat", "chmod", "chown", "cmp", "cp", "cut", "dirname", "grep", "kill", "ln", "mkdir", "mv", "readlink",
    "rm", "sed", "sh", "sleep", "sort", "tr",
];

const STUBS: &[(&str, &str)] = &[
    ("etc/rc.common", include_str!("stubs/rc.common")),
    ("lib/functions.sh", include_str!("stubs/functions.sh")),
    ("sbin/uci", include_str!("stubs/uci")),
    ("usr/bin/logger", include_str!("stubs/logger")),
    ("usr/bin/turnpike", include_str!("stubs/turnpike")),
];

/// What /etc/config/turnpike says unless a test says otherwise.
pub(super) const UCI: &str = "\
config turnpike 'main'
\toption enabled '1'

config zone 'guest'
\toption name 'guest'
\tlist lan 'br-guest'

config store 'store'
\toption path '/etc/turnpike/turnpike.db'
";

/// The user that the package makes.
pub(super) const USER: u32 = 32768;

pub(super) fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A router; it is gone with the value, with the process that stands in for its daemon.
pub(super) struct Router {
    dir: TempDir,
    daemon: Option<(u32, JoinHandle<()>)>,
}

impl Router {
    /// With the files of the package where it puts them, a user `turnpike`, and what gives capabilities.
    pub(super) fn new() -> Self {
        let router = Self { dir: TempDir::new().unwrap(), daemon: None };
        let busybox = find_program("busybox");
        for library in libraries(&busybox) {
            let to = router.path(library.to_str().unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&library, to).unwrap();
        }
        for folder in ["bin", "dev", "proc", "tmp/run", "etc/config", "etc/init.d"] {
            fs::create_dir_all(router.path(folder)).unwrap();
        }
        // As on OpenWrt.
        symlink("tmp", router.path("var")).unwrap();
        fs::copy(&busybox, router.path("bin/busybox")).unwrap();
        for applet in APPLETS {
            symlink("busybox", router.path("bin").join(applet)).unwrap();
        }
        for (path, text) in STUBS {
            router.program(path, text);
        }
        router.program("sbin/ujail", "");
        router.write("dev/null", "");
        router
            .write("etc/passwd", &format!("root:x:0:0::/:/bin/sh\nturnpike:x:{USER}:{USER}::/:/bin/false\n"));
        router.write("etc/group", &format!("root:x:0:\nturnpike:x:{USER}:\n"));
        router.write("etc/TZ", "CET-1CEST,M3.5.0,M10.5.0/3\n");
        router.write("etc/config/turnpike", UCI);
        router.write("toml", "# of UCI\n");
        for (from, to) in [
            ("turnpike.init", "etc/init.d/turnpike"),
            ("turnpike-guest-network", "usr/sbin/turnpike-guest-network"),
            ("firewall.include", "usr/share/turnpike/firewall.include"),
            ("prerm", "usr/share/turnpike/prerm"),
            ("turnpike.defaults", "etc/uci-defaults/90-turnpike"),
            ("turnpike.upgrade", "lib/upgrade/turnpike.sh"),
            ("capabilities.json", "etc/capabilities/turnpike.json"),
        ] {
            let text = fs::read_to_string(tree().join("openwrt/files").join(from)).unwrap();
            router.program(to, &text);
        }
        router
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn program(&self, path: &str, text: &str) {
        self.write(path, text);
        fs::set_permissions(self.path(path), Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// The text of a file, empty if there is none.
    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// What was called since it was last asked, a line each.
    pub(super) fn calls(&self) -> Vec<String> {
        let calls = self.read("calls").lines().map(without_process).collect();
        self.write("calls", "");
        calls
    }

    /// Those of the calls that begin so.
    pub(super) fn calls_of(&self, beginning: &str) -> Vec<String> {
        self.calls().into_iter().filter(|call| call.starts_with(beginning)).collect()
    }

    /// What was logged since it was last asked.
    pub(super) fn log(&self) -> String {
        let log = self.read("log");
        self.write("log", "");
        log
    }

    /// Runs a program of the router's, with nothing of this machine's environment.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.run_with(&[], program, arguments)
    }

    pub(super) fn run_with(&self, environment: &[(&str, &str)], program: &str, arguments: &[&str]) -> Output {
        // Needs root, as the tests do that make namespaces: without it this fails, and says so.
        Command::new(find_program("chroot"))
            .arg(self.dir.path())
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// `/etc/init.d/turnpike COMMAND`; whether it went well.
    pub(super) fn init(&self, command: &str) -> bool {
        let output = self.run("/etc/init.d/turnpike", &[command]);
        let unknown = String::from_utf8_lossy(&output.stderr).contains("not found");
        assert!(!unknown, "{command}: {output:?}");
        output.status.success()
    }

    /// A process takes the daemon's place; it ends at SIGTERM and is waited for.
    pub(super) fn daemon_runs(&mut self) {
        self.daemon_is(Command::new("sleep").arg("300").spawn().unwrap());
    }

    /// The same, but it takes a while to end.
    pub(super) fn slow_daemon_runs(&mut self) {
        let script = "trap 'sleep 1; exit 0' TERM; echo; while :; do sleep 0.05; done";
        let mut child = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        // It says a line when it hears signals.
        let mut said = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said).unwrap();
        self.daemon_is(child);
    }

    fn daemon_is(&mut self, mut child: Child) {
        assert!(self.daemon.is_none(), "one daemon at a time");
        let pid = child.id();
        self.write("var/run/turnpike.pid", &format!("{pid}\n"));
        // Else it stays as a zombie, and seems to run.
        let waiter = thread::spawn(move || {
            child.wait().unwrap();
        });
        self.daemon = Some((pid, waiter));
    }

    /// Whether the daemon's process is there.
    pub(super) fn daemon_is_there(&self) -> bool {
        self.daemon.as_ref().is_some_and(|(_, waiter)| !waiter.is_finished())
    }

    /// The daemon was started so: as if `start` had been called when it did not run.
    pub(super) fn started(&mut self) {
        assert!(self.init("start"), "{}", self.log());
        self.daemon_runs();
        self.calls();
        self.log();
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        if let Some((pid, waiter)) = self.daemon.take()
            && !waiter.is_finished()
        {
            let ended = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            if ended.is_ok_and(|status| status.success()) {
                let _ = waiter.join();
            }
        }
    }
}

/// A call without the number of a process that a file's name ends in.
fn without_process(call: &str) -> String {
    match call.rsplit_once(".new.") {
        Some((name, process)) if process.bytes().all(|byte| byte.is_ascii_digit()) => format!("{name}.new"),
        _ => call.to_owned(),
    }
}

/// Where a program is; `scripts/test` installs those that are needed.
pub(super) fn find_program(name: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/local/sbin", "/usr/sbin", "/sbin"]);
    let found = places.map(|place| Path::new(place).join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed: scripts/test installs it"))
}

/// The libraries of a program, and what loads them; none if it is static.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new(find_program("ldd")).arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}
