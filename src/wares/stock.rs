//! The codes of a batch on paper and in a table.

use std::sync::Arc;

use axum::response::Response;

use super::csv::table;
use super::sheet::{self, Layout};
use super::text::rfc3339;
use crate::domain::{Currency, Mbps, Text, VoucherBatch, VoucherCodes, WallTime, bytes_to_mb};
use crate::http::Problem;
use crate::runtime::Handle;
use crate::store::{ListedVoucher, Store, VoucherQuery};

/// What codes are read with.
#[derive(Clone)]
pub(crate) struct Stock {
    pub(crate) handle: Handle,
    pub(crate) store: Store,
    pub(crate) codes: Arc<dyn VoucherCodes>,
    pub(crate) currency: Currency,
}

const COLUMNS: [&str; 22] = [
    "code",
    "status",
    "batch",
    "name",
    "plan",
    "price",
    "currency",
    "kind",
    "time_secs",
    "data_mb",
    "exp_days",
    "down_mbps",
    "up_mbps",
    "max_devices",
    "uses",
    "valid_from",
    "valid_until",
    "sold_at",
    "seller",
    "redeemed_at",
    "device",
    "revoked_at",
];

impl Stock {
    /// All codes of a batch as a table for spreadsheets.
    pub(crate) async fn export(self, batch: &VoucherBatch) -> Result<Response, Problem> {
        let wanted =
            VoucherQuery { batch: Some(batch.id), page: 1, per_page: u32::MAX, ..VoucherQuery::default() };
        let (found, _) = self.list(&wanted).await?;
        let (now, name) = (self.handle.now().wall, format!("vouchers-{}", batch.id));
        tokio::task::spawn_blocking(move || {
            let rows = found.iter().map(|listed| row(&self, now, listed)).collect::<Result<_, _>>()?;
            table(&name, &COLUMNS, rows)
        })
        .await
        .map_err(|error| Problem::internal(&error))?
    }

    /// A page to be printed, of those that can still be redeemed.
    pub(crate) async fn print(
        self,
        batch: VoucherBatch,
        layout: Layout,
        page: u32,
    ) -> Result<Response, Problem> {
        let wanted = VoucherQuery {
            batch: Some(batch.id),
            redeemed: Some(false),
            revoked: Some(false),
            page,
            per_page: sheet::PER_PAGE,
            ..VoucherQuery::default()
        };
        let (found, total) = self.list(&wanted).await?;
        tokio::task::spawn_blocking(move || {
            let codes: Result<Vec<String>, _> =
                found.iter().map(|listed| self.codes.unseal(&listed.code)).collect();
            let codes = codes.map_err(|error| Problem::internal(&error))?;
            let day = |at| self.handle.local_day(at).to_string();
            sheet::sheet(&batch, &codes, &layout, self.currency, &day, (page, total))
        })
        .await
        .map_err(|error| Problem::internal(&error))?
    }

    async fn list(&self, wanted: &VoucherQuery) -> Result<(Vec<ListedVoucher>, u64), Problem> {
        self.store.list_vouchers(wanted).await.map_err(|error| Problem::internal(&error))
    }
}

fn row(state: &Stock, now: WallTime, listed: &ListedVoucher) -> Result<Vec<String>, Problem> {
    let voucher = &listed.voucher;
    let (batch, offer, terms) = (&voucher.batch, &voucher.batch.offer, &voucher.batch.terms);
    let at = |at: Option<WallTime>| at.and_then(rfc3339).unwrap_or_default();
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let speed = |speed: Option<Mbps>| number(speed.map(Mbps::as_mbps));
    let text = |text: Option<&Text>| text.map(ToString::to_string).unwrap_or_default();
    Ok(vec![
        state.codes.unseal(&listed.code).map_err(|error| Problem::internal(&error))?,
        voucher.status(now).as_str().to_owned(),
        batch.id.to_string(),
        text(batch.name.as_ref()),
        offer.plan.clone().unwrap_or_default(),
        state.currency.decimal(offer.price),
        state.currency.code().to_owned(),
        terms.kind.as_str().to_owned(),
        terms.time_limit_ms.map(|limit| (limit / 1000).to_string()).unwrap_or_default(),
        number(terms.data_limit_bytes.map(bytes_to_mb)),
        terms.exp_days.map(|days| days.to_string()).unwrap_or_default(),
        speed(terms.down),
        speed(terms.up),
        offer.max_devices.to_string(),
        voucher.uses.to_string(),
        at(batch.valid_from),
        at(batch.valid_until),
        at(voucher.sold.as_ref().map(|sold| sold.at)),
        text(voucher.sold.as_ref().map(|sold| &sold.seller)),
        at(voucher.redeemed.map(|first| first.at)),
        voucher.redeemed.map(|first| first.device.to_string()).unwrap_or_default(),
        at(voucher.revoked_at),
    ])
}
