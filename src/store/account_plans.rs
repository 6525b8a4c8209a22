use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::rows::Columns;
use super::{Store, StoreError, once, sales};
use crate::domain::{
    Account, AccountName, AccountPlan, DoneOnce, Money, Once, OnceSubject, PlanName, Refusal, Sale, SaleItem,
    TermsError, Text, WallTime,
};

/// Who takes the money for plans that are attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Till {
    /// Who.
    pub seller: Text,
    /// A remark.
    pub note: Option<Text>,
}

/// What is known of a plan where it is attached.
struct Known {
    price: Money,
    repeats: bool,
    on_sale: bool,
    exp_days: Option<u32>,
}

impl Store {
    /// Gives an account one more plan, behind the others; for its price if there is a till, in the same transaction.
    pub async fn attach_plan(
        &self,
        name: &AccountName,
        plan: &PlanName,
        till: Option<&Till>,
        at: WallTime,
        once: Option<&Once>,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let Some(account) = super::accounts::look_up(&mut transaction, name).await? else {
            return Ok(Err(Refusal::UnknownAccount));
        };
        let mut plans: Vec<PlanName> = account.plans.iter().map(|attached| attached.plan.clone()).collect();
        plans.push(plan.clone());
        if let Err(refusal) = set_plans(&mut transaction, &account, &plans, till, at).await? {
            return Ok(Err(refusal));
        }
        if let Some(once) = once {
            let done =
                DoneOnce { once: once.clone(), subject: OnceSubject::Account(account.id), made: false };
            if let Err(refusal) = once::remember(&mut transaction, &done).await? {
                return Ok(Err(refusal));
            }
        }
        transaction.commit().await?;
        Ok(Ok(()))
    }
}

/// The plans of an account, in order.
pub(super) async fn of_account(
    connection: &mut SqliteConnection,
    account: i64,
) -> Result<Vec<AccountPlan>, StoreError> {
    let rows =
        sqlx::query("SELECT id, plan, attached_at FROM account_plans WHERE account = $1 ORDER BY place, id")
            .bind(account)
            .fetch_all(connection)
            .await?;
    let read = |row: &SqliteRow| {
        let mut columns = Columns::new(row, "account_plans");
        let id = columns.int()?;
        let plan = PlanName::parse(columns.text()?).map_err(|error| columns.wrong(error))?;
        Ok(AccountPlan { id, plan, attached_at: columns.wall()? })
    };
    rows.iter().map(read).collect()
}

/// Makes the plans of an account these, in this order. Those that it has keep their numbers, so that nothing is granted
/// anew; those that it has not are sold if there is a till.
pub(super) async fn set_plans(
    connection: &mut SqliteConnection,
    account: &Account,
    wanted: &[PlanName],
    till: Option<&Till>,
    at: WallTime,
) -> Result<Result<(), Refusal>, StoreError> {
    let wrong = |problem: String| Ok(Err(Refusal::Terms(TermsError { field: "plans", problem })));
    if wanted.len() > Account::MAX_PLANS {
        return wrong(format!("an account has at most {}", Account::MAX_PLANS));
    }
    let mut left = account.plans.clone();
    let mut sold = Vec::new();
    for (place, plan) in (0_i64..).zip(wanted) {
        if let Some(known) = left.iter().position(|attached| attached.plan == *plan) {
            let id = left.remove(known).id;
            sqlx::query("UPDATE account_plans SET place = $2 WHERE id = $1")
                .bind(id)
                .bind(place)
                .execute(&mut *connection)
                .await?;
            continue;
        }
        let Some(known) = find(connection, plan).await? else {
            return Ok(Err(Refusal::UnknownPlan(plan.to_string())));
        };
        let latest = account.plans.iter().filter(|attached| attached.plan == *plan);
        let latest = latest.map(|attached| attached.attached_at).max();
        let begins = match (known.repeats, known.exp_days, latest) {
            // One more month of so much a day begins when the last one is over.
            (true, Some(days), Some(latest)) => at.max(latest.plus_days(days)),
            (true, None, _) if wanted.iter().filter(|other| *other == plan).count() > 1 => {
                return wrong(format!("{plan} comes anew in each period: it cannot be attached twice"));
            }
            _ => at,
        };
        sqlx::query("INSERT INTO account_plans (account, place, plan, attached_at) VALUES ($1, $2, $3, $4)")
            .bind(account.id)
            .bind(place)
            .bind(plan.as_str())
            .bind(begins.0)
            .execute(&mut *connection)
            .await?;
        if let Some(till) = till {
            if !known.on_sale {
                return Ok(Err(Refusal::NotOnSale));
            }
            sold.push(Sale {
                id: uuid::Uuid::now_v7(),
                at,
                seller: till.seller.clone(),
                item: SaleItem::Account,
                plan: Some(plan.to_string()),
                voucher: None,
                device: None,
                session: None,
                amount: known.price,
                note: Some(till.note.clone().unwrap_or_else(|| Text::new(account.name.as_str()))),
            });
        }
    }
    for gone in left {
        sqlx::query("DELETE FROM account_plans WHERE id = $1")
            .bind(gone.id)
            .execute(&mut *connection)
            .await?;
    }
    sales::put(connection, &sold).await?;
    Ok(Ok(()))
}

async fn find(connection: &mut SqliteConnection, plan: &PlanName) -> Result<Option<Known>, StoreError> {
    let found: Option<(i64, bool, bool, Option<u32>)> = sqlx::query_as(
        "SELECT price, repeat_every IS NOT NULL, on_sale, exp_days FROM plans WHERE name = $1",
    )
    .bind(plan.as_str())
    .fetch_optional(connection)
    .await?;
    let known =
        |(price, repeats, on_sale, exp_days)| Known { price: Money(price), repeats, on_sale, exp_days };
    Ok(found.map(known))
}
