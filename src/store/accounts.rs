use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, QueryBuilder};

use super::account_plans::{self, Till};
use super::rows::Columns;
use super::sql::{like_pattern, rows_before};
use super::{Store, StoreError, once};
use crate::domain::{
    Account, AccountBook, AccountDevice, AccountName, BoxFuture, DeviceId, DoneOnce, Once, OnceSubject,
    OneMore, PasswordHash, PlanName, ProviderError, Refusal, Tag, TermsError, Text, WallTime,
};

const COLUMNS: &str = "id, name, password, full_name, note, max_devices, one_more, disabled, expires_at, roles, \
     properties, created_at";

/// An account to be made, checked.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// What is typed in.
    pub name: AccountName,
    /// What the password is checked against.
    pub password: PasswordHash,
    /// The rest.
    pub rest: AccountPatch,
}

/// A change of an account; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct AccountPatch {
    /// What the password is checked against: a new one logs out every device.
    pub password: Option<PasswordHash>,
    /// Who it is; `Some(None)` takes it away.
    pub full_name: Option<Option<Text>>,
    /// The operator's own.
    pub note: Option<Option<Text>>,
    /// Its plans, all of them, in their order.
    pub plans: Option<Vec<PlanName>>,
    /// Who takes the money for plans that it has not had.
    pub till: Option<Till>,
    /// How many devices may be logged in at the same time.
    pub max_devices: Option<u32>,
    /// What happens to one more.
    pub one_more: Option<OneMore>,
    /// Whether it is shut out.
    pub disabled: Option<bool>,
    /// When it is over; `Some(None)`: never.
    pub expires_at: Option<Option<WallTime>>,
    /// Roles of its sessions.
    pub roles: Option<BTreeSet<String>>,
    /// Properties of its sessions.
    pub properties: Option<BTreeMap<String, String>>,
    /// How it must still stand: [`Tag::of_account`].
    pub expected: Option<Tag>,
}

/// Which accounts a list shows, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountQuery {
    /// Whose name, full name or note contains this.
    pub text: Option<String>,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

impl AccountPatch {
    fn apply(&self, account: &mut Account) -> Result<(), Refusal> {
        let wrong = |field, problem: String| Err(Refusal::Terms(TermsError { field, problem }));
        if let Some(most) = self.max_devices {
            if !(1..=Account::MAX_DEVICES).contains(&most) {
                return wrong("max_devices", format!("must be between 1 and {}", Account::MAX_DEVICES));
            }
            account.max_devices = most;
        }
        let set = |field: &mut Option<Text>, wanted: &Option<Option<Text>>| {
            if let Some(text) = wanted {
                *field = text.clone().filter(|text| !text.is_empty());
            }
        };
        set(&mut account.full_name, &self.full_name);
        set(&mut account.note, &self.note);
        account.password = self.password.clone().unwrap_or_else(|| account.password.clone());
        account.one_more = self.one_more.unwrap_or(account.one_more);
        account.disabled = self.disabled.unwrap_or(account.disabled);
        account.expires_at = self.expires_at.unwrap_or(account.expires_at);
        account.roles = self.roles.clone().unwrap_or_else(|| account.roles.clone());
        account.properties = self.properties.clone().unwrap_or_else(|| account.properties.clone());
        Ok(())
    }
}

impl Store {
    /// Makes an account, with its plans and what was paid for them; on disk when it returns.
    pub async fn create_account(
        &self,
        new: &NewAccount,
        at: WallTime,
        once: Option<&Once>,
    ) -> Result<Result<Account, Refusal>, StoreError> {
        let mut account = Account {
            id: 0,
            name: new.name.clone(),
            password: new.password.clone(),
            full_name: None,
            note: None,
            plans: Vec::new(),
            max_devices: 1,
            one_more: OneMore::default(),
            disabled: false,
            expires_at: None,
            roles: BTreeSet::new(),
            properties: BTreeMap::new(),
            created_at: at,
        };
        if let Err(refusal) = new.rest.apply(&mut account) {
            return Ok(Err(refusal));
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let (same, count): (i64, i64) =
            sqlx::query_as("SELECT coalesce(sum(name = $1), 0), count(*) FROM accounts")
                .bind(account.name.as_str())
                .fetch_one(&mut *transaction)
                .await?;
        if same > 0 {
            return Ok(Err(Refusal::AccountExists));
        }
        if count >= Account::MAX_COUNT {
            let problem = format!("there are {} accounts, the most there may be", Account::MAX_COUNT);
            return Ok(Err(Refusal::Terms(TermsError { field: "name", problem })));
        }
        account.id = insert(&mut transaction, &account).await?;
        let plans = new.rest.plans.clone().unwrap_or_default();
        let till = new.rest.till.as_ref();
        if let Err(refusal) = account_plans::set_plans(&mut transaction, &account, &plans, till, at).await? {
            return Ok(Err(refusal));
        }
        if let Err(refusal) = remember(&mut transaction, once, account.id, true).await? {
            return Ok(Err(refusal));
        }
        account.plans = account_plans::of_account(&mut transaction, account.id).await?;
        transaction.commit().await?;
        self.accounts.store(true, Ordering::Relaxed);
        Ok(Ok(account))
    }

    /// Changes an account. A new password logs out every device; the caller ends what must not go on.
    pub async fn change_account(
        &self,
        name: &AccountName,
        patch: &AccountPatch,
        at: WallTime,
        once: Option<&Once>,
    ) -> Result<Result<Account, Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let Some(mut account) = look_up(&mut transaction, name).await? else {
            return Ok(Err(Refusal::UnknownAccount));
        };
        if patch.expected.is_some_and(|tag| tag != Tag::of_account(&account)) {
            return Ok(Err(Refusal::Changed));
        }
        if let Err(refusal) = patch.apply(&mut account) {
            return Ok(Err(refusal));
        }
        update(&mut transaction, &account).await?;
        if let Some(plans) = &patch.plans {
            let till = patch.till.as_ref();
            let set = account_plans::set_plans(&mut transaction, &account, plans, till, at).await?;
            if let Err(refusal) = set {
                return Ok(Err(refusal));
            }
        }
        if patch.password.is_some() {
            sqlx::query("DELETE FROM account_devices WHERE account = $1")
                .bind(account.id)
                .execute(&mut *transaction)
                .await?;
        }
        if let Err(refusal) = remember(&mut transaction, once, account.id, false).await? {
            return Ok(Err(refusal));
        }
        account.plans = account_plans::of_account(&mut transaction, account.id).await?;
        transaction.commit().await?;
        Ok(Ok(account))
    }

    /// Deletes an account; whoever is given its name later begins anew. Whether it was there.
    pub async fn delete_account(&self, name: &AccountName) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query("DELETE FROM accounts WHERE name = $1")
            .bind(name.as_str())
            .execute(&mut *transaction)
            .await?;
        // Subjects are `account NAME`, and longer ones that go on with `/` or a blank, which no name holds.
        let subject = format!("account {name}");
        sqlx::query(
            "DELETE FROM grants WHERE subject = $1 OR (subject > $1 || '/' AND subject < $1 || '0') \
             OR (subject > $1 || ' ' AND subject < $1 || '!')",
        )
        .bind(subject)
        .execute(&mut *transaction)
        .await?;
        let any: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM accounts)").fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        self.accounts.store(any, Ordering::Relaxed);
        Ok(done.rows_affected() > 0)
    }

    /// The account of that name.
    pub async fn find_account(&self, name: &AccountName) -> Result<Option<Account>, StoreError> {
        look_up(&mut *self.readers.acquire().await?, name).await
    }

    /// The account of that number.
    pub async fn account_by_id(&self, id: i64) -> Result<Option<Account>, StoreError> {
        one(&mut *self.readers.acquire().await?, "id = $1", id).await
    }

    /// A page of accounts, and how many there are in all.
    pub async fn list_accounts(&self, wanted: &AccountQuery) -> Result<(Vec<Account>, u64), StoreError> {
        let mut reader = self.readers.acquire().await?;
        let condition = |query: &mut QueryBuilder<sqlx::Sqlite>| {
            if let Some(text) = wanted.text.as_ref().filter(|text| !text.is_empty()) {
                let pattern = like_pattern(text);
                for (place, column) in ["name", "full_name", "note"].into_iter().enumerate() {
                    query.push(if place == 0 { " WHERE " } else { " OR " });
                    query.push(column).push(" LIKE ").push_bind(pattern.clone()).push(" ESCAPE '\\'");
                }
            }
        };
        let mut counting = QueryBuilder::new("SELECT count(*) FROM accounts");
        condition(&mut counting);
        let total: i64 = counting.build_query_scalar().persistent(false).fetch_one(&mut *reader).await?;
        let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM accounts"));
        condition(&mut query);
        query.push(" ORDER BY name LIMIT ").push_bind(i64::from(wanted.per_page));
        query.push(" OFFSET ").push_bind(rows_before(wanted.page, wanted.per_page));
        let rows = query.build().persistent(false).fetch_all(&mut *reader).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut account = read(row)?;
            account.plans = account_plans::of_account(&mut reader, account.id).await?;
            found.push(account);
        }
        Ok((found, total.unsigned_abs()))
    }

    async fn read_account_of(&self, device: DeviceId) -> Result<Option<Account>, StoreError> {
        let mut reader = self.readers.acquire().await?;
        let which = "id = (SELECT account FROM account_devices WHERE device = $1)";
        one(&mut reader, which, device.to_string()).await
    }
}

fn failed(error: StoreError) -> ProviderError {
    ProviderError(error.to_string())
}

impl AccountBook for Store {
    fn any_account(&self) -> bool {
        self.accounts.load(Ordering::Relaxed)
    }

    fn find_account<'a>(
        &'a self,
        name: &'a AccountName,
    ) -> BoxFuture<'a, Result<Option<Account>, ProviderError>> {
        Box::pin(async move { Self::find_account(self, name).await.map_err(failed) })
    }

    fn account_of(&self, device: DeviceId) -> BoxFuture<'_, Result<Option<Account>, ProviderError>> {
        Box::pin(async move {
            // Each page asks, and most places have no accounts.
            if !self.any_account() {
                return Ok(None);
            }
            self.read_account_of(device).await.map_err(failed)
        })
    }

    fn account_devices(&self, account: i64) -> BoxFuture<'_, Result<Vec<AccountDevice>, ProviderError>> {
        Box::pin(async move { Self::account_devices(self, account).await.map_err(failed) })
    }
}

pub(super) async fn look_up(
    connection: &mut SqliteConnection,
    name: &AccountName,
) -> Result<Option<Account>, StoreError> {
    one(connection, "name = $1", name.as_str().to_owned()).await
}

async fn one<'q, V>(
    connection: &mut SqliteConnection,
    which: &str,
    value: V,
) -> Result<Option<Account>, StoreError>
where
    V: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + 'q,
{
    let text = format!("SELECT {COLUMNS} FROM accounts WHERE {which}");
    let row = sqlx::query(AssertSqlSafe(text)).bind(value).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let mut account = read(&row)?;
    account.plans = account_plans::of_account(connection, account.id).await?;
    Ok(Some(account))
}

/// A row of [`COLUMNS`], without its plans.
fn read(row: &SqliteRow) -> Result<Account, StoreError> {
    let mut columns = Columns::new(row, "accounts");
    let id = columns.int()?;
    let name = AccountName::parse(columns.text()?).map_err(|error| columns.wrong(error))?;
    let password = PasswordHash::new(columns.text()?.to_owned());
    let (full_name, note) = (columns.text_if()?.map(Text::new), columns.text_if()?.map(Text::new));
    let max_devices = columns.int()?.try_into().map_err(|_| columns.wrong("so many devices cannot be"))?;
    let one_more = columns.text()?;
    let one_more = OneMore::from_name(one_more)
        .ok_or_else(|| columns.wrong(format!("unknown one_more {one_more:?}")))?;
    Ok(Account {
        id,
        name,
        password,
        full_name,
        note,
        plans: Vec::new(),
        max_devices,
        one_more,
        disabled: columns.flag()?,
        expires_at: columns.wall_if()?,
        roles: columns.json()?,
        properties: columns.json()?,
        created_at: columns.wall()?,
    })
}

async fn insert(connection: &mut SqliteConnection, account: &Account) -> Result<i64, StoreError> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO accounts (name, password, max_devices, one_more, disabled, roles, properties, created_at) \
         VALUES ($1, $2, 1, 'refuse', 0, '[]', '{}', $3) RETURNING id",
    )
    .bind(account.name.as_str())
    .bind(account.password.as_str())
    .bind(account.created_at.0)
    .fetch_one(&mut *connection)
    .await?;
    update(connection, &Account { id, ..account.clone() }).await?;
    Ok(id)
}

async fn update(connection: &mut SqliteConnection, account: &Account) -> Result<(), StoreError> {
    let wrong = |error: serde_json::Error| StoreError::row("accounts", account.id, error);
    sqlx::query(
        "UPDATE accounts SET password = $2, full_name = $3, note = $4, max_devices = $5, one_more = $6, disabled = $7, \
         expires_at = $8, roles = $9, properties = $10 WHERE id = $1",
    )
    .bind(account.id)
    .bind(account.password.as_str())
    .bind(account.full_name.as_ref().map(Text::as_str))
    .bind(account.note.as_ref().map(Text::as_str))
    .bind(i64::from(account.max_devices))
    .bind(account.one_more.as_str())
    .bind(account.disabled)
    .bind(account.expires_at.map(|at| at.0))
    .bind(serde_json::to_string(&account.roles).map_err(wrong)?)
    .bind(serde_json::to_string(&account.properties).map_err(wrong)?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn remember(
    connection: &mut SqliteConnection,
    once: Option<&Once>,
    account: i64,
    made: bool,
) -> Result<Result<(), Refusal>, StoreError> {
    let Some(once) = once else { return Ok(Ok(())) };
    let done = DoneOnce { once: once.clone(), subject: OnceSubject::Account(account), made };
    once::remember(connection, &done).await
}
