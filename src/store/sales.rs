use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use crate::domain::{Sale, Text};

/// Writes sales; one whose id is there already is the same sale.
pub(super) async fn put(connection: &mut SqliteConnection, sales: &[Sale]) -> Result<(), StoreError> {
    for sale in sales {
        sqlx::query(
            "INSERT INTO sales (id, at, seller, item, plan, voucher, device, session, amount, note) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
        )
        .bind(sale.id.to_string())
        .bind(sale.at.0)
        .bind(sale.seller.as_str())
        .bind(sale.item.as_str())
        .bind(sale.plan.as_deref())
        .bind(sale.voucher)
        .bind(sale.device.map(|device| device.to_string()))
        .bind(sale.session.map(|session| session.to_string()))
        .bind(sale.amount.0)
        .bind(sale.note.as_ref().map(Text::as_str))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
