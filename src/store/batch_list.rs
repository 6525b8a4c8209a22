//! Batches as people look through them: with how many of their codes stand how, and who made them.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use super::batches::{BATCH_COLUMNS, batch};
use super::rows::Columns;
use super::sql::{like_pattern, rows_before};
use super::vouchers::push_conditions;
use super::{Store, StoreError, VoucherQuery};
use crate::domain::{SealedCode, VoucherBatch};

/// So many codes are looked through at most for those that begin in some way.
const MOST_CODES: i64 = 500_000;
/// The line of the audit log is written right after the batch; within so many milliseconds, on the slowest box.
const NOTED_WITHIN_MS: i64 = 600_000;

/// Which batches a list shows, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchQuery {
    /// Whose name, remark or plan contains this, or whose number it is.
    pub text: Option<String>,
    /// Of this plan only.
    pub plan: Option<String>,
    /// Also those of a single code that was made as it was sold.
    pub with_single_sales: bool,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

/// How many codes of a batch stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BatchSums {
    /// All of them.
    pub made: u64,
    /// Sold over the counter, whatever became of them.
    pub sold: u64,
    /// Redeemed by one device at least.
    pub used: u64,
    /// Taken back.
    pub revoked: u64,
    /// Neither redeemed nor taken back.
    pub left: u64,
    /// Of those, not sold over the counter.
    pub left_unsold: u64,
    /// Redeemed and not taken back.
    pub in_use: u64,
}

impl Store {
    /// A page of batches, and how many there are in all.
    pub async fn find_batches(&self, wanted: &BatchQuery) -> Result<(Vec<VoucherBatch>, u64), StoreError> {
        let mut counting = QueryBuilder::new("SELECT count(*) FROM voucher_batches b");
        push_wanted(&mut counting, wanted);
        let total: i64 = counting.build_query_scalar().persistent(false).fetch_one(&self.readers).await?;
        let mut query = QueryBuilder::new(format!("SELECT {BATCH_COLUMNS} FROM voucher_batches b"));
        push_wanted(&mut query, wanted);
        query.push(" ORDER BY b.id DESC LIMIT ").push_bind(i64::from(wanted.per_page));
        query.push(" OFFSET ").push_bind(rows_before(wanted.page, wanted.per_page));
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        let batches = rows.iter().map(|row| batch(&mut Columns::new(row, "voucher_batches")));
        Ok((batches.collect::<Result<_, _>>()?, total.unsigned_abs()))
    }

    /// How the codes of these batches stand; one without codes is left out.
    pub async fn batch_sums(&self, batches: &[i64]) -> Result<HashMap<i64, BatchSums>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT batch, count(*), sum(sold_at IS NOT NULL), sum(redeemed_at IS NOT NULL), \
             sum(revoked_at IS NOT NULL), sum(redeemed_at IS NULL AND revoked_at IS NULL), \
             sum(redeemed_at IS NULL AND revoked_at IS NULL AND sold_at IS NULL), \
             sum(redeemed_at IS NOT NULL AND revoked_at IS NULL) FROM vouchers WHERE batch IN ",
        );
        push_ids(&mut query, batches);
        query.push(" GROUP BY batch");
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        rows.iter().map(sums).collect()
    }

    /// Who made these batches, as far as the audit log still knows.
    pub async fn batch_makers(&self, batches: &[i64]) -> Result<HashMap<i64, String>, StoreError> {
        let mut query = QueryBuilder::new(
            "SELECT b.id, (SELECT a.actor FROM audit a WHERE a.at >= b.created_at AND a.at < b.created_at + ",
        );
        query.push_bind(NOTED_WITHIN_MS);
        query.push(
            " AND a.action = 'voucher.create' AND a.subject = CAST(b.id AS TEXT) LIMIT 1) \
             FROM voucher_batches b WHERE b.id IN ",
        );
        push_ids(&mut query, batches);
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        let one = |row: &SqliteRow| {
            let mut columns = Columns::new(row, "voucher_batches");
            Ok((columns.int()?, columns.text_if()?.map(str::to_owned)))
        };
        let found: Vec<(i64, Option<String>)> = rows.iter().map(one).collect::<Result<_, StoreError>>()?;
        Ok(found.into_iter().filter_map(|(batch, who)| Some((batch, who?))).collect())
    }

    /// The codes of all vouchers that a list shows, on whatever page, by the vouchers' numbers and in the list's order.
    pub async fn sealed_codes(&self, wanted: &VoucherQuery) -> Result<Vec<(i64, SealedCode)>, StoreError> {
        let mut query = QueryBuilder::new("SELECT v.id, v.lookup, v.sealed FROM vouchers v");
        push_conditions(&mut query, wanted);
        query.push(" ORDER BY v.batch DESC, v.id LIMIT ").push_bind(MOST_CODES);
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        let one = |row: &SqliteRow| {
            let mut columns = Columns::new(row, "vouchers");
            let id = columns.int()?;
            Ok((id, super::vouchers::sealed_code(&mut columns)?))
        };
        rows.iter().map(one).collect()
    }

    /// The plans that batches were made of, by name.
    pub async fn batch_plans(&self) -> Result<Vec<String>, StoreError> {
        let text =
            "SELECT DISTINCT plan FROM voucher_batches WHERE plan IS NOT NULL ORDER BY plan LIMIT 1000";
        Ok(sqlx::query_scalar(AssertSqlSafe(text.to_owned())).fetch_all(&self.readers).await?)
    }
}

fn sums(row: &SqliteRow) -> Result<(i64, BatchSums), StoreError> {
    let mut columns = Columns::new(row, "vouchers");
    let id = columns.int()?;
    let mut number = || columns.int().map(i64::unsigned_abs);
    // In the order of the columns.
    let sums = BatchSums {
        made: number()?,
        sold: number()?,
        used: number()?,
        revoked: number()?,
        left: number()?,
        left_unsold: number()?,
        in_use: number()?,
    };
    Ok((id, sums))
}

pub(super) fn push_ids(query: &mut QueryBuilder<Sqlite>, ids: &[i64]) {
    query.push("(");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
}

fn push_wanted(query: &mut QueryBuilder<Sqlite>, wanted: &BatchQuery) {
    query.push(" WHERE 1");
    if !wanted.with_single_sales {
        query.push(
            " AND NOT (b.count = 1 AND EXISTS (SELECT 1 FROM vouchers v WHERE v.batch = b.id AND v.sold_at IS NOT NULL))",
        );
    }
    if let Some(plan) = &wanted.plan {
        query.push(" AND b.plan = ").push_bind(plan.clone());
    }
    if let Some(text) = wanted.text.as_ref().filter(|text| !text.is_empty()) {
        let pattern = like_pattern(text);
        query.push(" AND (b.id = ").push_bind(text.parse::<i64>().unwrap_or(0));
        for column in ["name", "note", "plan"] {
            query.push(format_args!(" OR b.{column} LIKE ")).push_bind(pattern.clone());
            query.push(r" ESCAPE '\'");
        }
        query.push(")");
    }
}
