use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::{Columns, integer};
use super::{Store, StoreError, once};
use crate::domain::{
    AtEnd, BoxFuture, DoneOnce, Every, Mbps, Money, Once, OnceSubject, Plan, PlanBook, PlanName,
    ProviderError, Refusal, Repeat, Tag, TermsError, Text, WallTime,
};

const COLUMNS: &str = "id, name, title, kind, time_limit_ms, data_limit_bytes, exp_days, down_bps, up_bps, \
     use_global_speed, price, roles, properties, slow_ms, slow_down_bps, slow_up_bps, repeat_every, repeat_at_hour, \
     max_devices, on_sale";

/// Who may still refer to a plan: a name for it, and a query with its name as `$1` that counts them.
const REFERENCES: &[(&str, &str)] = &[
    (
        "sessions that are not over",
        "SELECT count(*) FROM sessions WHERE plan = $1 AND state IN ('available', 'running', 'paused')",
    ),
    (
        "vouchers that can still be redeemed",
        "SELECT count(*) FROM vouchers v JOIN voucher_batches b ON b.id = v.batch WHERE b.plan = $1 \
         AND v.revoked_at IS NULL AND (v.redeemed_at IS NULL OR b.repeat_every IS NOT NULL)",
    ),
    ("accounts", "SELECT count(DISTINCT account) FROM account_plans WHERE plan = $1"),
];

/// What a change of a plan depends on.
#[derive(Debug, Clone, Default)]
pub struct PlanProviso {
    /// It was not carried out before.
    pub once: Option<Once>,
    /// It still bears one of these tags; `None` if it may have changed.
    pub expected: Option<Vec<Tag>>,
}

impl Store {
    /// The plan of that name.
    pub async fn find_plan(&self, name: &str) -> Result<Option<Plan>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM plans WHERE name = $1");
        let row = sqlx::query(AssertSqlSafe(text)).bind(name).fetch_optional(&self.readers).await?;
        Ok(row.as_ref().map(plan).transpose()?.map(|(_, plan)| plan))
    }

    /// The plan of that number.
    pub async fn plan_by_id(&self, id: i64) -> Result<Option<Plan>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM plans WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_optional(&self.readers).await?;
        Ok(row.as_ref().map(plan).transpose()?.map(|(_, plan)| plan))
    }

    /// All plans, by name.
    pub async fn list_plans(&self) -> Result<Vec<Plan>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM plans ORDER BY name");
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&self.readers).await?;
        rows.iter().map(|row| plan(row).map(|(_, plan)| plan)).collect()
    }

    /// Whether there is a plan.
    pub async fn any_plan(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM plans)").fetch_one(&self.readers).await?)
    }

    /// Puts a new plan in; on disk when it returns.
    pub async fn create_plan(
        &self,
        plan: &Plan,
        at: WallTime,
        once: Option<&Once>,
    ) -> Result<Result<(), Refusal>, StoreError> {
        if let Err(error) = plan.check() {
            return Ok(Err(error.into()));
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let (same, count): (i64, i64) =
            sqlx::query_as("SELECT coalesce(sum(name = $1), 0), count(*) FROM plans")
                .bind(plan.name.as_str())
                .fetch_one(&mut *transaction)
                .await?;
        if same > 0 {
            return Ok(Err(Refusal::PlanExists));
        }
        if usize::try_from(count).is_ok_and(|count| count >= Plan::MAX_COUNT) {
            let problem = format!("there are {} plans, the most there may be: delete some", Plan::MAX_COUNT);
            return Ok(Err(TermsError { field: "name", problem }.into()));
        }
        let id = put(&mut transaction, plan, at).await?;
        if let Err(refusal) = remember(&mut transaction, once, id, true).await? {
            return Ok(Err(refusal));
        }
        transaction.commit().await?;
        Ok(Ok(()))
    }

    /// Changes a plan as the closure says; the plan as it is then. Its name stays.
    pub async fn change_plan<E: From<Refusal>>(
        &self,
        name: &str,
        at: WallTime,
        proviso: &PlanProviso,
        change: impl FnOnce(Plan) -> Result<Plan, E> + Send,
    ) -> Result<Result<Plan, E>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let (id, known) = match look_up(&mut transaction, name, proviso).await? {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let name = known.name.clone();
        let changed = match change(known) {
            Ok(changed) => Plan { name, ..changed },
            Err(error) => return Ok(Err(error)),
        };
        if let Err(error) = changed.check() {
            return Ok(Err(Refusal::from(error).into()));
        }
        put(&mut transaction, &changed, at).await?;
        if let Err(refusal) = remember(&mut transaction, proviso.once.as_ref(), id, false).await? {
            return Ok(Err(refusal.into()));
        }
        transaction.commit().await?;
        Ok(Ok(changed))
    }

    /// What still refers to a plan, as in `3 accounts`: while there is any it cannot be deleted.
    pub async fn plan_users(&self, name: &str) -> Result<Vec<String>, StoreError> {
        users_of(&mut *self.readers.acquire().await?, name).await
    }

    /// Deletes a plan that nothing refers to any more. The plan as it was.
    pub async fn delete_plan(
        &self,
        name: &str,
        proviso: &PlanProviso,
    ) -> Result<Result<Plan, Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let known = match look_up(&mut transaction, name, proviso).await? {
            Ok((_, known)) => known,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let users = users_of(&mut transaction, name).await?;
        if !users.is_empty() {
            return Ok(Err(Refusal::PlanInUse(users.join(", "))));
        }
        sqlx::query("DELETE FROM plans WHERE name = $1").bind(name).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Ok(known))
    }
}

impl PlanBook for Store {
    fn find_plan<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Plan>, ProviderError>> {
        Box::pin(async move { Self::find_plan(self, name).await.map_err(failed) })
    }

    fn list_plans(&self) -> BoxFuture<'_, Result<Vec<Plan>, ProviderError>> {
        Box::pin(async move { Self::list_plans(self).await.map_err(failed) })
    }
}

fn failed(error: StoreError) -> ProviderError {
    ProviderError(error.to_string())
}

async fn users_of(connection: &mut SqliteConnection, name: &str) -> Result<Vec<String>, StoreError> {
    let mut users = Vec::new();
    for (who, query) in REFERENCES {
        let count: i64 = sqlx::query_scalar(*query).bind(name).fetch_one(&mut *connection).await?;
        if count > 0 {
            users.push(format!("{count} {who}"));
        }
    }
    Ok(users)
}

async fn look_up(
    connection: &mut SqliteConnection,
    name: &str,
    proviso: &PlanProviso,
) -> Result<Result<(i64, Plan), Refusal>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM plans WHERE name = $1");
    let row = sqlx::query(AssertSqlSafe(text)).bind(name).fetch_optional(connection).await?;
    let Some((id, known)) = row.as_ref().map(plan).transpose()? else {
        return Ok(Err(Refusal::UnknownPlan(Text::new(name).to_string())));
    };
    let tag = Tag::of_plan(&known);
    Ok(match &proviso.expected {
        Some(tags) if !tags.contains(&tag) => Err(Refusal::Changed),
        Some(_) | None => Ok((id, known)),
    })
}

async fn remember(
    connection: &mut SqliteConnection,
    once: Option<&Once>,
    id: i64,
    made: bool,
) -> Result<Result<(), Refusal>, StoreError> {
    let Some(once) = once else { return Ok(Ok(())) };
    once::remember(connection, &DoneOnce { once: once.clone(), subject: OnceSubject::Plan(id), made }).await
}

/// Writes a plan under its name; its number.
async fn put(connection: &mut SqliteConnection, plan: &Plan, at: WallTime) -> Result<i64, StoreError> {
    let number = |field: &str, value| integer("plans", &plan.name, field, value);
    let speed = |field: &'static str, speed: Option<Mbps>| {
        speed.map(|speed| number(field, speed.bits_per_sec())).transpose()
    };
    let list = |error| StoreError::row("plans", &plan.name, error);
    let slow = match plan.at_end {
        AtEnd::Slow(slow) => Some(slow),
        AtEnd::CutOff => None,
    };
    let terms = &plan.terms;
    let id = sqlx::query_scalar(
        "INSERT INTO plans (name, title, kind, time_limit_ms, data_limit_bytes, exp_days, down_bps, up_bps, \
         use_global_speed, price, roles, properties, slow_ms, slow_down_bps, slow_up_bps, repeat_every, \
         repeat_at_hour, max_devices, on_sale, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
         ON CONFLICT (name) DO UPDATE SET title = excluded.title, kind = excluded.kind, \
         time_limit_ms = excluded.time_limit_ms, data_limit_bytes = excluded.data_limit_bytes, \
         exp_days = excluded.exp_days, down_bps = excluded.down_bps, up_bps = excluded.up_bps, \
         use_global_speed = excluded.use_global_speed, price = excluded.price, roles = excluded.roles, \
         properties = excluded.properties, slow_ms = excluded.slow_ms, slow_down_bps = excluded.slow_down_bps, \
         slow_up_bps = excluded.slow_up_bps, repeat_every = excluded.repeat_every, \
         repeat_at_hour = excluded.repeat_at_hour, max_devices = excluded.max_devices, \
         on_sale = excluded.on_sale, changed_at = excluded.changed_at RETURNING id",
    )
    .bind(plan.name.as_str())
    .bind(plan.title.as_str())
    .bind(terms.kind.as_str())
    .bind(terms.time_limit_ms.map(|limit| number("time_limit_ms", limit)).transpose()?)
    .bind(terms.data_limit_bytes.map(|limit| number("data_limit_bytes", limit)).transpose()?)
    .bind(terms.exp_days.map(i64::from))
    .bind(speed("down_bps", terms.down)?)
    .bind(speed("up_bps", terms.up)?)
    .bind(i64::from(terms.use_global_speed))
    .bind(plan.price.0)
    .bind(serde_json::to_string(&plan.roles).map_err(list)?)
    .bind(serde_json::to_string(&plan.properties).map_err(list)?)
    .bind(slow.map(|slow| number("slow_ms", slow.lasts_ms)).transpose()?)
    .bind(speed("slow_down_bps", slow.and_then(|slow| slow.rates.down))?)
    .bind(speed("slow_up_bps", slow.and_then(|slow| slow.rates.up))?)
    .bind(plan.repeat.map(|repeat| repeat.every.as_str()))
    .bind(plan.repeat.map(|repeat| i64::from(repeat.at_hour)))
    .bind(i64::from(plan.max_devices))
    .bind(i64::from(plan.on_sale))
    .bind(at.0)
    .fetch_one(connection)
    .await?;
    Ok(id)
}

/// A row of [`COLUMNS`].
fn plan(row: &SqliteRow) -> Result<(i64, Plan), StoreError> {
    let mut columns = Columns::new(row, "plans");
    let id = columns.int()?;
    let name = PlanName::parse(columns.text()?).map_err(|error| columns.wrong(error))?;
    // Struct fields are evaluated in the order written here, which is that of the columns.
    let plan = Plan {
        name,
        title: Text::new(columns.text()?),
        terms: columns.terms()?,
        price: Money(columns.int()?),
        roles: columns.json()?,
        properties: columns.json()?,
        at_end: columns.at_end()?,
        repeat: columns.repeat()?,
        max_devices: columns.int()?.try_into().map_err(|_| columns.wrong("so many devices cannot be"))?,
        on_sale: columns.flag()?,
    };
    Ok((id, plan))
}

impl Columns<'_> {
    /// The two columns that are a [`Repeat`].
    pub(super) fn repeat(&mut self) -> Result<Option<Repeat>, StoreError> {
        let (every, at_hour) = (self.text_if()?, self.int_if()?);
        match (every, at_hour) {
            (None, None) => Ok(None),
            (Some(every), Some(at_hour)) => {
                let every =
                    Every::from_name(every).ok_or_else(|| self.wrong(format!("no period is {every:?}")))?;
                let at_hour = u8::try_from(at_hour).map_err(|_| self.wrong("there is no such hour"))?;
                Ok(Some(Repeat { every, at_hour }))
            }
            _ => Err(self.wrong("half a repetition")),
        }
    }
}
