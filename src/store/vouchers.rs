use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use super::batches::{BATCH_COLUMNS, batch};
use super::rows::Columns;
use super::sql::rows_before;
use super::{Store, StoreError};
use crate::domain::{
    BoxFuture, ClockGuard, DeviceId, PeriodGrant, ProviderError, Redeemed, SealedCode, Text, Voucher,
    VoucherBook, VoucherSale, VoucherStatus, VoucherUse, WallTime,
};

pub(super) const VOUCHER_COLUMNS: &str = "v.id, v.lookup, v.sealed, v.redeemed_at, v.device, v.session, \
     (SELECT count(*) FROM voucher_uses u WHERE u.voucher = v.id AND u.ended_at IS NULL), v.sold_at, v.seller, v.sale, \
     v.revoked_at";

/// Which vouchers a list shows. The newest batch first, a batch in the order it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoucherQuery {
    /// Of this batch only.
    pub batch: Option<i64>,
    /// Only those redeemed (`true`) or not (`false`).
    pub redeemed: Option<bool>,
    /// Only those revoked (`true`) or not (`false`).
    pub revoked: Option<bool>,
    /// Only those that stand so, at this time.
    pub status: Option<(VoucherStatus, WallTime)>,
    /// Only those of this plan.
    pub plan: Option<String>,
    /// Only those that this one sold.
    pub seller: Option<String>,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

/// A voucher of a list: with what its code is printed from.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedVoucher {
    /// The voucher.
    pub voucher: Voucher,
    /// What the vault unseals.
    pub code: SealedCode,
}

/// What revoking came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Revoked {
    /// The voucher as it is now; the sessions that came of it are to be closed.
    pub voucher: Voucher,
    /// Whether it was revoked before; nothing has changed then.
    pub already: bool,
}

impl Store {
    /// The voucher that a code's digest belongs to.
    pub async fn find_voucher(&self, lookup: &[u8; 32]) -> Result<Option<Voucher>, StoreError> {
        Ok(self.find_listed_voucher(lookup).await?.map(|listed| listed.voucher))
    }

    /// The same with its code, sealed.
    pub async fn find_listed_voucher(&self, lookup: &[u8; 32]) -> Result<Option<ListedVoucher>, StoreError> {
        let text = format!(
            "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM vouchers v \
             JOIN voucher_batches b ON b.id = v.batch WHERE v.lookup = $1"
        );
        let row =
            sqlx::query(AssertSqlSafe(text)).bind(lookup.to_vec()).fetch_optional(&self.readers).await?;
        row.as_ref().map(listed).transpose()
    }

    /// Any voucher: what proves that a key is the right one. `None` if there is none.
    pub async fn any_voucher(&self) -> Result<Option<SealedCode>, StoreError> {
        let text = format!("SELECT {VOUCHER_COLUMNS} FROM vouchers v ORDER BY v.id LIMIT 1");
        let row = sqlx::query(AssertSqlSafe(text)).fetch_optional(&self.readers).await?;
        row.as_ref()
            .map(|row| {
                let mut columns = Columns::new(row, "vouchers");
                columns.int()?;
                sealed_code(&mut columns)
            })
            .transpose()
    }

    /// A page of vouchers, and how many there are in all.
    pub async fn list_vouchers(
        &self,
        wanted: &VoucherQuery,
    ) -> Result<(Vec<ListedVoucher>, u64), StoreError> {
        let mut counting = QueryBuilder::new("SELECT count(*) FROM vouchers v");
        push_conditions(&mut counting, wanted);
        let total: i64 = counting.build_query_scalar().persistent(false).fetch_one(&self.readers).await?;
        let mut query = QueryBuilder::new(format!(
            "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM vouchers v JOIN voucher_batches b ON b.id = v.batch"
        ));
        push_conditions(&mut query, wanted);
        query.push(" ORDER BY v.batch DESC, v.id LIMIT ").push_bind(i64::from(wanted.per_page));
        query.push(" OFFSET ").push_bind(rows_before(wanted.page, wanted.per_page));
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        Ok((rows.iter().map(listed).collect::<Result<_, _>>()?, total.unsigned_abs()))
    }

    /// The voucher of that row, with what its code is printed from.
    pub async fn voucher_by_id(&self, id: i64) -> Result<Option<ListedVoucher>, StoreError> {
        let text = format!(
            "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM vouchers v \
             JOIN voucher_batches b ON b.id = v.batch WHERE v.id = $1"
        );
        let row = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_optional(&self.readers).await?;
        row.as_ref().map(listed).transpose()
    }

    /// The vouchers of a batch that somebody has redeemed.
    pub async fn redeemed_of_batch(&self, batch: i64) -> Result<Vec<ListedVoucher>, StoreError> {
        let text = format!(
            "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM vouchers v JOIN voucher_batches b ON b.id = v.batch \
             WHERE v.batch = $1 AND v.redeemed_at IS NOT NULL ORDER BY v.id"
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(batch).fetch_all(&self.readers).await?;
        rows.iter().map(listed).collect()
    }

    /// Vouchers that were taken back, while sessions that came of them are not over: what a crash has left.
    pub async fn revoked_with_sessions(&self) -> Result<Vec<ListedVoucher>, StoreError> {
        let text = format!(
            "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM vouchers v JOIN voucher_batches b ON b.id = v.batch \
             WHERE v.id IN (SELECT u.voucher FROM sessions s JOIN voucher_uses u ON u.device = s.device \
             WHERE s.provider = 'voucher' AND s.state IN ('available', 'running', 'paused')) \
             AND v.revoked_at IS NOT NULL ORDER BY v.id"
        );
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&self.readers).await?;
        rows.iter().map(listed).collect()
    }

    /// Who has, and had, the places of a voucher, in the order in which they were taken.
    pub async fn voucher_uses(&self, voucher: i64) -> Result<Vec<VoucherUse>, StoreError> {
        self.read_uses(voucher, "").await
    }

    /// Who has the places of a voucher now, in the order in which they were taken.
    pub async fn voucher_places(&self, voucher: i64) -> Result<Vec<VoucherUse>, StoreError> {
        self.read_uses(voucher, "AND ended_at IS NULL").await
    }

    async fn read_uses(&self, voucher: i64, which: &'static str) -> Result<Vec<VoucherUse>, StoreError> {
        let text = format!(
            "SELECT id, at, device, session, ended_at FROM voucher_uses WHERE voucher = $1 {which} \
             ORDER BY id LIMIT 10000"
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(voucher).fetch_all(&self.readers).await?;
        let one = |row: &SqliteRow| {
            let mut columns = Columns::new(row, "voucher_uses");
            columns.int()?;
            let redeemed =
                Redeemed { at: columns.wall()?, device: columns.parse()?, session: columns.parse()? };
            Ok(VoucherUse { redeemed, ended_at: columns.wall_if()? })
        };
        rows.iter().map(one).collect()
    }

    /// Takes a voucher back; `None` if there is none. One that was redeemed is revoked as well: the caller closes the
    /// sessions that came of it.
    pub async fn revoke_voucher(
        &self,
        lookup: &[u8; 32],
        now: WallTime,
    ) -> Result<Option<Revoked>, StoreError> {
        let done =
            sqlx::query("UPDATE vouchers SET revoked_at = $2 WHERE lookup = $1 AND revoked_at IS NULL")
                .bind(lookup.to_vec())
                .bind(now.0)
                .execute(&self.writer)
                .await?;
        let already = done.rows_affected() == 0;
        Ok(self.find_voucher(lookup).await?.map(|voucher| Revoked { voucher, already }))
    }
}

impl VoucherBook for Store {
    fn repeating(
        &self,
        device: DeviceId,
        now: WallTime,
    ) -> BoxFuture<'_, Result<Vec<Voucher>, ProviderError>> {
        Box::pin(async move {
            let traces = self.traces(device).await.map_err(|error| ProviderError(error.to_string()))?;
            if !traces.voucher_uses {
                return Ok(Vec::new());
            }
            let text = format!(
                "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM voucher_uses u JOIN vouchers v ON v.id = u.voucher \
                 JOIN voucher_batches b ON b.id = v.batch WHERE u.device = $1 AND u.ended_at IS NULL \
                 AND v.revoked_at IS NULL AND b.repeat_every IS NOT NULL \
                 AND (b.use_days IS NULL OR v.redeemed_at < $3 OR v.redeemed_at + b.use_days * 86400000 > $2) ORDER BY u.id DESC LIMIT 100"
            );
            // The newest of too many, and of those the oldest first.
            let mut found = sqlx::query(AssertSqlSafe(text))
                .bind(device.to_string())
                .bind(now.0)
                // Before that no clock is right: its days have not begun.
                .bind(ClockGuard::FLOOR.0)
                .fetch_all(&self.readers)
                .await
                .map_err(|error| ProviderError(error.to_string()))?;
            found.reverse();
            let read = |row| listed(row).map(|listed| listed.voucher);
            found.iter().map(read).collect::<Result<_, _>>().map_err(|error| ProviderError(error.to_string()))
        })
    }

    fn was_granted<'a>(&'a self, grant: &'a PeriodGrant) -> BoxFuture<'a, Result<bool, ProviderError>> {
        Box::pin(async move {
            let count = self.grants(&grant.subject, &grant.plan, grant.period).await;
            count.map(|count| count >= grant.most).map_err(|error| ProviderError(error.to_string()))
        })
    }
}

pub(super) fn push_conditions(query: &mut QueryBuilder<Sqlite>, wanted: &VoucherQuery) {
    query.push(" WHERE 1");
    if let Some(batch) = wanted.batch {
        query.push(" AND v.batch = ").push_bind(batch);
    }
    if let Some(redeemed) = wanted.redeemed {
        query.push(if redeemed { " AND v.redeemed_at IS NOT NULL" } else { " AND v.redeemed_at IS NULL" });
    }
    if let Some(revoked) = wanted.revoked {
        query.push(if revoked { " AND v.revoked_at IS NOT NULL" } else { " AND v.revoked_at IS NULL" });
    }
    if let Some(seller) = &wanted.seller {
        query.push(" AND v.seller = ").push_bind(seller.clone());
    }
    if let Some(plan) = &wanted.plan {
        query.push(" AND v.batch IN (SELECT id FROM voucher_batches WHERE plan = ").push_bind(plan.clone());
        query.push(")");
    }
    if let Some((status, now)) = wanted.status {
        push_status(query, status, now);
    }
}

/// What `Voucher::status` says, in SQL.
fn push_status(query: &mut QueryBuilder<Sqlite>, status: VoucherStatus, now: WallTime) {
    const UNUSED: &str = " AND v.revoked_at IS NULL AND v.redeemed_at IS NULL";
    // The ends of time stand for no window.
    let of_batches = |query: &mut QueryBuilder<Sqlite>, from: &str, until: &str| {
        query.push(" AND v.batch IN (SELECT id FROM voucher_batches WHERE coalesce(valid_from, -9223372036854775807) ");
        query.push(from).push_bind(now.0).push(" AND coalesce(valid_until, 9223372036854775807) ");
        query.push(until).push_bind(now.0).push(")");
    };
    match status {
        VoucherStatus::Revoked => {
            query.push(" AND v.revoked_at IS NOT NULL");
        }
        VoucherStatus::Redeemed => {
            query.push(" AND v.revoked_at IS NULL AND v.redeemed_at IS NOT NULL");
        }
        VoucherStatus::Unsold | VoucherStatus::Sold => {
            query.push(UNUSED);
            query.push(if status == VoucherStatus::Sold {
                " AND v.sold_at IS NOT NULL"
            } else {
                " AND v.sold_at IS NULL"
            });
            of_batches(query, "<= ", "> ");
        }
        VoucherStatus::NotYetValid => {
            query.push(UNUSED);
            of_batches(query, "> ", "> ");
        }
        VoucherStatus::Expired => {
            query.push(UNUSED);
            of_batches(query, "<= ", "<= ");
        }
    }
}

/// A row of [`VOUCHER_COLUMNS`] and [`BATCH_COLUMNS`].
pub(super) fn listed(row: &SqliteRow) -> Result<ListedVoucher, StoreError> {
    let mut columns = Columns::new(row, "vouchers");
    let id = columns.int()?;
    let code = sealed_code(&mut columns)?;
    let (at, device, session) = (columns.wall_if()?, columns.parse_if()?, columns.parse_if()?);
    let redeemed = match (at, device, session) {
        (Some(at), Some(device), Some(session)) => Some(Redeemed { at, device, session }),
        (None, None, None) => None,
        _ => return Err(columns.wrong("half a redemption")),
    };
    let uses = columns.int()?.try_into().map_err(|_| columns.wrong("so many uses cannot be"))?;
    let (sold_at, seller, sale) = (columns.wall_if()?, columns.text_if()?, columns.parse_if()?);
    let sold = match (sold_at, seller, sale) {
        (Some(at), Some(seller), Some(sale)) => Some(VoucherSale { at, seller: Text::new(seller), sale }),
        (None, None, None) => None,
        _ => return Err(columns.wrong("half a sale")),
    };
    let revoked_at = columns.wall_if()?;
    let batch = batch(&mut columns)?;
    Ok(ListedVoucher { voucher: Voucher { id, batch, redeemed, uses, sold, revoked_at }, code })
}

pub(super) fn sealed_code(columns: &mut Columns<'_>) -> Result<SealedCode, StoreError> {
    let lookup = columns.blob()?;
    let lookup = lookup.try_into().map_err(|_| columns.wrong("the digest is not 32 bytes long"))?;
    Ok(SealedCode { lookup, sealed: columns.blob()?.to_vec() })
}
