use std::fmt;

use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::Columns;
use super::{Store, StoreError, once};
use crate::domain::{Admin, DoneOnce, Once, OnceSubject, Permission, Refusal, TermsError, Text, WallTime};

/// What every token begins with, so that one is recognised where it should not be: in a log, in a repository.
const PREFIX: &str = "tp_";

/// Random bytes of a token.
const RANDOM_BYTES: usize = 32;

/// A token as the store knows it: without its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Its number.
    pub id: i64,
    /// What the operator calls it.
    pub name: Text,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// When it was made.
    pub created_at: WallTime,
    /// Since when it is no longer accepted.
    pub revoked_at: Option<WallTime>,
}

impl Token {
    /// Permissions that one token may have.
    pub const MAX_PERMISSIONS: usize = Admin::MAX_PERMISSIONS;

    /// What somebody wrote of a new one: its name, and its permissions in their order, each once.
    ///
    /// # Errors
    ///
    /// It has no name, or no permission, or too many.
    pub fn check(name: &str, permissions: Vec<Permission>) -> Result<(Text, Vec<Permission>), TermsError> {
        let name = Text::new(name);
        if name.is_empty() {
            return Err(TermsError { field: "name", problem: "must not be empty".to_owned() });
        }
        Ok((name, Admin::check_permissions(permissions)?))
    }
}

/// The text that a program logs in with: `tp_` and 64 hexadecimal digits. Known at its making only.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(String);

impl TokenText {
    /// A new one, from the operating system's randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes)?;
        let mut text = String::with_capacity(PREFIX.len() + 2 * RANDOM_BYTES);
        text.push_str(PREFIX);
        for byte in bytes {
            text.push_str(&format!("{byte:02x}"));
        }
        Ok(Self(text))
    }

    /// What somebody sent; `None` if it cannot be a token.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let is_digits = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        (digits.len() == 2 * RANDOM_BYTES && is_digits).then(|| Self(text.to_owned()))
    }

    /// The text, to be shown once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored. 256 random bits cannot be searched for, so that no slow hash is needed.
    fn digest(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(…)")
    }
}

const COLUMNS: &str = "id, name, permissions, created_at, revoked_at";

impl Store {
    /// Stores a token by its digest.
    pub async fn create_token(
        &self,
        name: &Text,
        permissions: &[Permission],
        text: &TokenText,
        now: WallTime,
    ) -> Result<Token, StoreError> {
        insert(&mut *self.writer.acquire().await?, name, permissions, text, now).await
    }

    /// The same, if the request was not carried out before.
    pub async fn create_token_once(
        &self,
        name: &Text,
        permissions: &[Permission],
        text: &TokenText,
        once: &Once,
    ) -> Result<Result<Token, Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let token = insert(&mut transaction, name, permissions, text, once.at.wall).await?;
        let done = DoneOnce { once: once.clone(), subject: OnceSubject::Token(token.id), made: true };
        if let Err(refusal) = once::remember(&mut transaction, &done).await? {
            transaction.rollback().await?;
            return Ok(Err(refusal));
        }
        transaction.commit().await?;
        Ok(Ok(token))
    }

    /// The token of that text, unless it was revoked.
    pub async fn find_token(&self, text: &TokenText) -> Result<Option<Token>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE digest = $1 AND revoked_at IS NULL");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(text.digest()).fetch_optional(&self.readers).await?;
        row.as_ref().map(token).transpose()
    }

    /// The token of that number, unless it was revoked.
    pub async fn token(&self, id: i64) -> Result<Option<Token>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE id = $1 AND revoked_at IS NULL");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.readers).await?;
        row.as_ref().map(token).transpose()
    }

    /// All tokens, revoked ones too, in the order of their making.
    pub async fn list_tokens(&self) -> Result<Vec<Token>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tokens ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.readers).await?;
        rows.iter().map(token).collect()
    }

    /// Has a token no longer accepted. The token as it is now; `None` if there is none of that number.
    pub async fn revoke_token(&self, id: i64, now: WallTime) -> Result<Option<Token>, StoreError> {
        sqlx::query("UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
            .bind(id)
            .bind(now.0)
            .execute(&self.writer)
            .await?;
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.readers).await?;
        row.as_ref().map(token).transpose()
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    name: &Text,
    permissions: &[Permission],
    text: &TokenText,
    now: WallTime,
) -> Result<Token, StoreError> {
    let names: Vec<String> = permissions.iter().map(ToString::to_string).collect();
    let names = serde_json::to_string(&names).map_err(|error| StoreError::row("tokens", "new", error))?;
    let id = sqlx::query_scalar(
        "INSERT INTO tokens (name, permissions, digest, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
    )
    .bind(name.as_str())
    .bind(names)
    .bind(text.digest())
    .bind(now.0)
    .fetch_one(connection)
    .await?;
    Ok(Token { id, name: name.clone(), permissions: permissions.to_vec(), created_at: now, revoked_at: None })
}

fn token(row: &SqliteRow) -> Result<Token, StoreError> {
    let mut columns = Columns::new(row, "tokens");
    let id = columns.int()?;
    let name = Text::new(columns.text()?);
    let names: Vec<String> = columns.json()?;
    let permissions = names
        .iter()
        .map(|name| name.parse().map_err(|error| columns.wrong(error)))
        .collect::<Result<_, _>>()?;
    Ok(Token { id, name, permissions, created_at: columns.wall()?, revoked_at: columns.wall_if()? })
}
