use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, ManageVouchers, Sell};
use super::list::{Paging, read_name, read_time};
use super::once::NotKept;
use super::shapes::time;
use super::under::Under;
use super::voucher_shapes::{SaleShape, VoucherShape};
use super::vouchers::store_failed;
use crate::domain::{Money, Refusal, SaleItem, SessionPatch, Text, WallTime};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::runtime::{SaleOf, SalesBy, SalesKey, SalesTotal, SoldVoucher, Till, TopUpOf};
use crate::store::{ListedSale, SalesQuery};
use crate::wares::{read_price, table};

/// The most lines of a table.
const MAX_LINES: u32 = 100_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    from: Option<String>,
    to: Option<String>,
    by: Option<String>,
    seller: Option<String>,
    plan: Option<String>,
    item: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

impl ListQuery {
    fn wanted(&self, state: &ApiState, page: u32, per_page: u32) -> Result<SalesQuery, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let handle = &state.handle;
        Ok(SalesQuery {
            from: moment("from", self.from.as_deref(), &|day| handle.day_begins(day))?,
            to: moment("to", self.to.as_deref(), &|day| handle.day_ends(day))?,
            seller: given(&self.seller),
            plan: given(&self.plan),
            item: read_name("item", self.item.as_deref(), &SaleItem::ALL)?,
            voucher: None,
            page,
            per_page,
        })
    }

    fn by(&self) -> Result<Vec<SalesBy>, Problem> {
        let names = self.by.as_deref().unwrap_or_default().split(',').map(str::trim);
        let read = |name| read_name("by", Some(name), &SalesBy::ALL);
        names.filter_map(|name| read(name).transpose()).collect()
    }
}

/// A time, or a day of the place.
fn moment(
    field: &str,
    text: Option<&str>,
    of_day: &dyn Fn(NaiveDate) -> WallTime,
) -> Result<Option<WallTime>, Problem> {
    let day = text.filter(|text| text.len() == 10).and_then(|text| text.parse::<NaiveDate>().ok());
    match day {
        Some(day) => Ok(Some(of_day(day))),
        None => read_time(field, text),
    }
}

/// What came in.
#[derive(Debug, Serialize)]
struct ReportLine {
    day: Option<String>,
    seller: Option<String>,
    plan: Option<String>,
    item: Option<&'static str>,
    sold: u64,
    refunded: u64,
    amount: String,
}

/// A report of the till.
#[derive(Debug, Serialize)]
struct ReportShape {
    from: Option<String>,
    to: Option<String>,
    currency: String,
    items: Vec<ReportLine>,
    sold: u64,
    refunded: u64,
    amount: String,
}

/// `GET /api/v1/sales`: lines of the till, the newest first; with `by`, what came in.
pub(super) async fn list(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Response, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let wanted = query.wanted(&state, paging.page, paging.per_page)?;
    let (by, currency) = (query.by()?, state.currency);
    if by.is_empty() {
        let (sales, total) = state.store.list_sales(&wanted).await.map_err(store_failed)?;
        let shapes = sales.iter().map(|listed| SaleShape::new(&listed.sale, listed.refunds, currency));
        return Ok(Json(paging.of(shapes.collect(), total)).into_response());
    }
    let report = state.handle.sales_report(&wanted, &by).await?;
    let line = |(key, total): (SalesKey, SalesTotal)| ReportLine {
        day: key.day.map(|day| day.to_string()),
        seller: key.seller,
        plan: key.plan,
        item: key.item,
        sold: total.sold,
        refunded: total.refunded,
        amount: currency.decimal(total.amount),
    };
    let shape = ReportShape {
        from: wanted.from.and_then(time),
        to: wanted.to.and_then(time),
        currency: currency.code().to_owned(),
        items: report.lines.into_iter().map(line).collect(),
        sold: report.total.sold,
        refunded: report.total.refunded,
        amount: currency.decimal(report.total.amount),
    };
    Ok(Json(shape).into_response())
}

const COLUMNS: [&str; 12] = [
    "id", "at", "seller", "item", "plan", "voucher", "device", "session", "amount", "currency", "note",
    "refunds",
];

/// `GET /api/v1/sales.csv`: lines of the till as a table.
pub(super) async fn export(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Response, Problem> {
    // A table has no pages; what cannot be one is an error all the same.
    Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let wanted = query.wanted(&state, 1, MAX_LINES)?;
    let (sales, _) = state.store.list_sales(&wanted).await.map_err(store_failed)?;
    let row = |listed: &ListedSale| {
        let shape = SaleShape::new(&listed.sale, listed.refunds, state.currency);
        let text = Option::unwrap_or_default;
        vec![
            shape.id,
            text(shape.at),
            shape.seller,
            shape.item.to_owned(),
            text(shape.plan),
            text(shape.voucher.map(|voucher| voucher.to_string())),
            text(shape.device),
            text(shape.session),
            shape.amount,
            shape.currency,
            text(shape.note),
            text(shape.refunds),
        ]
    };
    table("sales", &COLUMNS, sales.iter().map(row).collect())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSale {
    plan: Option<String>,
    batch: Option<i64>,
    code: Option<String>,
    note: Option<String>,
}

/// A voucher that was sold.
#[derive(Debug, Serialize)]
struct SoldShape {
    voucher: VoucherShape,
    sale: SaleShape,
}

fn sold_answer(state: &ApiState, sold: &SoldVoucher) -> Response {
    let voucher =
        VoucherShape::new(&sold.voucher, sold.code.clone(), state.currency, state.handle.now().wall);
    let sale = SaleShape::new(&sold.sale, None, state.currency);
    let mut response = (StatusCode::CREATED, Json(SoldShape { voucher, sale })).into_response();
    // With a code in it.
    response.extensions_mut().insert(NotKept);
    response
}

/// The answer to a sale, once more.
pub(super) async fn sold_again(state: &ApiState, voucher: i64) -> Result<Response, Problem> {
    Ok(sold_answer(state, &state.handle.sold(voucher).await?))
}

/// `POST /api/v1/vouchers/sell`: a code changes hands.
pub(super) async fn sell(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<NewSale>,
) -> Result<Response, Problem> {
    let what = match (body.plan, body.batch, body.code) {
        (Some(plan), None, None) => SaleOf::Plan(plan),
        (None, Some(batch), None) => SaleOf::Batch(batch),
        (None, None, Some(code)) => SaleOf::Code(code),
        _ => return Err(Problem::invalid_field("plan", "say one of plan, batch and code")),
    };
    let till = Till { seller: allowed.seller.clone(), note: body.note.as_deref().map(Text::new) };
    let handle = under.untagged_handle(&state, allowed.caller.doing("voucher.sell", ""))?;
    let sold = handle.sell(what, till).await?;
    let subject = format!("{}/{}", sold.voucher.batch.id, sold.voucher.id);
    let details = state.currency.show(sold.sale.amount);
    state.audit.note(&allowed.caller, sold.sale.at, "voucher.sell", subject, &details).await;
    Ok(sold_answer(&state, &sold))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTopUp {
    to: String,
    plan: Option<String>,
    add_time_secs: Option<u64>,
    add_data_mb: Option<f64>,
    price: Option<String>,
    note: Option<String>,
}

/// `POST /api/v1/top_ups`: more of a session, named by itself or by its device.
pub(super) async fn top_up(
    allowed: Allowed<Sell>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<NewTopUp>,
) -> Result<Response, Problem> {
    let amounts = body.add_time_secs.is_some() || body.add_data_mb.is_some();
    let what = match body.plan {
        Some(_) if amounts || body.price.is_some() => {
            return Err(Problem::invalid_field("plan", "brings its own amounts and price"));
        }
        Some(plan) => TopUpOf::Plan(plan),
        None => {
            let (secs, mb) = (body.add_time_secs, body.add_data_mb);
            let patch = SessionPatch::new(None, None, secs, mb, None, None, None, None)?;
            let price = body.price.as_deref().map(|price| read_price("price", price, state.currency));
            TopUpOf::Amounts(patch, price.transpose()?.unwrap_or(Money::ZERO))
        }
    };
    let till = Till { seller: allowed.seller.clone(), note: body.note.as_deref().map(Text::new) };
    let handle = under.handle(&state, allowed.caller.doing("session.top_up", ""));
    let session = match body.to.parse() {
        Ok(id) if state.handle.session(id).await.is_ok() => handle.top_up(id, what, till).await?,
        _ => {
            let device = super::devices::find(&state, &body.to).await?;
            handle.top_up_device(device.id, what, till).await?
        }
    };
    Ok(super::sessions::one(&session))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRefund {
    amount: Option<String>,
    keep: Option<bool>,
    note: Option<String>,
}

fn refund_answer(state: &ApiState, listed: &ListedSale) -> Response {
    let shape = SaleShape::new(&listed.sale, listed.refunds, state.currency);
    (StatusCode::CREATED, Json(shape)).into_response()
}

/// The answer to a refund, once more; `None` if there is no such line.
pub(super) async fn refund_again(state: &ApiState, id: uuid::Uuid) -> Result<Option<Response>, Problem> {
    let found = state.store.find_sale(id).await.map_err(store_failed)?;
    if let Some(refunded) = found.as_ref().and_then(|listed| listed.refunds) {
        // A crash may have come between the line of the till and the end of what was sold.
        state.handle.take_back(refunded).await?;
    }
    Ok(found.map(|listed| refund_answer(state, &listed)))
}

/// `POST /api/v1/sales/{id}/refund`: money is given back, and what was sold is taken back with it.
pub(super) async fn refund(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<NewRefund>,
) -> Result<Response, Problem> {
    let id: uuid::Uuid = id.parse().map_err(|_| Refusal::UnknownSale)?;
    let amount = body.amount.as_deref().map(|amount| read_price("amount", amount, state.currency));
    let till = Till { seller: allowed.seller.clone(), note: body.note.as_deref().map(Text::new) };
    let handle = under.untagged_handle(&state, allowed.caller.doing("sale.refund", ""))?;
    let done = handle.refund(id, amount.transpose()?, body.keep.unwrap_or(false), till).await?;
    let details = state.currency.show(done.line.amount);
    state.audit.note(&allowed.caller, done.line.at, "sale.refund", id, &details).await;
    Ok(refund_answer(&state, &ListedSale { sale: done.line, refunds: Some(id) }))
}

/// `GET /api/v1/sales/{id}`.
pub(super) async fn get(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<Json<SaleShape>, Problem> {
    let id: uuid::Uuid = id.parse().map_err(|_| Refusal::UnknownSale)?;
    let found = state.store.find_sale(id).await.map_err(store_failed)?.ok_or(Refusal::UnknownSale)?;
    Ok(Json(SaleShape::new(&found.sale, found.refunds, state.currency)))
}
