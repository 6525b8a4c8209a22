use std::path::PathBuf;

use super::{damage, trouble};

/// Why the store could not do what was asked. Nothing is half written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon has it.
    #[error("{} is in use by another turnpike{}", path.display(), pid_note(*pid))]
    InUse {
        /// The database.
        path: PathBuf,
        /// The process that holds it, if its lock file says so.
        pid: Option<u32>,
    },
    /// A file beside the database, or the database file itself, could not be made or read.
    #[error("{}: cannot {action}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// SQLite could not open it.
    #[error("{}: cannot open the database: {source}", path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// Its tables are not those of this version.
    #[error("{}: {problem}", path.display())]
    Version {
        /// The database.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// SQLite's own check found damage.
    #[error("{}: the database is damaged: {problem}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// The first thing that SQLite found.
        problem: String,
    },
    /// There is not enough room beside it for what has to be done.
    #[error(
        "{}: {what}, {} KB have to be free beside it, and {} KB are: make room there, then start turnpike again",
        path.display(), needed_bytes.div_ceil(1024), free_bytes / 1024
    )]
    NoRoom {
        /// The database.
        path: PathBuf,
        /// What for.
        what: &'static str,
        /// How much is needed.
        needed_bytes: u64,
        /// How much there is.
        free_bytes: u64,
    },
    /// It is damaged, and not enough of it can be read to go on without a human's word. Nothing was changed.
    #[error(
        "{}: the database is damaged ({problem}), and {why}. It was left as it is, and whoever is online stays online. {} \
         `turnpike salvage` says what can be read, and `turnpike salvage --yes` goes on with that",
        path.display(), copy_note(copy.as_deref())
    )]
    Unsalvaged {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        problem: String,
        /// What cannot be read.
        why: String,
        /// The newest copy that lies beside it.
        copy: Option<PathBuf>,
    },
    /// A row that cannot be: written by something else, or damaged.
    #[error("{table} {id}: {problem}")]
    Row {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Anything else that SQLite says: disk full, read-only, busy.
    #[error("the database refused: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        damage::note(&error);
        trouble::note(&error);
        Self::Database(error)
    }
}

fn copy_note(copy: Option<&std::path::Path>) -> String {
    let found =
        copy.map_or_else(String::new, |copy| format!(" (the newest copy beside it is {})", copy.display()));
    format!(
        "To take a back-up{found}: `turnpike salvage --empty --yes`, then `turnpike restore FILE --yes`; \
         a copy from before an upgrade or a restore is put in its place under its name."
    )
}

fn pid_note(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl StoreError {
    pub(super) fn row(table: &'static str, id: impl ToString, problem: impl ToString) -> Self {
        Self::Row { table, id: id.to_string(), problem: problem.to_string() }
    }
}
