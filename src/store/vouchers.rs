use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use crate::domain::{DeviceId, Refusal, SessionId, WallTime};

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
