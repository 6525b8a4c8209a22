//! A damaged database: what can be read of it goes on in a fresh one, and the damaged file is set aside.
//!
//! SQLite's own recovery is an extension that is not built in, so rows are read through what SQLite can still read
//! (`rows`), made to hold (`fit`), and put in place so that a power cut leaves the one or the other (`place`).

mod fit;
pub(super) mod place;
mod reading;
mod rows;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

use super::damage::code_of;
use super::lock::{DatabaseLock, beside};
use super::open::known_version;
use super::{Store, StoreError};
use crate::domain::{Actor, AuditLine, Text, WallTime};
use reading::{attach, connection_to, migrate, version_of};
use rows::Table;

/// Without these a hotspot does not know who has paid: if nothing of one of them can be read, a human decides.
const WHAT_MATTERS: &[&str] = &[
    "account_plans",
    "accounts",
    "credits",
    "devices",
    "grants",
    "refunds",
    "sales",
    "sessions",
    "voucher_batches",
    "vouchers",
];
/// Their rows stand against something being had twice: without one of them the next who asks gets it, and nobody notices.
const GUARDS: &[&str] = &["grants", "refunds"];
/// The places that are taken of each code: the first of a code can be made again from the voucher's own row.
const PLACES: &str = "voucher_uses";
/// Rows that the program cannot read are looked for one after the other; that many are too many.
const MOST_UNREADABLE: usize = 1000;
/// SQLite's primary result code for it.
const NO_MEMORY: i32 = 7;
/// Tables that are not ours to copy: each file has its own.
const NOT_COPIED: &str = "_sqlx_migrations";

/// What a salvage may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SalvageFor {
    /// Nothing: it says what could be read.
    Looking,
    /// What can be read goes on, if something of every table that matters can be.
    GoingOn,
    /// What can be read goes on, whatever is lost.
    GoingOnAnyway,
}

/// What became of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalvagedTable {
    /// Its name.
    pub name: String,
    /// Rows that came over.
    pub came: u64,
    /// Rows that are known to be lost.
    pub lost: u64,
    /// Whether more may be lost: nothing that can be read says how many there were.
    pub or_more: bool,
}

impl SalvagedTable {
    /// Whether all of it came over.
    pub const fn is_whole(&self) -> bool {
        self.lost == 0 && !self.or_more
    }

    fn says(&self) -> String {
        let lost = match (self.lost, self.or_more) {
            (0, false) => "none lost".to_owned(),
            (0, true) => "an unknown number lost".to_owned(),
            (lost, false) => format!("{lost} lost"),
            (lost, true) => format!("{lost} or more lost"),
        };
        format!("{}: {} rows, {lost}", self.name, self.came)
    }
}

/// What came of a salvage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvage {
    /// What SQLite said.
    pub problem: String,
    /// Where the damaged file is now; where it would be, if it was only looked at.
    pub aside: PathBuf,
    /// Every table.
    pub tables: Vec<SalvagedTable>,
    /// Devices of which only id and MAC are known any more.
    pub devices_by_index: u64,
    /// Tables that have lost rows which stood against something being had twice.
    pub guards_lost: Vec<String>,
}

impl Salvage {
    /// In a sentence, for who looks at the status.
    pub fn summary(&self) -> String {
        let lost: Vec<String> =
            self.tables.iter().filter(|table| !table.is_whole()).map(SalvagedTable::says).collect();
        let lost = if lost.is_empty() { "nothing was lost".to_owned() } else { lost.join("; ") };
        format!(
            "the database was damaged and goes on with what could be read ({lost}); the damaged file is {}",
            self.aside.display()
        )
    }

    /// A line for every table.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.tables.iter().map(SalvagedTable::says).collect();
        if self.devices_by_index > 0 {
            lines.push(format!(
                "devices: {} of them by id and MAC only; none of these is blocked any more",
                self.devices_by_index
            ));
        }
        for table in &self.guards_lost {
            lines.push(format!("{table}: what its lost rows stood against can happen a second time"));
        }
        lines.push(format!("SQLite said: {}", self.problem));
        lines
    }

    /// Why a human has to decide, if so.
    fn lost_what_matters(&self) -> Option<String> {
        let matters = |table: &&SalvagedTable| WHAT_MATTERS.contains(&table.name.as_str());
        let nothing = self.tables.iter().filter(matters).find(|table| table.came == 0 && !table.is_whole());
        if let Some(table) = nothing {
            return Some(format!("nothing of its table {} can be read", table.name));
        }
        let table = self.guards_lost.first()?;
        Some(format!("not all of its table {table} can be read, whose rows stand against a second use"))
    }

    fn audit(&self, now: WallTime) -> Vec<AuditLine> {
        let line = |action, subject: String, details: &str| {
            let actor = Actor {
                name: Text::new("turnpike"),
                origin: Text::new("start"),
                action,
                details: Text::new(details),
            };
            AuditLine { at: now, actor, subject: Some(subject), before: None, after: None }
        };
        let aside = self.aside.display().to_string();
        let mut lines = vec![line("store.salvage", aside, &self.problem)];
        let tables = self.tables.iter().filter(|table| table.came > 0 || !table.is_whole());
        lines.extend(tables.map(|table| line("store.salvage", table.name.clone(), &table.says())));
        lines
    }
}

/// Reads what can be read of a damaged database that nobody has open, and puts it in its place.
///
/// # Errors
///
/// [`StoreError::Unsalvaged`] says what cannot be read, and what to do; nothing was changed then.
pub async fn salvage(
    database: &Path,
    problem: &str,
    now: WallTime,
    purpose: SalvageFor,
) -> Result<Salvage, StoreError> {
    let _lock = DatabaseLock::take(database)?;
    place::complete(database)?;
    place::clear(database);
    let done = salvage_here(database, problem, now, purpose).await;
    place::clear(database);
    done
}

/// Sets a database aside that nobody has open, and leaves an empty one in its place. Where it is now.
pub async fn begin_empty(database: &Path, now: WallTime) -> Result<PathBuf, StoreError> {
    let _lock = DatabaseLock::take(database)?;
    place::complete(database)?;
    place::clear(database);
    // With its tables: a file without anything is taken for one that a power cut has emptied.
    Store::open_copy(&beside(database, place::FRESH)).await?.close().await?;
    let aside = place::aside_suffix(database, now);
    let path = beside(database, &aside);
    let report = format!("the database was set aside as {} and an empty one begun\n", path.display());
    place::take_place(database, &aside, &report)?;
    Ok(path)
}

async fn salvage_here(
    database: &Path,
    problem: &str,
    now: WallTime,
    purpose: SalvageFor,
) -> Result<Salvage, StoreError> {
    let unsalvaged = |why: String| StoreError::Unsalvaged {
        path: database.to_owned(),
        problem: problem.to_owned(),
        why,
        copy: place::newest_copy(database),
    };
    let refused = |why: String| {
        place::remember_refusal(database, &why)?;
        Err(unsalvaged(why))
    };
    if purpose == SalvageFor::GoingOn
        && let Some(why) = place::refusal(database)
    {
        return Err(unsalvaged(why));
    }
    place::ensure_room(database)?;
    let Some(copy) = place::copy(database, purpose)? else {
        // Not remembered: the disk may say something else the next time.
        let why = "the disk cannot read a quarter of it or more; if the disk is gone, or fails now and then, see to that first";
        return Err(unsalvaged(why.to_owned()));
    };
    let fresh = beside(database, place::FRESH);
    let named = |error| {
        if let StoreError::Version { problem, .. } = error {
            StoreError::Version { path: database.to_owned(), problem }
        } else {
            error
        }
    };
    let Some(mut reading) = Reading::open(&copy, &fresh).await.map_err(named)? else {
        return refused("nothing of it can be read".to_owned());
    };
    let read = reading.read(now).await;
    // Nothing of it is used if it fails.
    let closed = reading.connection.close().await;
    let Read { mut tables, devices_by_index, guards_lost } = read.map_err(named)?;
    closed?;
    let store = Store::open_copy(&fresh).await?;
    let readable = make_readable(&store, now).await;
    let counted = count(&store, &mut tables).await;
    let aside = place::aside_suffix(database, now);
    let tables = tables.into_values().collect();
    let (problem, aside_path) = (problem.to_owned(), beside(database, &aside));
    let salvage = Salvage { problem, aside: aside_path, tables, devices_by_index, guards_lost };
    let noted = store.append_audit(&salvage.audit(now)).await;
    store.close().await?;
    readable?;
    counted?;
    noted?;
    if purpose == SalvageFor::Looking {
        return Ok(salvage);
    }
    if let Some(why) = salvage.lost_what_matters()
        && purpose == SalvageFor::GoingOn
    {
        return refused(why);
    }
    verify(&fresh).await?;
    let report = [vec![salvage.summary()], salvage.lines(), vec![String::new()]].concat().join("\n");
    place::take_place(database, &aside, &report)?;
    Ok(salvage)
}

/// The damaged file's copy beside the fresh one, as one connection has both.
struct Reading {
    connection: SqliteConnection,
}

/// What was read.
struct Read {
    tables: BTreeMap<String, SalvagedTable>,
    devices_by_index: u64,
    guards_lost: Vec<String>,
}

impl Reading {
    /// `None` if nothing of it can be read, whatever its header says.
    async fn open(copy: &Path, fresh: &Path) -> Result<Option<Self>, StoreError> {
        let mut mended = false;
        // SQLite throws the log of an empty file away, and all may be in it.
        place::mend_if_empty(copy)?;
        let version = loop {
            place::remove_index(copy);
            // In memory by its name: one that is opened as such has what it attaches in memory, too. Looked at from elsewhere: what is made in the fresh file would have the damaged one's tables read again.
            let mut probe = connection_to(SqliteConnectOptions::new()).await?;
            let is_there = match attach(&mut probe, copy).await {
                // A header that makes no sense may ask for more memory than there is.
                Err(StoreError::Database(source)) if !mended && code_of(&source) == Some(NO_MEMORY) => false,
                found => found?,
            };
            let version = if is_there { Some(version_of(&mut probe).await?) } else { None };
            probe.close().await?;
            match version {
                Some(version) => break version,
                None if mended => return Ok(None),
                None => place::mend_header(copy).map_err(|source| StoreError::File {
                    path: copy.to_owned(),
                    action: "mend its header",
                    source,
                })?,
            }
            mended = true;
        };
        if version > known_version() {
            let problem = format!(
                "it is damaged, and a newer turnpike has used it (its tables are at {version}); update this one"
            );
            return Err(StoreError::Version { path: PathBuf::new(), problem });
        }
        super::open::make_file(fresh)?;
        let mut connection = connection_to(SqliteConnectOptions::new().filename(fresh)).await?;
        migrate(&mut connection, Some(version)).await?;
        let is_there = attach(&mut connection, copy).await?;
        Ok(is_there.then_some(Self { connection }))
    }

    async fn read(&mut self, now: WallTime) -> Result<Read, StoreError> {
        let Self { connection } = self;
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> $1 \
             ORDER BY name",
        )
        .bind(NOT_COPIED)
        .fetch_all(&mut *connection)
        .await?;
        let (mut tables, mut devices_by_index, mut guards_lost) = (BTreeMap::new(), 0, Vec::new());
        let mut places_lost = false;
        for name in names {
            let copied = match Table::find(connection, &name).await? {
                Some(table) => table.copy(connection).await?,
                None => rows::Copied { misfits: 0, has_gaps: true },
            };
            let came = count_of(connection, &name).await?;
            let is_whole = copied.misfits == 0 && !copied.has_gaps;
            let total = if is_whole { None } else { fit::rows_by_index(connection, &name).await? };
            let seen = came + copied.misfits;
            fit::remove_broken_texts(connection, &name).await?;
            let lost = total.unwrap_or(seen).max(seen);
            let left = count_of(connection, &name).await?;
            let or_more = copied.has_gaps && total.is_none();
            let is_short = or_more || lost > left;
            places_lost |= is_short && name == PLACES;
            if GUARDS.contains(&name.as_str()) && is_short {
                guards_lost.push(name.clone());
            }
            let salvaged = SalvagedTable {
                name: name.clone(),
                came,
                // Of how many; what came in the end is known in the end.
                lost,
                or_more,
            };
            tables.insert(name, salvaged);
        }
        if tables.get("devices").is_some_and(|devices| devices.lost > devices.came || devices.or_more)
            || count_of(connection, "devices").await? < tables.get("devices").map_or(0, |found| found.came)
        {
            devices_by_index = fit::devices_by_index(connection, now).await?;
        }
        if fit::refunds_are_orphaned(connection).await? && !guards_lost.iter().any(|of| of == "refunds") {
            guards_lost.push("refunds".to_owned());
        }
        // Who else had taken a code for several devices is known from nowhere else.
        if places_lost && fit::has_shared_codes(connection).await? {
            guards_lost.push(PLACES.to_owned());
        }
        fit::remove_orphans(connection).await?;
        fit::keep_numbers(connection).await?;
        fit::take_places_again(connection).await?;
        for events in ["events", "session_events"] {
            if tables.get(events).is_some_and(|table| table.lost > table.came || table.or_more) {
                fit::leave_event_numbers_out(connection, events).await?;
            }
        }
        sqlx::query("DETACH DATABASE bad").execute(&mut *connection).await?;
        migrate(connection, None).await?;
        Ok(Read { tables, devices_by_index, guards_lost })
    }
}

/// Removes or empties what the program itself cannot read: it would not start.
async fn make_readable(store: &Store, now: WallTime) -> Result<(), StoreError> {
    let mut emptied = HashSet::new();
    for _ in 0..MOST_UNREADABLE {
        let (table, id) = match store.load().await {
            Ok(_) => return Ok(()),
            Err(StoreError::Row { table, id, .. }) => (table, id),
            Err(error) => return Err(error),
        };
        let text = match table {
            // What was paid for hangs on it: it stays, with what it is known by.
            "devices" if emptied.insert(id.clone()) => {
                "UPDATE devices SET zone = NULL, client_key = NULL, hostname = NULL, alias = NULL, notice = NULL, \
                 roles = '[]', first_seen = $2, last_seen = NULL, client_type = NULL, language = NULL WHERE id = $1"
            }
            "devices" => "DELETE FROM devices WHERE id = $1 AND $2",
            "sessions of device" => "DELETE FROM sessions WHERE device = $1 AND $2",
            _ => "DELETE FROM sessions WHERE id = $1 AND $2",
        };
        let done = sqlx::query(text).bind(&id).bind(now.0.max(1)).execute(&store.writer).await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::row(table, id, "it cannot be read, and not be found"));
        }
    }
    Err(StoreError::row("sessions", "", "too many of them cannot be read"))
}

/// What came over in the end, and so what was lost.
async fn count(store: &Store, tables: &mut BTreeMap<String, SalvagedTable>) -> Result<(), StoreError> {
    let mut connection = store.writer.acquire().await?;
    for table in tables.values_mut() {
        table.came = count_of(&mut connection, &table.name).await?;
        table.lost = table.lost.saturating_sub(table.came);
    }
    Ok(())
}

async fn count_of(connection: &mut SqliteConnection, table: &str) -> Result<u64, StoreError> {
    let text = format!("SELECT count(*) FROM main.{table}");
    Ok(sqlx::query_scalar::<_, i64>(AssertSqlSafe(text)).fetch_one(connection).await?.unsigned_abs())
}

/// Nothing takes the place of anything that is not whole itself.
async fn verify(fresh: &Path) -> Result<(), StoreError> {
    let damaged = |problem: String| StoreError::Damaged { path: fresh.to_owned(), problem };
    let mut file = super::backup::plain(fresh, false).await?;
    let check: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut file).await?;
    let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut file).await?;
    file.close().await?;
    if check != "ok" {
        return Err(damaged(check));
    }
    if orphans.is_empty() { Ok(()) } else { Err(damaged("rows without their parents".to_owned())) }
}
