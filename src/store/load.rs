use std::collections::HashSet;

use futures_util::TryStreamExt;
use sqlx::AssertSqlSafe;

use super::rows::{self, DEVICE_COLUMNS, SESSION_COLUMNS};
use super::{Store, StoreError};
use crate::domain::{ClientDevice, ClientSession, DeviceId, SessionId, WallTime};

/// What a start needs.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// All devices.
    pub devices: Vec<ClientDevice>,
    /// The sessions that could be used or are: available, running, paused.
    pub sessions: Vec<ClientSession>,
    /// The devices that the store has something of: a session, also one that has ended, an account, a code, a grant.
    pub had_session: HashSet<DeviceId>,
    /// The newest wall-clock time that was believable, if one was ever stored.
    pub newest_wall: Option<WallTime>,
}

/// Without a session a device may still be who an account, a code or free access gave something to, or who put money in. `ALL`,
/// and no order here and below: SQLite would sort in a file of its own.
const HAD_SOMETHING: &str = "SELECT DISTINCT device FROM sessions UNION ALL SELECT device FROM account_devices \
     UNION ALL SELECT u.device FROM voucher_uses u JOIN devices d ON d.id = u.device WHERE u.ended_at IS NULL \
     UNION ALL SELECT c.device FROM credits c JOIN devices d ON d.id = c.device \
         WHERE c.claimed_at IS NULL AND c.returned_at IS NULL \
     UNION ALL SELECT d.id FROM devices d WHERE EXISTS (SELECT 1 FROM grants WHERE subject = 'device ' || d.id) \
     UNION ALL SELECT d.id FROM grants g JOIN devices d ON d.id = substr(g.subject, -36) \
         WHERE g.subject > 'account ' AND g.subject < 'account!' AND g.subject LIKE '% device %'";

impl Store {
    /// Everything that the sessions manager keeps in memory.
    ///
    /// # Errors
    ///
    /// A row that cannot be is an error that names it: to leave it out would lose somebody's session in silence.
    pub async fn load(&self) -> Result<Loaded, StoreError> {
        let mut connection = self.readers.acquire().await?;
        let mut loaded = Loaded::default();
        let text = format!("SELECT {DEVICE_COLUMNS} FROM devices ORDER BY id");
        let mut found = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch(&mut *connection);
        while let Some(row) = found.try_next().await? {
            loaded.devices.push(rows::device(&row)?);
        }
        drop(found);
        let text = format!(
            "SELECT {SESSION_COLUMNS} FROM sessions WHERE state IN ('available', 'running', 'paused')"
        );
        let mut found = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch(&mut *connection);
        while let Some(row) = found.try_next().await? {
            loaded.sessions.push(rows::session(&row)?);
        }
        drop(found);
        loaded.sessions.sort_unstable_by_key(|session| session.id);
        let mut found =
            sqlx::query_scalar::<_, String>(HAD_SOMETHING).persistent(false).fetch(&mut *connection);
        while let Some(id) = found.try_next().await? {
            let device = id.parse().map_err(|error| StoreError::row("sessions of device", &id, error))?;
            loaded.had_session.insert(device);
        }
        drop(found);
        loaded.newest_wall = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'newest_wall'")
            .fetch_optional(&mut *connection)
            .await?
            .map(WallTime);
        Ok(loaded)
    }

    /// One session, ended ones too, as of the last flush.
    pub async fn session(&self, id: SessionId) -> Result<Option<ClientSession>, StoreError> {
        let text = format!("SELECT {SESSION_COLUMNS} FROM sessions WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(text)).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(rows::session).transpose()
    }
}
