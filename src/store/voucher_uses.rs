//! The guards of redemptions: who gets a place of a voucher is decided here, in the transaction that makes the session.

use sqlx::sqlite::SqliteConnection;

use super::events::PRUNED_AT_ONCE;
use super::{Store, StoreError};
use crate::domain::{ClockGuard, DeviceId, Refusal, SessionId, WallTime, grant_subject};

/// One day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// A redemption that is to be.
#[derive(Clone, Copy)]
pub(super) struct Use {
    pub(super) voucher: i64,
    pub(super) device: DeviceId,
    pub(super) session: SessionId,
    pub(super) at: WallTime,
}

/// A voucher as a guard sees it.
#[derive(sqlx::FromRow)]
struct Standing {
    revoked: bool,
    redeemed_at: Option<i64>,
    max_devices: i64,
    use_days: Option<u32>,
    taken: i64,
    has_place: bool,
}

async fn standing(
    connection: &mut SqliteConnection,
    voucher: i64,
    device: DeviceId,
) -> Result<Option<Standing>, StoreError> {
    let found = sqlx::query_as(
        "SELECT v.revoked_at IS NOT NULL AS revoked, v.redeemed_at, b.max_devices, b.use_days, \
         (SELECT count(*) FROM voucher_uses u WHERE u.voucher = v.id AND u.ended_at IS NULL) AS taken, \
         EXISTS (SELECT 1 FROM voucher_uses u WHERE u.voucher = v.id AND u.device = $2 AND u.ended_at IS NULL) \
         AS has_place FROM vouchers v JOIN voucher_batches b ON b.id = v.batch WHERE v.id = $1",
    )
    .bind(voucher)
    .bind(device.to_string())
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// Why a device cannot have a place, if all are to be had.
fn refusal(standing: Option<&Standing>, at: WallTime) -> Option<Refusal> {
    let Some(standing) = standing else { return Some(Refusal::VoucherUnknown) };
    let first_use = standing.redeemed_at.map(WallTime).filter(|at| *at >= ClockGuard::FLOOR);
    let over = first_use.zip(standing.use_days).is_some_and(|(first, days)| at >= first.plus_days(days));
    if standing.revoked {
        Some(Refusal::VoucherRevoked)
    } else if standing.has_place {
        Some(Refusal::VoucherUsed)
    } else if over {
        Some(Refusal::VoucherNotValid("any more"))
    } else {
        None
    }
}

/// Gives a device a place of a voucher if one is left and it is not revoked: the guard of a redemption.
pub(super) async fn redeem(
    connection: &mut SqliteConnection,
    wanted: Use,
) -> Result<Result<(), Refusal>, StoreError> {
    let standing = standing(connection, wanted.voucher, wanted.device).await?;
    if let Some(refusal) = refusal(standing.as_ref(), wanted.at) {
        return Ok(Err(refusal));
    }
    if standing.is_none_or(|standing| standing.taken >= standing.max_devices) {
        return Ok(Err(Refusal::VoucherUsed));
    }
    insert(connection, wanted).await?;
    Ok(Ok(()))
}

/// Whether a device holds a place of a voucher that is not revoked: the guard of what it is granted by it later.
pub(super) async fn hold(
    connection: &mut SqliteConnection,
    voucher: i64,
    device: DeviceId,
    at: WallTime,
) -> Result<Result<(), Refusal>, StoreError> {
    Ok(match standing(connection, voucher, device).await? {
        None => Err(Refusal::VoucherUnknown),
        Some(standing) if standing.revoked => Err(Refusal::VoucherRevoked),
        Some(standing) if !standing.has_place => Err(Refusal::VoucherUsed),
        Some(_) => {
            begin_days(connection, voucher, at).await?;
            Ok(())
        }
    })
}

/// Where no clock could be believed at the first use, days are counted from the first one when it can be.
async fn begin_days(connection: &mut SqliteConnection, voucher: i64, at: WallTime) -> Result<(), StoreError> {
    sqlx::query("UPDATE vouchers SET redeemed_at = $2 WHERE id = $1 AND redeemed_at < $3 AND $2 >= $3")
        .bind(voucher)
        .bind(at.0)
        .bind(ClockGuard::FLOOR.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Gives a device the place of another one: the guard of a take-over. What that one was granted for this period counts
/// for this one.
pub(super) async fn take_over(
    connection: &mut SqliteConnection,
    wanted: Use,
    from: DeviceId,
) -> Result<Result<(), Refusal>, StoreError> {
    let standing = standing(connection, wanted.voucher, wanted.device).await?;
    if let Some(refusal) = refusal(standing.as_ref(), wanted.at) {
        return Ok(Err(refusal));
    }
    let ended = sqlx::query(
        "UPDATE voucher_uses SET ended_at = $3 WHERE voucher = $1 AND device = $2 AND ended_at IS NULL",
    )
    .bind(wanted.voucher)
    .bind(from.to_string())
    .bind(wanted.at.0)
    .execute(&mut *connection)
    .await?;
    if ended.rows_affected() != 1 {
        return Ok(Err(Refusal::VoucherUsed));
    }
    insert(connection, wanted).await?;
    let (old, new) = (grant_subject(wanted.voucher, from), grant_subject(wanted.voucher, wanted.device));
    sqlx::query(
        "INSERT INTO grants (subject, plan, period, session) SELECT $2, g.plan, g.period, $3 FROM grants g \
         WHERE g.subject = $1 AND NOT EXISTS (SELECT 1 FROM grants h WHERE h.subject = $2 AND h.plan = g.plan \
         AND h.period = g.period) ORDER BY g.period DESC LIMIT 1",
    )
    .bind(old)
    .bind(new)
    .bind(wanted.session.to_string())
    .execute(connection)
    .await?;
    Ok(Ok(()))
}

/// The places of vouchers that a device has are another one's from now on: the same phone under another MAC.
pub(super) async fn follow(
    connection: &mut SqliteConnection,
    from: DeviceId,
    to: DeviceId,
) -> Result<(), StoreError> {
    // One that the other has a place of already stays where it is.
    sqlx::query("UPDATE OR IGNORE voucher_uses SET device = $2 WHERE device = $1 AND ended_at IS NULL")
        .bind(from.to_string())
        .bind(to.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, wanted: Use) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO voucher_uses (voucher, device, session, at) VALUES ($1, $2, $3, $4)")
        .bind(wanted.voucher)
        .bind(wanted.device.to_string())
        .bind(wanted.session.to_string())
        .bind(wanted.at.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE vouchers SET redeemed_at = $2, device = $3, session = $4 WHERE id = $1 AND redeemed_at IS NULL",
    )
    .bind(wanted.voucher)
    .bind(wanted.at.0)
    .bind(wanted.device.to_string())
    .bind(wanted.session.to_string())
    .execute(&mut *connection)
    .await?;
    begin_days(connection, wanted.voucher, wanted.at).await
}

/// A redemption that has been taken back did not happen; a place that was taken over is `from`'s again.
pub(super) async fn give_back(
    connection: &mut SqliteConnection,
    used: Use,
    from: Option<DeviceId>,
) -> Result<(), StoreError> {
    let session = used.session.to_string();
    sqlx::query("DELETE FROM voucher_uses WHERE voucher = $1 AND session = $2")
        .bind(used.voucher)
        .bind(&session)
        .execute(&mut *connection)
        .await?;
    if let Some(from) = from {
        sqlx::query(
            "UPDATE voucher_uses SET ended_at = NULL WHERE voucher = $1 AND device = $2 AND ended_at = $3",
        )
        .bind(used.voucher)
        .bind(from.to_string())
        .bind(used.at.0)
        .execute(&mut *connection)
        .await?;
        sqlx::query("DELETE FROM grants WHERE subject = $1 AND session = $2")
            .bind(grant_subject(used.voucher, used.device))
            .bind(&session)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "UPDATE vouchers SET redeemed_at = NULL, device = NULL, session = NULL WHERE id = $1 AND session = $2",
    )
    .bind(used.voucher)
    .bind(&session)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Deletes some of the places of vouchers that were taken over longer ago than so many days. How many: 0 when there is
    /// nothing left to prune. A place that somebody holds stays for as long as its voucher: it is what stands against a second
    /// use.
    pub async fn prune_voucher_uses(&self, keep_days: u32) -> Result<u64, StoreError> {
        // Looked for by a reader: few of them have ended, and all have to be looked at.
        let old: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM voucher_uses WHERE ended_at >= $1 AND ended_at < \
             (SELECT value FROM meta WHERE name = 'newest_wall') - $2 ORDER BY id LIMIT $3",
        )
        .bind(ClockGuard::FLOOR.0)
        .bind(i64::from(keep_days).saturating_mul(DAY_MS))
        .bind(PRUNED_AT_ONCE)
        .fetch_all(&self.readers)
        .await?;
        if old.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for id in &old {
            sqlx::query("DELETE FROM voucher_uses WHERE id = $1").bind(id).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
    }
}
