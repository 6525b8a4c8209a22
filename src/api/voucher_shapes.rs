use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::shapes::{TermsShape, time};
use crate::domain::{ClientSession, Currency, Sale, Text, Voucher, VoucherBatch, VoucherUse, WallTime};
use crate::wares::{AtEndShape, RepeatShape};

fn text(text: Option<&Text>) -> Option<String> {
    text.map(ToString::to_string)
}

/// A voucher as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct VoucherShape {
    code: String,
    status: &'static str,
    batch: i64,
    name: Option<String>,
    plan: Option<String>,
    price: String,
    #[serde(flatten)]
    terms: TermsShape,
    valid_from: Option<String>,
    valid_until: Option<String>,
    created_at: Option<String>,
    sold_at: Option<String>,
    seller: Option<String>,
    redeemed_at: Option<String>,
    revoked_at: Option<String>,
    ends_at: Option<String>,
    device: Option<String>,
    session: Option<String>,
    max_devices: u32,
    uses: u32,
}

impl VoucherShape {
    pub(super) fn new(voucher: &Voucher, code: String, currency: Currency, now: WallTime) -> Self {
        let (batch, offer) = (&voucher.batch, &voucher.batch.offer);
        let first = voucher.redeemed;
        Self {
            code,
            status: voucher.status(now).as_str(),
            batch: batch.id,
            name: text(batch.name.as_ref()),
            plan: offer.plan.clone(),
            price: currency.decimal(offer.price),
            terms: TermsShape::new(&batch.terms),
            valid_from: batch.valid_from.and_then(time),
            valid_until: batch.valid_until.and_then(time),
            created_at: time(batch.created_at),
            sold_at: voucher.sold.as_ref().and_then(|sold| time(sold.at)),
            seller: text(voucher.sold.as_ref().map(|sold| &sold.seller)),
            redeemed_at: first.and_then(|first| time(first.at)),
            revoked_at: voucher.revoked_at.and_then(time),
            ends_at: voucher.ends_at().and_then(time),
            device: first.map(|first| first.device.to_string()),
            session: first.map(|first| first.session.to_string()),
            max_devices: offer.max_devices,
            uses: voucher.uses,
        }
    }
}

/// A place of a voucher.
#[derive(Debug, Serialize)]
pub(super) struct UseShape {
    device: String,
    session: String,
    at: Option<String>,
    ended_at: Option<String>,
}

/// A voucher with who has used it.
#[derive(Debug, Serialize)]
pub(super) struct VoucherDetail {
    #[serde(flatten)]
    pub(super) voucher: VoucherShape,
    places: Vec<UseShape>,
    /// Those that are not over.
    sessions: Vec<String>,
}

impl VoucherDetail {
    pub(super) fn new(voucher: VoucherShape, uses: &[VoucherUse], sessions: &[ClientSession]) -> Self {
        let place = |place: &VoucherUse| UseShape {
            device: place.redeemed.device.to_string(),
            session: place.redeemed.session.to_string(),
            at: time(place.redeemed.at),
            ended_at: place.ended_at.and_then(time),
        };
        Self {
            voucher,
            places: uses.iter().map(place).collect(),
            sessions: sessions.iter().map(|session| session.id.to_string()).collect(),
        }
    }
}

/// A batch as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct BatchShape {
    batch: i64,
    name: Option<String>,
    note: Option<String>,
    plan: Option<String>,
    price: String,
    currency: String,
    #[serde(flatten)]
    terms: TermsShape,
    roles: BTreeSet<String>,
    properties: BTreeMap<String, String>,
    at_end: AtEndShape,
    repeat: Option<RepeatShape>,
    max_devices: u32,
    when_full: &'static str,
    use_days: Option<u32>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    created_at: Option<String>,
    count: u32,
    /// Only in the answer that it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    codes: Option<Vec<String>>,
}

impl BatchShape {
    pub(super) fn new(batch: &VoucherBatch, codes: Option<Vec<String>>, currency: Currency) -> Self {
        let offer = &batch.offer;
        Self {
            batch: batch.id,
            name: text(batch.name.as_ref()),
            note: text(batch.note.as_ref()),
            plan: offer.plan.clone(),
            price: currency.decimal(offer.price),
            currency: currency.code().to_owned(),
            terms: TermsShape::new(&batch.terms),
            roles: offer.roles.clone(),
            properties: offer.properties.clone(),
            at_end: AtEndShape::new(offer.at_end),
            repeat: offer.repeat.map(RepeatShape::new),
            max_devices: offer.max_devices,
            when_full: offer.when_full.as_str(),
            use_days: offer.use_days,
            valid_from: batch.valid_from.and_then(time),
            valid_until: batch.valid_until.and_then(time),
            created_at: time(batch.created_at),
            count: batch.count,
            codes,
        }
    }
}

/// A line of the till as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct SaleShape {
    pub(super) id: String,
    pub(super) at: Option<String>,
    pub(super) seller: String,
    pub(super) item: &'static str,
    pub(super) plan: Option<String>,
    pub(super) voucher: Option<i64>,
    pub(super) device: Option<String>,
    pub(super) session: Option<String>,
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) note: Option<String>,
    pub(super) refunds: Option<String>,
}

impl SaleShape {
    pub(super) fn new(sale: &Sale, refunds: Option<uuid::Uuid>, currency: Currency) -> Self {
        Self {
            id: sale.id.to_string(),
            at: time(sale.at),
            seller: sale.seller.to_string(),
            item: sale.item.as_str(),
            plan: sale.plan.clone(),
            voucher: sale.voucher,
            device: sale.device.map(|device| device.to_string()),
            session: sale.session.map(|session| session.to_string()),
            amount: currency.decimal(sale.amount),
            currency: currency.code().to_owned(),
            note: text(sale.note.as_ref()),
            refunds: refunds.map(|sale| sale.to_string()),
        }
    }
}
