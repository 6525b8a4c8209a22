use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::ConfigFile;
use super::output::{Failure, say};
use crate::clock::Clock;
use crate::config::Config;
use crate::upkeep::{begin_restore, discard, finish_restore, stage_backup, upload_path, write_backup};

/// `turnpike backup FILE`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to be written; there must be none of that name
    file: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

/// `turnpike restore FILE`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The back-up
    file: PathBuf,
    /// Restore it; otherwise it is only looked at
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn load(file: &ConfigFile) -> Result<Config, Failure> {
    Config::load(&file.config).map_err(|error| Failure(error.to_string()))
}

pub(super) fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure(format!("the runtime could not be started: {error}")))?.block_on(work)
}

pub(super) fn said(error: &dyn std::fmt::Display) -> Failure {
    Failure(error.to_string())
}

impl Backup {
    /// Also while the daemon runs.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let config = load(&self.config)?;
        let failed = |error: std::io::Error| Failure(format!("{}: {error}", self.file.display()));
        let settings = fs::read_to_string(&self.config.config).map_err(|error| said(&error))?;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.file).map_err(failed)?;
        let (database, now) = (&config.store.path, Clock::machine().now().wall);
        wait(async {
            let written =
                write_backup(database, &self.file, settings, config.gateway.name.as_str(), now).await;
            written.map_err(|error| {
                let _ = fs::remove_file(&self.file);
                said(&error)
            })
        })?;
        // Off this box or not: it is to outlive a power cut.
        fs::File::open(&self.file).and_then(|file| file.sync_all()).map_err(failed)?;
        say(&format!("{}: written. It holds every secret of this box: keep it well\n", self.file.display()))
    }
}

impl Restore {
    /// Only while the daemon does not run.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let config = load(&self.config)?;
        let database = config.store.path.as_path();
        if !database.exists() {
            let text = "start turnpike once, so that there is a database to be replaced";
            return Err(Failure(format!("{}: {text}", database.display())));
        }
        wait(async {
            hold(database)?;
            copy(&self.file, &upload_path(database))?;
            let facts = stage_backup(database).await.map_err(|error| said(&error))?;
            let made = chrono::DateTime::from_timestamp_millis(facts.note.made_at.0).unwrap_or_default();
            say(&format!(
                "made {} of {} by turnpike {}: {} devices, {} sessions that are not over, {} vouchers, {} in the till\n",
                made.format("%Y-%m-%dT%H:%M:%SZ"),
                facts.note.gateway.replace(char::is_control, " "),
                facts.note.version.replace(char::is_control, " "),
                facts.devices,
                facts.sessions,
                facts.vouchers,
                config.site.currency.show(crate::domain::Money(facts.till)),
            ))?;
            if !self.yes {
                discard(database);
                return say("Nothing was changed. With --yes it takes the place of the present state\n");
            }
            begin_restore(database).await.map_err(|error| said(&error))?;
            finish_restore(database).map_err(|error| said(&error))?;
            say(&format!("restored; what was there is {}.before-restore\n", database.display()))
        })
    }
}

/// Says so if a daemon runs.
fn hold(database: &Path) -> Result<(), Failure> {
    crate::upkeep::is_free(database).map_err(|error| {
        Failure(format!("{error}: restore it on the admin pages (/admin/backup), or stop the daemon first"))
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure(format!("{}: {error}", from.display()));
    match fs::remove_file(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(said(&error)),
        Ok(()) | Err(_) => {}
    }
    let mut source = fs::File::open(from).map_err(failed)?;
    let mut place =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(|error| said(&error))?;
    let mut piece = vec![0; 1 << 16];
    loop {
        let read = source.read(&mut piece).map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        place.write_all(piece.get(..read).unwrap_or_default()).map_err(|error| said(&error))?;
    }
}
