use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::Columns;
use super::{Store, StoreError, once};
use crate::domain::{
    DoneOnce, Hook, HookId, HookKinds, HookPatch, HookSecret, Once, OnceSubject, Refusal, Select, Tag, Text,
    WallTime,
};

/// The most webhooks: each has a task and a connection of its own.
pub const MAX_HOOKS: usize = 64;

/// A webhook as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHook {
    /// What was decided of it.
    pub hook: Hook,
    /// What its requests are signed with.
    pub secret: HookSecret,
    /// The last event that was looked at for it.
    pub cursor: i64,
    /// When it was made.
    pub created_at: WallTime,
    /// How it is doing.
    pub standing: HookStanding,
}

/// How a webhook is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookStanding {
    /// Events that wait for its receiver.
    pub waiting: u64,
    /// Events that its receiver took.
    pub delivered: u64,
    /// When it last took one.
    pub delivered_at: Option<WallTime>,
    /// Events that were given up.
    pub dropped: u64,
    /// Tries in vain since the last that was not.
    pub failures: u64,
    /// When the last of them was.
    pub failed_at: Option<WallTime>,
    /// What went wrong then.
    pub last_error: Option<Text>,
}

/// Why a webhook was not made or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookConflict {
    /// Another one is called so.
    NameTaken,
    /// There are [`MAX_HOOKS`].
    TooMany,
    /// The request is not to be carried out.
    Refused(Refusal),
}

const COLUMNS: &str = "id, name, url, secret, filter, kinds, properties, enabled, cursor, created_at, delivered, \
     delivered_at, dropped, failures, failed_at, last_error, \
     (SELECT count(*) FROM hook_outbox WHERE hook_outbox.hook = hooks.id)";

impl Store {
    /// Makes a webhook. It is told what happens from now on.
    pub async fn create_hook(
        &self,
        hook: &Hook,
        secret: &HookSecret,
        now: WallTime,
        once: Option<&Once>,
    ) -> Result<Result<KeptHook, HookConflict>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        if let Some(conflict) = conflict(&mut transaction, hook).await? {
            return Ok(Err(conflict));
        }
        sqlx::query(
            "INSERT INTO hooks (id, name, url, secret, filter, kinds, properties, enabled, cursor, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT coalesce(max(id), 0) FROM session_events), $9)",
        )
        .bind(hook.id.to_string())
        .bind(hook.name.as_str())
        .bind(hook.url.as_str())
        .bind(secret.as_str())
        .bind(hook.filter.as_ref().map(ToString::to_string))
        .bind(kinds_text(hook)?)
        .bind(hook.properties.names().join(","))
        .bind(hook.enabled)
        .bind(now.0)
        .execute(&mut *transaction)
        .await?;
        if let Some(once) = once {
            let done = DoneOnce { once: once.clone(), subject: OnceSubject::Hook(hook.id), made: true };
            if let Err(refusal) = once::remember(&mut transaction, &done).await? {
                return Ok(Err(HookConflict::Refused(refusal)));
            }
        }
        let made = one(&mut transaction, hook.id).await?;
        transaction.commit().await?;
        made.map(Ok).ok_or_else(|| StoreError::row("hooks", hook.id, "is not there"))
    }

    /// Changes a webhook; `None` if there is none of that id.
    pub async fn change_hook(
        &self,
        id: HookId,
        patch: HookPatch,
        expected: Option<Tag>,
    ) -> Result<Option<Result<KeptHook, HookConflict>>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let Some(mut kept) = one(&mut transaction, id).await? else { return Ok(None) };
        if expected.is_some_and(|tag| tag != Tag::of_hook(&kept.hook)) {
            return Ok(Some(Err(HookConflict::Refused(Refusal::Changed))));
        }
        patch.apply(&mut kept.hook, &mut kept.secret);
        let hook = &kept.hook;
        match conflict(&mut transaction, hook).await? {
            // One more is not made here.
            None | Some(HookConflict::TooMany) => {}
            Some(conflict) => return Ok(Some(Err(conflict))),
        }
        sqlx::query(
            "UPDATE hooks SET name = $2, url = $3, secret = $4, filter = $5, kinds = $6, properties = $7, \
             enabled = $8 WHERE id = $1",
        )
        .bind(id.to_string())
        .bind(hook.name.as_str())
        .bind(hook.url.as_str())
        .bind(kept.secret.as_str())
        .bind(hook.filter.as_ref().map(ToString::to_string))
        .bind(kinds_text(hook)?)
        .bind(hook.properties.names().join(","))
        .bind(hook.enabled)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Some(Ok(kept)))
    }

    /// Deletes a webhook with all that waits for it; `None` if there is none of that id.
    pub async fn delete_hook(&self, id: HookId) -> Result<Option<KeptHook>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let found = one(&mut transaction, id).await?;
        sqlx::query("DELETE FROM hooks WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(found)
    }

    /// One webhook.
    pub async fn hook(&self, id: HookId) -> Result<Option<KeptHook>, StoreError> {
        one(&mut *self.readers.acquire().await?, id).await
    }

    /// All webhooks, by name.
    pub async fn hooks(&self) -> Result<Vec<KeptHook>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM hooks ORDER BY name, id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.readers).await?;
        rows.iter().map(kept).collect()
    }
}

/// What stands against a hook as it is to be.
async fn conflict(
    connection: &mut SqliteConnection,
    hook: &Hook,
) -> Result<Option<HookConflict>, StoreError> {
    let (others, namesakes): (i64, i64) =
        sqlx::query_as("SELECT count(*), coalesce(sum(name = $2), 0) FROM hooks WHERE id <> $1")
            .bind(hook.id.to_string())
            .bind(hook.name.as_str())
            .fetch_one(connection)
            .await?;
    let is_full = usize::try_from(others).unwrap_or(usize::MAX) >= MAX_HOOKS;
    Ok(match (namesakes, is_full) {
        (1.., _) => Some(HookConflict::NameTaken),
        (_, true) => Some(HookConflict::TooMany),
        _ => None,
    })
}

async fn one(connection: &mut SqliteConnection, id: HookId) -> Result<Option<KeptHook>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM hooks WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(kept).transpose()
}

fn kinds_text(hook: &Hook) -> Result<String, StoreError> {
    serde_json::to_string(&hook.kinds.names()).map_err(|error| StoreError::row("hooks", hook.id, error))
}

fn kept(row: &SqliteRow) -> Result<KeptHook, StoreError> {
    let mut columns = Columns::new(row, "hooks");
    let id = columns.parse()?;
    let name = Text::new(columns.text()?);
    let (url, secret, filter) = (columns.parse()?, columns.parse()?, columns.parse_if()?);
    let kinds: Vec<String> = columns.json()?;
    let kinds = HookKinds::from_names(kinds.iter().map(String::as_str))
        .ok_or_else(|| columns.wrong("kinds that are not known"))?;
    let properties =
        Select::parse(columns.text()?).ok_or_else(|| columns.wrong("too many names of properties"))?;
    let hook = Hook { id, name, url, filter, kinds, properties, enabled: columns.flag()? };
    let (cursor, created_at) = (columns.int()?, columns.wall()?);
    let standing = HookStanding {
        delivered: columns.count()?,
        delivered_at: columns.wall_if()?,
        dropped: columns.count()?,
        failures: columns.count()?,
        failed_at: columns.wall_if()?,
        last_error: columns.text_if()?.map(Text::new),
        waiting: columns.count()?,
    };
    Ok(KeptHook { hook, secret, cursor, created_at, standing })
}
