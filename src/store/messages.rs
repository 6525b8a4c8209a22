use std::sync::LazyLock;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Sqlite};

use super::rows::Columns;
use super::sql::{RowsStatement, rows_before};
use super::{Store, StoreError};
use crate::domain::{DeviceId, Message, Text, WallTime};

static PUT: LazyLock<RowsStatement> = LazyLock::new(|| {
    RowsStatement::new(
        "INSERT INTO messages (id, device, text, created_at, expires_at)",
        5,
        "ON CONFLICT (id) DO NOTHING",
    )
});

/// The most messages that one device keeps: the newest.
const KEPT_PER_DEVICE: i64 = 20;

/// A message as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftMessage {
    /// The message.
    pub message: Message,
    /// When a page of the device first showed it.
    pub shown_at: Option<WallTime>,
}

/// Which messages a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageQuery {
    /// Of this device only.
    pub device: Option<DeviceId>,
    /// Only those that are not expired at this time.
    pub alive_at: Option<WallTime>,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

pub(super) async fn put(connection: &mut SqliteConnection, messages: &[Message]) -> Result<(), StoreError> {
    PUT.execute(connection, messages, |query, message| {
        Ok(query
            .bind(message.id.to_string())
            .bind(message.device.to_string())
            .bind(message.text.as_str().to_owned())
            .bind(message.created_at.0)
            .bind(message.expires_at.0))
    })
    .await?;
    Ok(())
}

impl Store {
    /// A page of messages, newest first, and how many there are in all.
    pub async fn messages(&self, wanted: &MessageQuery) -> Result<(Vec<LeftMessage>, u64), StoreError> {
        if let Some(device) = wanted.device
            && !self.traces(device).await?.messages
        {
            return Ok((Vec::new(), 0));
        }
        let mut counting = QueryBuilder::new("SELECT count(*) FROM messages");
        push_conditions(&mut counting, wanted);
        let total: i64 = counting.build_query_scalar().persistent(false).fetch_one(&self.readers).await?;
        let mut query =
            QueryBuilder::new("SELECT id, device, text, created_at, expires_at, shown_at FROM messages");
        push_conditions(&mut query, wanted);
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(wanted.per_page));
        query.push(" OFFSET ").push_bind(rows_before(wanted.page, wanted.per_page));
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        Ok((rows.iter().map(left).collect::<Result<_, _>>()?, total.unsigned_abs()))
    }

    /// Notes that the device's page showed its messages; those that were shown before keep their time.
    pub async fn messages_shown(&self, device: DeviceId, at: WallTime) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE messages SET shown_at = $2 WHERE device = $1 AND shown_at IS NULL AND expires_at > $2",
        )
        .bind(device.to_string())
        .bind(at.0)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    /// Takes a message away; `false` if there is none of that id, or it is another device's.
    pub async fn delete_message(&self, id: uuid::Uuid, device: Option<DeviceId>) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM messages WHERE id = $1 AND ($2 IS NULL OR device = $2)")
            .bind(id.to_string())
            .bind(device.map(|device| device.to_string()))
            .execute(&self.writer)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Deletes some of those that expired before a time, and of those beyond the newest of each device. How many.
    pub async fn prune_messages(&self, before: WallTime, most: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM messages WHERE id IN (SELECT id FROM (SELECT id, expires_at, \
             row_number() OVER (PARTITION BY device ORDER BY created_at DESC, id DESC) AS place FROM messages) \
             WHERE expires_at <= $1 OR place > $2 LIMIT $3)",
        )
        .bind(before.0)
        .bind(KEPT_PER_DEVICE)
        .bind(most)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }
}

fn push_conditions(query: &mut QueryBuilder<Sqlite>, wanted: &MessageQuery) {
    query.push(" WHERE 1");
    if let Some(device) = wanted.device {
        query.push(" AND device = ").push_bind(device.to_string());
    }
    if let Some(at) = wanted.alive_at {
        query.push(" AND expires_at > ").push_bind(at.0);
    }
}

fn left(row: &SqliteRow) -> Result<LeftMessage, StoreError> {
    let mut columns = Columns::new(row, "messages");
    Ok(LeftMessage {
        message: Message {
            id: columns.parse()?,
            device: columns.parse()?,
            text: Text::new(columns.text()?),
            created_at: columns.wall()?,
            expires_at: columns.wall()?,
        },
        shown_at: columns.wall_if()?,
    })
}
