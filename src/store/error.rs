use std::path::PathBuf;

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
    #[error("{}: the database is damaged: {problem}; restore it from a copy, or move it away to start empty", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// The first thing that SQLite found.
        problem: String,
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
    Database(#[from] sqlx::Error),
}

fn pid_note(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl StoreError {
    pub(super) fn row(table: &'static str, id: impl ToString, problem: impl ToString) -> Self {
        Self::Row { table, id: id.to_string(), problem: problem.to_string() }
    }
}
