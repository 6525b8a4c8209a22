use std::path::PathBuf;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::ConfigFile;
use super::output::{Failure, complain, say};
use crate::config::Config;
#[cfg(feature = "doctor")]
use crate::doctor::Report;
use crate::domain::BoxFuture;
#[cfg(feature = "setup")]
use crate::setup::{Facts, Step};
use crate::upkeep::{LogTail, SettingsFile};

/// What is logged unless this says otherwise: a level, or levels by module, as in `info,turnpike::gate=debug`.
const LOG: &str = "RUST_LOG";

/// What the daemon's own commands start: `main` hands in the composition root, so that the command line can be tested
/// without it.
#[derive(Debug, Clone, Copy)]
pub struct Daemon {
    /// Runs with what stands in the file until it is told to stop; what is logged is also in the tail.
    pub run: fn(Config, PathBuf, LogTail) -> BoxFuture<'static, anyhow::Result<()>>,
    /// Loads the rules without a daemon.
    pub close: fn(Config) -> BoxFuture<'static, anyhow::Result<()>>,
    /// Removes what a daemon that does not run left in the kernel.
    pub down: fn(Config) -> BoxFuture<'static, anyhow::Result<()>>,
    /// Looks at this box with what stands in the file.
    #[cfg(feature = "doctor")]
    pub doctor: fn(PathBuf) -> BoxFuture<'static, Report>,
    /// Looks at the box before it is set up; the configuration file may not be there yet.
    #[cfg(feature = "setup")]
    pub look: fn(PathBuf) -> BoxFuture<'static, anyhow::Result<Facts>>,
    /// Does one thing of a set-up.
    #[cfg(feature = "setup")]
    pub carry_out: fn(Step) -> BoxFuture<'static, anyhow::Result<()>>,
}

/// `turnpike run`.
pub(super) fn run(file: &ConfigFile, daemon: Daemon) -> Result<(), Failure> {
    let config = load(file)?;
    let log = LogTail::default();
    start_log(Some(&log));
    for warning in &config.warnings {
        tracing::warn!("{}:{warning}", file.config.display());
    }
    block_on((daemon.run)(config, file.config.clone(), log))
}

/// `turnpike check-config`.
pub(super) fn check_config(file: &ConfigFile) -> Result<(), Failure> {
    let config = Config::check(&file.config).map_err(|error| Failure(error.to_string()))?;
    for warning in &config.warnings {
        complain(&Failure(format!("{}:{warning} (a warning)", file.config.display())));
    }
    let zones: Vec<&str> = config.zones.iter().map(|zone| zone.name.as_str()).collect();
    say(&format!("{}: in order; zones: {}\n", file.config.display(), zones.join(", ")))
}

/// `turnpike close`.
///
/// A file with a mistake in it must not leave the guests' networks open: what last worked closes them then.
pub(super) fn close(file: &ConfigFile, daemon: Daemon) -> Result<(), Failure> {
    start_log(None);
    let config = match load(file) {
        Ok(config) => config,
        Err(mistakes) => {
            let working = SettingsFile::new(file.config.clone()).working();
            let Ok(config) = Config::load(&working) else { return Err(mistakes) };
            complain(&mistakes);
            complain(&Failure(format!("closed with what worked last, {}", working.display())));
            config
        }
    };
    block_on((daemon.close)(config))
}

/// `turnpike down`.
pub(super) fn down(file: &ConfigFile, daemon: Daemon) -> Result<(), Failure> {
    once(file, daemon.down)
}

/// What is done and over.
fn once(
    file: &ConfigFile,
    work: fn(Config) -> BoxFuture<'static, anyhow::Result<()>>,
) -> Result<(), Failure> {
    let config = load(file)?;
    start_log(None);
    block_on(work(config))
}

fn load(file: &ConfigFile) -> Result<Config, Failure> {
    Config::load(&file.config).map_err(|error| Failure(error.to_string()))
}

fn start_log(tail: Option<&LogTail>) {
    let usual = Targets::new().with_default(LevelFilter::INFO);
    let wanted = std::env::var(LOG).unwrap_or_default();
    let filter = match wanted.parse::<Targets>() {
        _ if wanted.is_empty() => usual,
        Ok(filter) => filter,
        Err(error) => {
            complain(&Failure(format!("{LOG}={wanted} is not taken, and info is logged: {error}")));
            usual
        }
    };
    // The journal and procd keep the time; a terminal shows it.
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let all = tracing_subscriber::registry().with(filter).with(log).with(tail.map(LogTail::layer));
    if let Err(error) = all.try_init() {
        complain(&Failure(format!("the log could not be started: {error}")));
    }
}

pub(super) fn block_on(work: BoxFuture<'static, anyhow::Result<()>>) -> Result<(), Failure> {
    runtime()?.block_on(work).map_err(|error| Failure(format!("{error:#}")))
}

/// A runtime with a thread for each core.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure(format!("the runtime could not be started: {error}")))
}
