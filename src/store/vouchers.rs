use std::sync::LazyLock;

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use super::rows::{Columns, integer};
use super::sql::{RowsStatement, rows_before};
use super::{Store, StoreError, once};
use crate::domain::{
    DeviceId, DoneOnce, NewBatch, Once, OnceSubject, Redeemed, Refusal, SealedCode, SessionId, Text, Voucher,
    VoucherBatch, WallTime,
};

const BATCH_COLUMNS: &str = "b.id, b.name, b.kind, b.time_limit_ms, b.data_limit_bytes, b.exp_days, b.down_bps, \
     b.up_bps, b.use_global_speed, b.valid_from, b.valid_until, b.count, b.created_at";

const VOUCHER_COLUMNS: &str = "v.id, v.lookup, v.sealed, v.redeemed_at, v.device, v.session, v.revoked_at";

static PUT_VOUCHERS: LazyLock<RowsStatement> =
    LazyLock::new(|| RowsStatement::new("INSERT INTO vouchers (batch, lookup, sealed)", 3, ""));

/// Which vouchers a list shows. The newest batch first, a batch in the order it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoucherQuery {
    /// Of this batch only.
    pub batch: Option<i64>,
    /// Only those redeemed (`true`) or not (`false`).
    pub redeemed: Option<bool>,
    /// Only those revoked (`true`) or not (`false`).
    pub revoked: Option<bool>,
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
    /// The voucher as it is now.
    pub voucher: Voucher,
    /// The session that it made, which is to be closed.
    pub session: Option<SessionId>,
    /// Whether it was revoked before; nothing has changed then.
    pub already: bool,
}

impl Store {
    /// Stores a batch with its codes, all or none.
    pub async fn create_batch(
        &self,
        batch: &NewBatch,
        codes: &[SealedCode],
        now: WallTime,
    ) -> Result<VoucherBatch, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let batch = insert_batch(&mut transaction, batch, codes, now).await?;
        transaction.commit().await?;
        Ok(batch)
    }

    /// The same, if the request was not carried out before.
    pub async fn create_batch_once(
        &self,
        batch: &NewBatch,
        codes: &[SealedCode],
        once: &Once,
    ) -> Result<Result<VoucherBatch, Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let batch = insert_batch(&mut transaction, batch, codes, once.at.wall).await?;
        let done = DoneOnce { once: once.clone(), subject: OnceSubject::Batch(batch.id), made: true };
        if let Err(refusal) = once::remember(&mut transaction, &done).await? {
            transaction.rollback().await?;
            return Ok(Err(refusal));
        }
        transaction.commit().await?;
        Ok(Ok(batch))
    }

    /// The voucher that a code's digest belongs to.
    pub async fn find_voucher(&self, lookup: &[u8; 32]) -> Result<Option<Voucher>, StoreError> {
        let text = format!(
            "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM vouchers v \
             JOIN voucher_batches b ON b.id = v.batch WHERE v.lookup = $1"
        );
        let row =
            sqlx::query(AssertSqlSafe(text)).bind(lookup.to_vec()).fetch_optional(&self.readers).await?;
        Ok(row.as_ref().map(listed).transpose()?.map(|listed| listed.voucher))
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

    /// The batches, newest first.
    pub async fn list_batches(
        &self,
        page: u32,
        per_page: u32,
    ) -> Result<(Vec<VoucherBatch>, u64), StoreError> {
        let total: i64 =
            sqlx::query_scalar("SELECT count(*) FROM voucher_batches").fetch_one(&self.readers).await?;
        let text =
            format!("SELECT {BATCH_COLUMNS} FROM voucher_batches b ORDER BY b.id DESC LIMIT $1 OFFSET $2");
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(i64::from(per_page))
            .bind(rows_before(page, per_page))
            .fetch_all(&self.readers)
            .await?;
        let batches = rows.iter().map(|row| batch(&mut Columns::new(row, "voucher_batches")));
        Ok((batches.collect::<Result<_, _>>()?, total.unsigned_abs()))
    }

    /// Takes a voucher back; `None` if there is none. One that was redeemed is revoked as well: the caller closes the
    /// session it made.
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
        Ok(self.find_voucher(lookup).await?.map(|voucher| Revoked {
            session: voucher.redeemed.map(|redeemed| redeemed.session),
            voucher,
            already,
        }))
    }
}

async fn insert_batch(
    connection: &mut SqliteConnection,
    batch: &NewBatch,
    codes: &[SealedCode],
    now: WallTime,
) -> Result<VoucherBatch, StoreError> {
    let count = u32::try_from(codes.len()).unwrap_or(u32::MAX);
    if count != batch.count() {
        let problem = format!("{} codes were asked for, {count} made", batch.count());
        return Err(StoreError::row("voucher_batches", "new", problem));
    }
    let number = |field: &str, value| integer("voucher_batches", "new", field, value);
    let terms = &batch.terms;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO voucher_batches (name, kind, time_limit_ms, data_limit_bytes, exp_days, down_bps, up_bps, \
         use_global_speed, valid_from, valid_until, count, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
    )
    .bind(batch.name.as_ref().map(Text::as_str))
    .bind(terms.kind.as_str())
    .bind(terms.time_limit_ms.map(|limit| number("time_limit_ms", limit)).transpose()?)
    .bind(terms.data_limit_bytes.map(|limit| number("data_limit_bytes", limit)).transpose()?)
    .bind(terms.exp_days.map(i64::from))
    .bind(terms.down.map(|speed| number("down_bps", speed.bits_per_sec())).transpose()?)
    .bind(terms.up.map(|speed| number("up_bps", speed.bits_per_sec())).transpose()?)
    .bind(i64::from(terms.use_global_speed))
    .bind(batch.valid_from.map(|at| at.0))
    .bind(batch.valid_until.map(|at| at.0))
    .bind(i64::from(count))
    .bind(now.0)
    .fetch_one(&mut *connection)
    .await?;
    PUT_VOUCHERS
        .execute(connection, codes, |query, code| {
            Ok(query.bind(id).bind(code.lookup.to_vec()).bind(code.sealed.clone()))
        })
        .await?;
    Ok(VoucherBatch {
        id,
        name: batch.name.clone(),
        terms: terms.clone(),
        valid_from: batch.valid_from,
        valid_until: batch.valid_until,
        count,
        created_at: now,
    })
}

fn push_conditions(query: &mut QueryBuilder<Sqlite>, wanted: &VoucherQuery) {
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
}

/// A row of [`VOUCHER_COLUMNS`] and [`BATCH_COLUMNS`].
fn listed(row: &SqliteRow) -> Result<ListedVoucher, StoreError> {
    let mut columns = Columns::new(row, "vouchers");
    let id = columns.int()?;
    let code = sealed_code(&mut columns)?;
    let (at, device, session) = (columns.wall_if()?, columns.parse_if()?, columns.parse_if()?);
    let redeemed = match (at, device, session) {
        (Some(at), Some(device), Some(session)) => Some(Redeemed { at, device, session }),
        (None, None, None) => None,
        _ => return Err(columns.wrong("half a redemption")),
    };
    let revoked_at = columns.wall_if()?;
    let batch = batch(&mut columns)?;
    Ok(ListedVoucher { voucher: Voucher { id, batch, redeemed, revoked_at }, code })
}

fn sealed_code(columns: &mut Columns<'_>) -> Result<SealedCode, StoreError> {
    let lookup = columns.blob()?;
    let lookup = lookup.try_into().map_err(|_| columns.wrong("the digest is not 32 bytes long"))?;
    Ok(SealedCode { lookup, sealed: columns.blob()?.to_vec() })
}

/// The columns of [`BATCH_COLUMNS`].
fn batch(columns: &mut Columns<'_>) -> Result<VoucherBatch, StoreError> {
    Ok(VoucherBatch {
        id: columns.int()?,
        name: columns.text_if()?.map(Text::new),
        terms: columns.terms()?,
        valid_from: columns.wall_if()?,
        valid_until: columns.wall_if()?,
        count: columns.int()?.try_into().map_err(|_| columns.wrong("a batch of that many cannot be"))?,
        created_at: columns.wall()?,
    })
}

/// Marks a voucher as redeemed if it is unsold and not revoked: the guard of a redemption.
pub(super) async fn redeem(
    connection: &mut SqliteConnection,
    voucher: i64,
    device: DeviceId,
    session: SessionId,
    at: WallTime,
) -> Result<Result<(), Refusal>, StoreError> {
    let done = sqlx::query(
        "UPDATE vouchers SET redeemed_at = $2, device = $3, session = $4 \
         WHERE id = $1 AND redeemed_at IS NULL AND revoked_at IS NULL",
    )
    .bind(voucher)
    .bind(at.0)
    .bind(device.to_string())
    .bind(session.to_string())
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(Ok(()));
    }
    let standing: Option<(bool, bool)> =
        sqlx::query_as("SELECT redeemed_at IS NOT NULL, revoked_at IS NOT NULL FROM vouchers WHERE id = $1")
            .bind(voucher)
            .fetch_optional(&mut *connection)
            .await?;
    Ok(Err(match standing {
        None => Refusal::VoucherUnknown,
        Some((_, true)) => Refusal::VoucherRevoked,
        Some((_, false)) => Refusal::VoucherUsed,
    }))
}
