use sqlx::Row;

use super::{Store, StoreError};
use crate::domain::WallTime;

/// How much time and data was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoldAmounts {
    /// Milliseconds of sessions, less what was taken back.
    pub time_ms: i64,
    /// Bytes of sessions, less what was taken back.
    pub data_bytes: i64,
    /// Sales of which it is not known how much they were: of a plan that is gone, or of an amount that was said by hand.
    pub unknown: i64,
}

/// A voucher is what its batch was made with; else a plan is what it grants today; else coins are what their session has or had.
/// What was given back and taken back with it is taken off.
const SUM: &str = "WITH lines (sign, voucher, plan, coins, time_ms, data_bytes) AS ( \
       SELECT 1, voucher, plan, iif(item = 'coins', session, NULL), bought_time_ms, bought_data_bytes FROM sales \
       WHERE at >= $1 AND at < $2 AND amount >= 0 \
     UNION ALL \
       SELECT -1, o.voucher, o.plan, iif(o.item = 'coins', o.session, NULL), o.bought_time_ms, o.bought_data_bytes FROM sales s \
       JOIN refunds r ON r.sale = s.id AND r.taken_back = 1 JOIN sales o ON o.id = r.refunded \
       WHERE s.at >= $1 AND s.at < $2) \
     SELECT coalesce(sum(sign * coalesce(iif(b.id IS NOT NULL, b.time_limit_ms, \
         iif(p.id IS NOT NULL, p.time_limit_ms, coalesce(c.time_limit_ms, l.time_ms))), 0)), 0), \
       coalesce(sum(sign * coalesce(iif(b.id IS NOT NULL, b.data_limit_bytes, \
         iif(p.id IS NOT NULL, p.data_limit_bytes, coalesce(c.data_limit_bytes, l.data_bytes))), 0)), 0), \
       coalesce(sum(sign * (b.id IS NULL AND p.id IS NULL AND c.id IS NULL AND l.time_ms IS NULL)), 0) \
     FROM lines l LEFT JOIN vouchers v ON v.id = l.voucher LEFT JOIN voucher_batches b ON b.id = v.batch \
     LEFT JOIN plans p ON p.name = l.plan LEFT JOIN sessions c ON c.id = l.coins";

impl Store {
    /// How much time and data was sold in this time.
    pub async fn sold_amounts(&self, from: WallTime, to: WallTime) -> Result<SoldAmounts, StoreError> {
        let row = sqlx::query(SUM).bind(from.0).bind(to.0).fetch_one(&self.readers).await?;
        Ok(SoldAmounts { time_ms: row.try_get(0)?, data_bytes: row.try_get(1)?, unknown: row.try_get(2)? })
    }
}
