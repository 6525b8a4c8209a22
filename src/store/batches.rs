use std::sync::LazyLock;

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::rows::{Columns, integer};
use super::sql::{RowsStatement, rows_before};
use super::{Store, StoreError, once};
use crate::domain::{
    AtEnd, DoneOnce, Mbps, Money, NewBatch, Once, OnceSubject, Refusal, SealedCode, Text, VoucherBatch,
    VoucherOffer, WallTime, WhenFull,
};

pub(super) const BATCH_COLUMNS: &str = "b.id, b.name, b.note, b.kind, b.time_limit_ms, b.data_limit_bytes, b.exp_days, \
     b.down_bps, b.up_bps, b.use_global_speed, b.plan, b.price, b.roles, b.properties, b.slow_ms, b.slow_down_bps, \
     b.slow_up_bps, b.repeat_every, b.repeat_at_hour, b.max_devices, b.when_full, b.use_days, b.valid_from, \
     b.valid_until, b.count, b.created_at";

static PUT_VOUCHERS: LazyLock<RowsStatement> =
    LazyLock::new(|| RowsStatement::new("INSERT INTO vouchers (batch, lookup, sealed)", 3, ""));

impl Store {
    /// Stores a batch with its codes, all or none.
    pub async fn create_batch(
        &self,
        batch: &NewBatch,
        codes: &[SealedCode],
        now: WallTime,
    ) -> Result<VoucherBatch, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let batch = insert(&mut transaction, batch, codes, now).await?;
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
        let batch = insert(&mut transaction, batch, codes, once.at.wall).await?;
        let done = DoneOnce { once: once.clone(), subject: OnceSubject::Batch(batch.id), made: true };
        if let Err(refusal) = once::remember(&mut transaction, &done).await? {
            transaction.rollback().await?;
            return Ok(Err(refusal));
        }
        transaction.commit().await?;
        Ok(Ok(batch))
    }

    /// The batch of that number.
    pub async fn find_batch(&self, id: i64) -> Result<Option<VoucherBatch>, StoreError> {
        let text = format!("SELECT {BATCH_COLUMNS} FROM voucher_batches b WHERE b.id = $1");
        let row = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_optional(&self.readers).await?;
        row.as_ref().map(|row| batch(&mut Columns::new(row, "voucher_batches"))).transpose()
    }

    /// The batches, newest first; of one plan, or all.
    pub async fn list_batches(
        &self,
        plan: Option<&str>,
        page: u32,
        per_page: u32,
    ) -> Result<(Vec<VoucherBatch>, u64), StoreError> {
        let total: i64 =
            sqlx::query_scalar("SELECT count(*) FROM voucher_batches WHERE $1 IS NULL OR plan = $1")
                .bind(plan)
                .fetch_one(&self.readers)
                .await?;
        let text = format!(
            "SELECT {BATCH_COLUMNS} FROM voucher_batches b WHERE $3 IS NULL OR b.plan = $3 \
             ORDER BY b.id DESC LIMIT $1 OFFSET $2"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(i64::from(per_page))
            .bind(rows_before(page, per_page))
            .bind(plan)
            .fetch_all(&self.readers)
            .await?;
        let batches = rows.iter().map(|row| batch(&mut Columns::new(row, "voucher_batches")));
        Ok((batches.collect::<Result<_, _>>()?, total.unsigned_abs()))
    }

    /// Which of these digests belong to a voucher already.
    pub async fn known_lookups(&self, lookups: &[[u8; 32]]) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut known = Vec::new();
        for lookup in lookups {
            let found: Option<i64> = sqlx::query_scalar("SELECT id FROM vouchers WHERE lookup = $1")
                .bind(lookup.to_vec())
                .fetch_optional(&self.readers)
                .await?;
            known.extend(found.map(|_| *lookup));
        }
        Ok(known)
    }

    /// Takes all vouchers of a batch back: how many were not taken back before; `None` if there is no such batch.
    pub async fn revoke_batch(&self, id: i64, now: WallTime) -> Result<Option<u64>, StoreError> {
        if self.find_batch(id).await?.is_none() {
            return Ok(None);
        }
        let done = sqlx::query("UPDATE vouchers SET revoked_at = $2 WHERE batch = $1 AND revoked_at IS NULL")
            .bind(id)
            .bind(now.0)
            .execute(&self.writer)
            .await?;
        Ok(Some(done.rows_affected()))
    }
}

/// Writes a batch with its codes.
pub(super) async fn insert(
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
    let speed = |field: &'static str, speed: Option<Mbps>| {
        speed.map(|speed| number(field, speed.bits_per_sec())).transpose()
    };
    let list = |error| StoreError::row("voucher_batches", "new", error);
    let (terms, offer) = (&batch.terms, &batch.offer);
    let slow = match offer.at_end {
        AtEnd::Slow(slow) => Some(slow),
        AtEnd::CutOff => None,
    };
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO voucher_batches (name, note, kind, time_limit_ms, data_limit_bytes, exp_days, down_bps, up_bps, \
         use_global_speed, plan, price, roles, properties, slow_ms, slow_down_bps, slow_up_bps, repeat_every, \
         repeat_at_hour, max_devices, when_full, use_days, valid_from, valid_until, count, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
         $23, $24, $25) RETURNING id",
    )
    .bind(batch.name.as_ref().map(Text::as_str))
    .bind(batch.note.as_ref().map(Text::as_str))
    .bind(terms.kind.as_str())
    .bind(terms.time_limit_ms.map(|limit| number("time_limit_ms", limit)).transpose()?)
    .bind(terms.data_limit_bytes.map(|limit| number("data_limit_bytes", limit)).transpose()?)
    .bind(terms.exp_days.map(i64::from))
    .bind(speed("down_bps", terms.down)?)
    .bind(speed("up_bps", terms.up)?)
    .bind(i64::from(terms.use_global_speed))
    .bind(offer.plan.as_deref())
    .bind(offer.price.0)
    .bind(serde_json::to_string(&offer.roles).map_err(list)?)
    .bind(serde_json::to_string(&offer.properties).map_err(list)?)
    .bind(slow.map(|slow| number("slow_ms", slow.lasts_ms)).transpose()?)
    .bind(speed("slow_down_bps", slow.and_then(|slow| slow.rates.down))?)
    .bind(speed("slow_up_bps", slow.and_then(|slow| slow.rates.up))?)
    .bind(offer.repeat.map(|repeat| repeat.every.as_str()))
    .bind(offer.repeat.map(|repeat| i64::from(repeat.at_hour)))
    .bind(i64::from(offer.max_devices))
    .bind(offer.when_full.as_str())
    .bind(offer.use_days.map(i64::from))
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
        note: batch.note.clone(),
        terms: terms.clone(),
        offer: offer.clone(),
        valid_from: batch.valid_from,
        valid_until: batch.valid_until,
        count,
        created_at: now,
    })
}

/// The columns of [`BATCH_COLUMNS`].
pub(super) fn batch(columns: &mut Columns<'_>) -> Result<VoucherBatch, StoreError> {
    // Struct fields are evaluated in the order written here, which is that of the columns.
    Ok(VoucherBatch {
        id: columns.int()?,
        name: columns.text_if()?.map(Text::new),
        note: columns.text_if()?.map(Text::new),
        terms: columns.terms()?,
        offer: VoucherOffer {
            plan: columns.text_if()?.map(str::to_owned),
            price: Money(columns.int()?),
            roles: columns.json()?,
            properties: columns.json()?,
            at_end: columns.at_end()?,
            repeat: columns.repeat()?,
            max_devices: columns.small("so many devices cannot be")?,
            when_full: WhenFull::from_name(columns.text()?)
                .ok_or_else(|| columns.wrong("an unknown word for when it is full"))?,
            use_days: columns.small_if("so many days cannot be")?,
        },
        valid_from: columns.wall_if()?,
        valid_until: columns.wall_if()?,
        count: columns.small("a batch of that many cannot be")?,
        created_at: columns.wall()?,
    })
}

impl Columns<'_> {
    fn small(&mut self, problem: &str) -> Result<u32, StoreError> {
        self.int()?.try_into().map_err(|_| self.wrong(problem))
    }

    fn small_if(&mut self, problem: &str) -> Result<Option<u32>, StoreError> {
        self.int_if()?.map(|number| number.try_into().map_err(|_| self.wrong(problem))).transpose()
    }
}
