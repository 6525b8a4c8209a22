use std::collections::HashMap;

use sqlx::QueryBuilder;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::batch_list::push_ids;
use super::rows::Columns;
use super::{Store, StoreError};
use crate::domain::{
    AccountDevice, AccountGuard, AccountName, DeviceId, Entry, Phrase, Refusal, Text, WallTime, standing,
};

/// A device that is logged in, and how its account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The device.
    pub device: DeviceId,
    /// The account.
    pub account: String,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// When the account is over.
    pub expires_at: Option<WallTime>,
    /// When the device was last given a session.
    pub used_at: WallTime,
}

impl Store {
    /// Where an account is logged in, the longest unused first.
    pub async fn account_devices(&self, account: i64) -> Result<Vec<AccountDevice>, StoreError> {
        let rows = sqlx::query(
            "SELECT device, bound_at, used_at FROM account_devices WHERE account = $1 ORDER BY used_at, bound_at, device",
        )
        .bind(account)
        .fetch_all(&self.readers)
        .await?;
        let read = |row: &SqliteRow| {
            let mut columns = Columns::new(row, "account_devices");
            Ok(AccountDevice {
                device: columns.parse()?,
                bound_at: columns.wall()?,
                used_at: columns.wall()?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// On how many devices each of these accounts is logged in; one that is on none is left out.
    pub async fn count_account_devices(&self, accounts: &[i64]) -> Result<HashMap<i64, u64>, StoreError> {
        let mut query = QueryBuilder::new("SELECT account, count(*) FROM account_devices WHERE account IN ");
        push_ids(&mut query, accounts);
        query.push(" GROUP BY account");
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        let one = |row: &SqliteRow| {
            let mut columns = Columns::new(row, "account_devices");
            Ok((columns.int()?, columns.int()?.unsigned_abs()))
        };
        rows.iter().map(one).collect()
    }

    /// Every device that is logged in.
    pub async fn bindings(&self) -> Result<Vec<Binding>, StoreError> {
        let rows = sqlx::query(
            "SELECT d.device, a.name, a.disabled, a.expires_at, d.used_at FROM account_devices d \
             JOIN accounts a ON a.id = d.account",
        )
        .fetch_all(&self.readers)
        .await?;
        let read = |row: &SqliteRow| {
            let mut columns = Columns::new(row, "account_devices");
            Ok(Binding {
                device: columns.parse()?,
                account: columns.text()?.to_owned(),
                disabled: columns.flag()?,
                expires_at: columns.wall_if()?,
                used_at: columns.wall()?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Logs a device out of an account, or all of its devices; whether there was anything to do.
    pub async fn unbind(&self, account: &AccountName, device: Option<DeviceId>) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "DELETE FROM account_devices WHERE account = (SELECT id FROM accounts WHERE name = $1) \
             AND ($2 IS NULL OR device = $2)",
        )
        .bind(account.as_str())
        .bind(device.map(|device| device.to_string()))
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Logs out devices that were not given a session since then.
    pub async fn forget_bindings(&self, devices: &[DeviceId], since: WallTime) -> Result<(), StoreError> {
        for device in devices {
            sqlx::query("DELETE FROM account_devices WHERE device = $1 AND used_at < $2")
                .bind(device.to_string())
                .bind(since.0)
                .execute(&self.writer)
                .await?;
        }
        Ok(())
    }
}

/// Whether an account can be used on a device, which is logged in by it if it is to be: the guard of its sessions.
pub(super) async fn enter(
    connection: &mut SqliteConnection,
    guard: &AccountGuard,
) -> Result<Result<(), Refusal>, StoreError> {
    let no = |phrase| Ok(Err(Refusal::Form { field: None, text: Text::ours(phrase) }));
    let row = sqlx::query("SELECT id, disabled, expires_at, max_devices FROM accounts WHERE id = $1")
        .bind(guard.account)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(row) = row else { return no(Phrase::AccountGone) };
    let mut columns = Columns::new(&row, "accounts");
    columns.int()?;
    if let Err(off) = standing(columns.flag()?, columns.wall_if()?, guard.at) {
        return no(off.text());
    }
    let most = columns.int()?;
    let device = guard.device.to_string();
    match guard.entry {
        Entry::Bound => {
            let done =
                sqlx::query("UPDATE account_devices SET used_at = $3 WHERE device = $1 AND account = $2")
                    .bind(&device)
                    .bind(guard.account)
                    .bind(guard.at.0)
                    .execute(&mut *connection)
                    .await?;
            Ok(if done.rows_affected() == 1 { Ok(()) } else { Err(Refusal::NoSession) })
        }
        Entry::LogIn { instead_of } => {
            let instead_of = instead_of.map(|other| other.to_string());
            let others: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM account_devices WHERE account = $1 AND device <> $2 AND device IS NOT $3",
            )
            .bind(guard.account)
            .bind(&device)
            .bind(&instead_of)
            .fetch_one(&mut *connection)
            .await?;
            if others >= most {
                return no(Phrase::AccountFull);
            }
            sqlx::query("DELETE FROM account_devices WHERE account = $1 AND device = $2 AND device <> $3")
                .bind(guard.account)
                .bind(&instead_of)
                .bind(&device)
                .execute(&mut *connection)
                .await?;
            sqlx::query(
                "INSERT INTO account_devices (device, account, bound_at, used_at) VALUES ($1, $2, $3, $3) \
                 ON CONFLICT (device) DO UPDATE SET account = $2, used_at = $3, \
                 bound_at = iif(account = $2, bound_at, $3)",
            )
            .bind(&device)
            .bind(guard.account)
            .bind(guard.at.0)
            .execute(&mut *connection)
            .await?;
            Ok(Ok(()))
        }
    }
}
