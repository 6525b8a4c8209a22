use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::Columns;
use super::{Store, StoreError, once};
use crate::domain::{
    AccountName, Admin, DoneOnce, Once, OnceSubject, PasswordHash, Permission, Refusal, Tag, TermsError,
    WallTime,
};

const COLUMNS: &str =
    "id, name, password, permissions, disabled, totp, totp_step, version, created_at, signed_in_at";

/// An admin account to be made, checked.
#[derive(Debug, Clone)]
pub struct NewAdmin {
    /// What is typed in.
    pub name: AccountName,
    /// What the password is checked against.
    pub password: PasswordHash,
    /// What it may do.
    pub permissions: Vec<Permission>,
    /// Only if there is none yet.
    pub first: bool,
}

/// A change of an admin account; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdminPatch {
    /// What the password is checked against. Whoever is signed in has to sign in again.
    pub password: Option<PasswordHash>,
    /// What it may do, from the next request on.
    pub permissions: Option<Vec<Permission>>,
    /// Whether it is shut out. Whoever is signed in has to sign in again.
    pub disabled: Option<bool>,
    /// The sealed secret of its one-time codes and the step of the one that confirmed it; `Some(None)` takes it away.
    pub totp: Option<Option<(Vec<u8>, i64)>>,
    /// Whoever is signed in has to sign in again.
    pub sign_out: bool,
    /// How it must still stand: [`Tag::of_admin`].
    pub expected: Option<Tag>,
}

impl AdminPatch {
    fn apply(&self, admin: &mut Admin) {
        admin.password = self.password.clone().unwrap_or_else(|| admin.password.clone());
        admin.permissions = self.permissions.clone().unwrap_or_else(|| admin.permissions.clone());
        admin.disabled = self.disabled.unwrap_or(admin.disabled);
        if let Some(totp) = &self.totp {
            admin.totp = totp.as_ref().map(|(sealed, _)| sealed.clone());
            admin.totp_step = totp.as_ref().map_or(0, |(_, step)| *step);
        }
        let ends = self.password.is_some() || self.disabled == Some(true) || self.sign_out;
        admin.version = admin.version.saturating_add(i64::from(ends));
    }
}

impl Store {
    /// Makes an admin account; on disk when it returns.
    pub async fn create_admin(
        &self,
        new: &NewAdmin,
        at: WallTime,
        once: Option<&Once>,
    ) -> Result<Result<Admin, Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let (same, count): (i64, i64) =
            sqlx::query_as("SELECT coalesce(sum(name = $1), 0), count(*) FROM admins")
                .bind(new.name.as_str())
                .fetch_one(&mut *transaction)
                .await?;
        if same > 0 || (new.first && count > 0) {
            return Ok(Err(Refusal::AdminExists));
        }
        if count >= Admin::MAX_COUNT {
            let problem = format!("there are {} admin accounts, the most there may be", Admin::MAX_COUNT);
            return Ok(Err(Refusal::Terms(TermsError { field: "name", problem })));
        }
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO admins (name, password, permissions, disabled, created_at) VALUES ($1, $2, $3, 0, $4) \
             RETURNING id",
        )
        .bind(new.name.as_str())
        .bind(new.password.as_str())
        .bind(names(&new.permissions)?)
        .bind(at.0)
        .fetch_one(&mut *transaction)
        .await?;
        if !any_administers(&mut transaction).await? {
            return Ok(Err(Refusal::LastAdmin));
        }
        if let Err(refusal) = remember(&mut transaction, once, id, true).await? {
            return Ok(Err(refusal));
        }
        let made = one(&mut transaction, "id = $1", id).await?;
        transaction.commit().await?;
        Ok(made.ok_or(Refusal::UnknownAdmin))
    }

    /// Changes an admin account; never so that nobody is left who may do everything.
    pub async fn change_admin(
        &self,
        name: &AccountName,
        patch: &AdminPatch,
        once: Option<&Once>,
    ) -> Result<Result<Admin, Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let Some(before) = one(&mut transaction, "name = $1", name.as_str().to_owned()).await? else {
            return Ok(Err(Refusal::UnknownAdmin));
        };
        if patch.expected.is_some_and(|tag| tag != Tag::of_admin(&before)) {
            return Ok(Err(Refusal::Changed));
        }
        let mut admin = before.clone();
        patch.apply(&mut admin);
        sqlx::query(
            "UPDATE admins SET password = $2, permissions = $3, disabled = $4, totp = $5, totp_step = $6, version = $7 \
             WHERE id = $1",
        )
        .bind(admin.id)
        .bind(admin.password.as_str())
        .bind(names(&admin.permissions)?)
        .bind(admin.disabled)
        .bind(admin.totp.clone())
        .bind(admin.totp_step)
        .bind(admin.version)
        .execute(&mut *transaction)
        .await?;
        if before.administers() && !any_administers(&mut transaction).await? {
            return Ok(Err(Refusal::LastAdmin));
        }
        if let Err(refusal) = remember(&mut transaction, once, admin.id, false).await? {
            return Ok(Err(refusal));
        }
        transaction.commit().await?;
        Ok(Ok(admin))
    }

    /// Deletes an admin account; never the last that may do everything.
    pub async fn delete_admin(&self, name: &AccountName) -> Result<Result<(), Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let Some(before) = one(&mut transaction, "name = $1", name.as_str().to_owned()).await? else {
            return Ok(Err(Refusal::UnknownAdmin));
        };
        sqlx::query("DELETE FROM admins WHERE id = $1").bind(before.id).execute(&mut *transaction).await?;
        if before.administers() && !any_administers(&mut transaction).await? {
            return Ok(Err(Refusal::LastAdmin));
        }
        transaction.commit().await?;
        Ok(Ok(()))
    }

    /// Whether there is any admin account.
    pub async fn any_admin(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM admins)").fetch_one(&self.readers).await?)
    }

    /// The admin account of that name.
    pub async fn find_admin(&self, name: &AccountName) -> Result<Option<Admin>, StoreError> {
        one(&mut *self.readers.acquire().await?, "name = $1", name.as_str().to_owned()).await
    }

    /// The admin account of that number.
    pub async fn admin(&self, id: i64) -> Result<Option<Admin>, StoreError> {
        one(&mut *self.readers.acquire().await?, "id = $1", id).await
    }

    /// All admin accounts, by name.
    pub async fn list_admins(&self) -> Result<Vec<Admin>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM admins ORDER BY name");
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&self.readers).await?;
        rows.iter().map(read).collect()
    }

    /// Somebody has signed in, with the one-time code of a step if one was needed. `false` if one of that step or a newer
    /// one was taken before, or the account is another than `known` by now: then nobody has.
    pub async fn admin_signed_in(
        &self,
        known: &Admin,
        step: Option<i64>,
        at: WallTime,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE admins SET signed_in_at = $2, totp_step = coalesce($3, totp_step) \
             WHERE id = $1 AND disabled = 0 AND version = $4 AND ($3 IS NULL OR totp_step < $3) \
             AND (totp IS NULL OR $3 IS NOT NULL)",
        )
        .bind(known.id)
        .bind(at.0)
        .bind(step)
        .bind(known.version)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

fn names(permissions: &[Permission]) -> Result<String, StoreError> {
    let names: Vec<String> = permissions.iter().map(ToString::to_string).collect();
    serde_json::to_string(&names).map_err(|error| StoreError::row("admins", "new", error))
}

/// Whether somebody is left who may do everything.
async fn any_administers(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let any = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM admins a, json_each(a.permissions) p WHERE a.disabled = 0 AND p.value = 'admin')",
    );
    Ok(any.fetch_one(connection).await?)
}

async fn one<'q, V>(
    connection: &mut SqliteConnection,
    which: &str,
    value: V,
) -> Result<Option<Admin>, StoreError>
where
    V: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 'q,
{
    let text = format!("SELECT {COLUMNS} FROM admins WHERE {which}");
    let row = sqlx::query(AssertSqlSafe(text)).bind(value).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

/// A row of [`COLUMNS`].
fn read(row: &SqliteRow) -> Result<Admin, StoreError> {
    let mut columns = Columns::new(row, "admins");
    let id = columns.int()?;
    let name = AccountName::parse(columns.text()?).map_err(|error| columns.wrong(error))?;
    let password = PasswordHash::new(columns.text()?.to_owned());
    let names: Vec<String> = columns.json()?;
    let permissions = names
        .iter()
        .map(|name| name.parse().map_err(|error| columns.wrong(error)))
        .collect::<Result<_, _>>()?;
    Ok(Admin {
        id,
        name,
        password,
        permissions,
        disabled: columns.flag()?,
        totp: columns.blob_if()?.map(<[u8]>::to_vec),
        totp_step: columns.int()?,
        version: columns.int()?,
        created_at: columns.wall()?,
        signed_in_at: columns.wall_if()?,
    })
}

async fn remember(
    connection: &mut SqliteConnection,
    once: Option<&Once>,
    admin: i64,
    made: bool,
) -> Result<Result<(), Refusal>, StoreError> {
    let Some(once) = once else { return Ok(Ok(())) };
    let done = DoneOnce { once: once.clone(), subject: OnceSubject::Admin(admin), made };
    once::remember(connection, &done).await
}
