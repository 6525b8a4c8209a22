//! Plugins that the daemon starts: each a process of its own, in its own process group, started again when it ends.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process_group};
use rustix::thread::clear_ambient_capability_set;
use tokio::io::{AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::account::Account;
use super::bucket::Bucket;
use super::codec::{LineError, Lines};
use super::connection::{self, Admitted, Hello};
use super::rpc::Fault;
use super::{PluginHost, told, users};
use crate::config::PluginConfig;
use crate::domain::Text;
use crate::runtime::{PluginKind, PluginState, PluginStatus};

/// The wait before a plugin is started again; it doubles each time …
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A plugin that ran for so long has recovered.
const HEALTHY: Duration = Duration::from_secs(60);
/// How long a plugin may take to end after it was told to, before it is killed.
const GRACE: Duration = Duration::from_millis(1500);
/// Where programs of the system are.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// So many lines of its stderr are logged at once, and so many a second.
const SAID_AT_ONCE: f64 = 100.0;
const SAID_PER_SEC: f64 = 10.0;

/// Has operators see it, before it is first started.
pub(super) fn enrol(host: &PluginHost, config: &PluginConfig) {
    let since = host.handle.now().wall;
    let status = PluginStatus::new(&config.name, PluginKind::Child, PluginState::Starting, since);
    let roster = host.handle.registry().plugins();
    roster.supervised(&config.name);
    roster.put(status);
}

/// Runs a plugin until `stop` says so.
pub(super) async fn run(host: PluginHost, config: PluginConfig, mut stop: watch::Receiver<bool>) {
    let account = Arc::new(Account::new(&config.name, host.handle.clone(), config.deadline));
    let anew = account.roster().supervised(&config.name);
    let mut wait = FIRST_WAIT;
    loop {
        let begun = Instant::now();
        let ended = match start(&config) {
            Ok(child) => live(&host, &config, &account, child, stop.clone(), &anew).await,
            Err(problem) => Ended::Failed(format!("cannot be started: {problem}")),
        };
        match ended {
            Ended::Told => break,
            Ended::Anew => {
                tracing::info!(plugin = config.name, "a plugin is started anew, as an operator asked");
                account.ended("an operator had it started anew");
                wait = FIRST_WAIT;
            }
            Ended::Failed(problem) => {
                account.blame(&problem);
                account.ended(&problem);
                if begun.elapsed() >= HEALTHY {
                    wait = FIRST_WAIT;
                }
                account.stands(PluginState::WaitingToRestart, None);
                tokio::select! {
                    () = told(&mut stop) => break,
                    () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                    () = anew.notified() => wait = FIRST_WAIT,
                }
            }
        }
        account.restarted();
    }
    account.stands(PluginState::Stopped, None);
}

/// Starts its process.
fn start(config: &PluginConfig) -> Result<Child, String> {
    let (program, arguments) = config.command.split_first().ok_or("it has no command")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .envs(&config.env)
        .current_dir(config.dir.as_deref().unwrap_or(std::path::Path::new("/")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What it starts in turn ends with it.
        .process_group(0)
        .kill_on_drop(true);
    if let Some(name) = &config.user {
        let text = std::fs::read_to_string(users::PASSWD)
            .map_err(|error| format!("{} cannot be read: {error}", users::PASSWD))?;
        let user = users::find(&text, name).ok_or_else(|| format!("there is no user {name}"))?;
        let own = getuid();
        if own.is_root() {
            // Setting the user also clears the supplementary groups.
            command.gid(user.gid).uid(user.uid);
        } else if own.as_raw() != user.uid {
            return Err(format!("turnpike does not run as root and cannot start it as {name}"));
        }
    }
    let runtime = tokio::runtime::Handle::current();
    // A process inherits the ambient capabilities of the thread that starts it. The daemon's other threads keep theirs: `nft`
    // needs them.
    let spawned = std::thread::scope(|scope| {
        let starting =
            std::thread::Builder::new().name("plugin start".to_owned()).spawn_scoped(scope, || {
                let _inside = runtime.enter();
                clear_ambient_capability_set()?;
                command.spawn()
            })?;
        starting.join().unwrap_or_else(|_| Err(std::io::Error::other("its starting broke off")))
    });
    spawned.map_err(|error| format!("{program}: {error}"))
}

/// Why a process has ended.
enum Ended {
    /// The daemon stops.
    Told,
    /// An operator wants it to begin anew.
    Anew,
    /// By itself, or for what it did.
    Failed(String),
}

/// Serves a process until it ends.
async fn live(
    host: &PluginHost,
    config: &PluginConfig,
    account: &Arc<Account>,
    mut child: Child,
    stop: watch::Receiver<bool>,
    anew: &Notify,
) -> Ended {
    let pid = child.id();
    account.stands(PluginState::Starting, pid);
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Ended::Failed("its streams could not be had".to_owned());
    };
    // Whatever happens here: what it started ends with it.
    let group = Group(pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw));
    let said = tokio::spawn(log(Arc::clone(account), stderr));
    let doorman = |hello: Hello| -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
        let (account, permissions, origin) =
            (Arc::clone(account), config.permissions.clone(), "started by turnpike".to_owned());
        Box::pin(async move {
            if hello.name.as_ref().is_some_and(|name| *name != account.name) {
                return Err(Fault::invalid(
                    "name",
                    format!("you are {}, by the configuration", account.name),
                ));
            }
            if hello.token.is_some() {
                return Err(Fault::invalid(
                    "token",
                    "you need none: your permissions are in the configuration",
                ));
            }
            account.stands(PluginState::Running, pid);
            let expires = Box::pin(std::future::pending());
            Ok(Admitted { account, permissions: Some(permissions), origin, expires })
        })
    };
    let connected = connection::run(host.clone(), stdout, stdin, &doorman, stop);
    let mut is_anew = false;
    let ended = tokio::select! {
        (_, ended) = connected => ended,
        () = anew.notified() => {
            is_anew = true;
            None
        }
        // Its stdout may live on in what it has started.
        status = child.wait() => Some(match status {
            Ok(status) => format!("it ended ({status})"),
            Err(error) => format!("it cannot be waited for: {error}"),
        }),
    };
    // Its stdin is closed now, which tells it to end as well.
    group.signal(Signal::TERM);
    let status = timeout(GRACE, child.wait()).await;
    group.signal(Signal::KILL);
    let status = match status {
        Ok(status) => status,
        Err(_) => child.wait().await,
    };
    drop(group);
    // It has ended; what others hold of its stderr is not waited for.
    if timeout(Duration::from_millis(200), said).await.is_err() {
        tracing::debug!(plugin = config.name, "its stderr is still held by somebody");
    }
    match (ended, status) {
        (None, _) if is_anew => Ended::Anew,
        (None, _) => Ended::Told,
        (Some(problem), Ok(status)) if !problem.starts_with("it ended") => {
            Ended::Failed(format!("{problem} ({status})"))
        }
        (Some(problem), _) => Ended::Failed(problem),
    }
}

/// A process group, killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // It may have ended.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Logs what a plugin writes to stderr: a line each, cleaned and cut, and not more of them than anybody reads.
async fn log(account: Arc<Account>, stderr: impl AsyncRead + Unpin) {
    let name = account.name.as_str();
    let mut lines = Lines::new(BufReader::new(stderr));
    let mut bucket = Bucket::new(SAID_AT_ONCE, SAID_PER_SEC, Instant::now());
    let mut left_out = 0_u64;
    loop {
        let line = match lines.next().await {
            Ok(line) => line,
            Err(LineError::TooLong) => {
                lines.forget();
                left_out += 1;
                continue;
            }
            Err(LineError::Ended | LineError::Failed(_)) => break,
        };
        if !bucket.try_take(1.0, Instant::now()) {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            tracing::info!(plugin = name, left_out, "lines of a plugin were left out");
            left_out = 0;
        }
        let text = Text::new(&String::from_utf8_lossy(&line));
        tracing::info!(plugin = name, stderr = text.as_str(), "a plugin says");
        account.says(text);
    }
    if left_out > 0 {
        tracing::info!(plugin = name, left_out, "lines of a plugin were left out");
    }
}

#[cfg(test)]
mod tests {
    use rustix::thread::{
        CapabilitySet, capabilities, capability_is_in_ambient_set, configure_capability_in_ambient_set,
        set_capabilities,
    };

    use super::*;

    #[tokio::test]
    async fn a_plugin_has_none_of_the_daemons_ambient_rights() {
        // As systemd starts the daemon.
        let mut sets = capabilities(None).unwrap();
        sets.inheritable |= CapabilitySet::NET_ADMIN;
        set_capabilities(None, sets).unwrap();
        configure_capability_in_ambient_set(CapabilitySet::NET_ADMIN, true).unwrap();
        let text = "[[zone]]\nname = \"guests\"\nlan = [\"br\"]\n[[plugin]]\nname = \"p\"\n\
                    command = [\"/bin/grep\", \"CapAmb\", \"/proc/self/status\"]\n";
        let config = crate::config::Config::parse(text, std::path::Path::new("t")).unwrap();
        let child = start(config.plugins.first().unwrap()).unwrap();
        let said = child.wait_with_output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "CapAmb:\t0000000000000000");
        assert!(capability_is_in_ambient_set(CapabilitySet::NET_ADMIN).unwrap(), "`nft` still gets it");
    }
}
