//! What is sold over the counter: a code changes hands in the transaction that writes the line of the till.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, SqliteTransaction};

use super::batches::{self, BATCH_COLUMNS};
use super::sales::{self, COLUMNS, sale};
use super::vouchers::{VOUCHER_COLUMNS, listed};
use super::{ListedVoucher, Store, StoreError, once};
use crate::domain::{
    DoneOnce, Money, NewBatch, Once, OnceSubject, Refusal, Sale, SaleItem, SealedCode, SessionId, TermsError,
    Text, WallTime,
};

/// Which voucher is sold.
#[derive(Debug, Clone, Copy)]
pub enum Stock<'a> {
    /// The next of a batch that was not sold.
    Batch(i64),
    /// The one of this digest.
    Code(&'a [u8; 32]),
    /// One that is made for it.
    New(&'a NewBatch, &'a SealedCode),
}

/// The line of the till that a sale of a voucher gets.
#[derive(Debug, Clone)]
pub struct VoucherTill {
    /// Its id.
    pub id: uuid::Uuid,
    /// Who takes the money.
    pub seller: Text,
    /// When.
    pub at: WallTime,
    /// A remark.
    pub note: Option<Text>,
}

/// What is given back.
#[derive(Debug, Clone)]
pub struct Refund {
    /// The sale.
    pub sale: uuid::Uuid,
    /// How much; `None`: all that was not given back yet.
    pub amount: Option<Money>,
    /// Whether what was sold goes on.
    pub keep: bool,
    /// The line of the till.
    pub line: VoucherTill,
}

/// A sale that was given back.
#[derive(Debug, Clone, PartialEq)]
pub struct Refunded {
    /// The negative line.
    pub line: Sale,
    /// The sale.
    pub sale: Sale,
    /// Whether what was sold was taken back: a voucher is revoked, the sessions are to be closed.
    pub taken_back: bool,
}

impl Store {
    /// Sells a voucher: its row and the line of the till, or neither.
    pub async fn sell_voucher(
        &self,
        stock: Stock<'_>,
        till: &VoucherTill,
        once: Option<&Once>,
    ) -> Result<Result<(ListedVoucher, Sale), Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let id = match pick(&mut transaction, stock, till.at).await? {
            Ok(id) => id,
            Err(refusal) => return Ok(Err(refusal)),
        };
        sqlx::query("UPDATE vouchers SET sold_at = $2, seller = $3, sale = $4 WHERE id = $1")
            .bind(id)
            .bind(till.at.0)
            .bind(till.seller.as_str())
            .bind(till.id.to_string())
            .execute(&mut *transaction)
            .await?;
        let text = format!(
            "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM vouchers v \
             JOIN voucher_batches b ON b.id = v.batch WHERE v.id = $1"
        );
        let row = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_one(&mut *transaction).await?;
        let sold = listed(&row)?;
        let line = Sale {
            id: till.id,
            at: till.at,
            seller: till.seller.clone(),
            item: SaleItem::Voucher,
            plan: sold.voucher.batch.offer.plan.clone(),
            voucher: Some(id),
            device: None,
            session: None,
            amount: sold.voucher.batch.offer.price,
            note: till.note.clone(),
        };
        sales::put(&mut transaction, std::slice::from_ref(&line)).await?;
        if let Err(refusal) = remember(&mut transaction, once, OnceSubject::Voucher(id)).await? {
            return Ok(Err(refusal));
        }
        transaction.commit().await?;
        Ok(Ok((sold, line)))
    }

    /// Gives money back: a negative line of the till, never more than was paid. If all of it is given back, a voucher is
    /// revoked with it.
    pub async fn refund(
        &self,
        refund: &Refund,
        once: Option<&Once>,
    ) -> Result<Result<Refunded, Refusal>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let text = format!("SELECT {COLUMNS} FROM sales s WHERE s.id = $1");
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(refund.sale.to_string())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(paid) = row.as_ref().map(sale).transpose()? else { return Ok(Err(Refusal::UnknownSale)) };
        let back: i64 = sqlx::query_scalar(
            "SELECT coalesce(sum(s.amount), 0) FROM refunds r JOIN sales s ON s.id = r.sale WHERE r.refunded = $1",
        )
        .bind(refund.sale.to_string())
        .fetch_one(&mut *transaction)
        .await?;
        let rest = Money(paid.amount.0.saturating_add(back));
        let amount = refund.amount.unwrap_or(rest);
        if let Some(refusal) = cannot_refund(&paid, rest, amount) {
            return Ok(Err(refusal));
        }
        let till = &refund.line;
        let line = Sale {
            id: till.id,
            at: till.at,
            seller: till.seller.clone(),
            amount: Money(-amount.0),
            note: till.note.clone(),
            ..paid.clone()
        };
        sales::put(&mut transaction, std::slice::from_ref(&line)).await?;
        // More of a session cannot be told from what it had before: that stays.
        let taken_back = amount == rest
            && !refund.keep
            && matches!(paid.item, SaleItem::Voucher | SaleItem::Session | SaleItem::Coins);
        sqlx::query("INSERT INTO refunds (sale, refunded, taken_back) VALUES ($1, $2, $3)")
            .bind(line.id.to_string())
            .bind(paid.id.to_string())
            .bind(taken_back)
            .execute(&mut *transaction)
            .await?;
        if let Some(voucher) = paid.voucher.filter(|_| taken_back) {
            sqlx::query("UPDATE vouchers SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")
                .bind(voucher)
                .bind(till.at.0)
                .execute(&mut *transaction)
                .await?;
        }
        if let Err(refusal) = remember(&mut transaction, once, OnceSubject::Sale(line.id)).await? {
            return Ok(Err(refusal));
        }
        transaction.commit().await?;
        Ok(Ok(Refunded { line, sale: paid, taken_back }))
    }

    /// Sessions that are not over though they were sold and taken back, or go on with such a one; of one sale, or of all.
    pub async fn refunded_with_sessions(
        &self,
        sale: Option<uuid::Uuid>,
    ) -> Result<Vec<SessionId>, StoreError> {
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT s.id FROM refunds r JOIN sales l ON l.id = r.refunded \
             JOIN sessions s ON s.id = l.session OR s.origin = l.session \
             WHERE r.taken_back = 1 AND l.voucher IS NULL AND ($1 IS NULL OR r.refunded = $1) \
             AND s.state IN ('available', 'running', 'paused') ORDER BY s.id",
        )
        .bind(sale.map(|sale| sale.to_string()))
        .fetch_all(&self.readers)
        .await?;
        let read = |id: String| id.parse().map_err(|error| StoreError::row("sessions", id, error));
        found.into_iter().map(read).collect()
    }
}

/// Notes which session was the first of those that one goes on with.
pub(super) async fn note_origin(
    connection: &mut SqliteConnection,
    from: SessionId,
    to: SessionId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE sessions SET origin = coalesce((SELECT origin FROM sessions WHERE id = $1), $1) WHERE id = $2",
    )
    .bind(from.to_string())
    .bind(to.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

fn cannot_refund(paid: &Sale, rest: Money, amount: Money) -> Option<Refusal> {
    if paid.amount.0 < 0 {
        Some(Refusal::CannotRefund("it is a refund itself"))
    } else if paid.amount.is_zero() {
        Some(Refusal::CannotRefund("nothing was paid"))
    } else if rest.0 <= 0 {
        Some(Refusal::CannotRefund("all of it was given back already"))
    } else if amount.0 <= 0 || amount > rest {
        let problem = "must be above 0, and no more than was paid and not given back yet".to_owned();
        Some(TermsError { field: "amount", problem }.into())
    } else {
        None
    }
}

async fn remember(
    transaction: &mut SqliteTransaction<'_>,
    once: Option<&Once>,
    subject: OnceSubject,
) -> Result<Result<(), Refusal>, StoreError> {
    let Some(once) = once else { return Ok(Ok(())) };
    once::remember(transaction, &DoneOnce { once: once.clone(), subject, made: true }).await
}

/// The row of the voucher that is to be sold.
async fn pick(
    connection: &mut SqliteConnection,
    stock: Stock<'_>,
    at: WallTime,
) -> Result<Result<i64, Refusal>, StoreError> {
    match stock {
        Stock::New(new, code) => {
            batches::insert(connection, new, std::slice::from_ref(code), at).await?;
            let id = sqlx::query_scalar("SELECT id FROM vouchers WHERE lookup = $1")
                .bind(code.lookup.to_vec())
                .fetch_one(connection)
                .await?;
            Ok(Ok(id))
        }
        Stock::Batch(batch) => {
            let known: Option<bool> = sqlx::query_scalar(
                "SELECT valid_until IS NULL OR valid_until > $2 FROM voucher_batches WHERE id = $1",
            )
            .bind(batch)
            .bind(at.0)
            .fetch_optional(&mut *connection)
            .await?;
            match known {
                None => return Ok(Err(Refusal::UnknownBatch)),
                Some(false) => return Ok(Err(Refusal::VoucherNotValid("any more"))),
                Some(true) => {}
            }
            let id: Option<i64> = sqlx::query_scalar(
                "SELECT id FROM vouchers WHERE batch = $1 AND sold_at IS NULL AND redeemed_at IS NULL \
                 AND revoked_at IS NULL ORDER BY id LIMIT 1",
            )
            .bind(batch)
            .fetch_optional(connection)
            .await?;
            Ok(id.ok_or(Refusal::SoldOut))
        }
        Stock::Code(lookup) => {
            let text = format!(
                "SELECT {VOUCHER_COLUMNS}, {BATCH_COLUMNS} FROM vouchers v \
                 JOIN voucher_batches b ON b.id = v.batch WHERE v.lookup = $1"
            );
            let row =
                sqlx::query(AssertSqlSafe(text)).bind(lookup.to_vec()).fetch_optional(connection).await?;
            let Some(known) = row.as_ref().map(listed).transpose()? else {
                return Ok(Err(Refusal::VoucherUnknown));
            };
            let voucher = known.voucher;
            Ok(if voucher.revoked_at.is_some() {
                Err(Refusal::VoucherRevoked)
            } else if voucher.sold.is_some() {
                Err(Refusal::VoucherSold)
            } else if voucher.redeemed.is_some() {
                Err(Refusal::VoucherUsed)
            } else if voucher.batch.valid_until.is_some_and(|until| at >= until) {
                Err(Refusal::VoucherNotValid("any more"))
            } else {
                Ok(voucher.id)
            })
        }
    }
}
