use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::auth::{Allowed, ManageVouchers};
use super::csv::{Wrong, read_codes, table};
use super::list::{Page, Paging};
use super::shapes::time;
use super::under::Under;
use super::voucher_shapes::BatchShape;
use super::vouchers::{NewVouchers, store_batch, store_failed};
use super::{ApiState, sheet};
use crate::domain::{Mbps, Refusal, Text, VoucherBatch, bytes_to_mb};
use crate::http::{PathPart, Problem, QueryParams, read_body};
use crate::store::{ListedVoucher, VoucherQuery};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    plan: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

/// `GET /api/v1/vouchers/batches`: the newest first.
pub(super) async fn list(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<BatchShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let plan = query.plan.as_deref().filter(|plan| !plan.is_empty());
    let found = state.store.list_batches(plan, paging.page, paging.per_page).await;
    let (batches, total) = found.map_err(store_failed)?;
    let shapes = batches.iter().map(|batch| BatchShape::new(batch, None, state.currency)).collect();
    Ok(Json(paging.of(shapes, total)))
}

async fn find(state: &ApiState, id: &str) -> Result<VoucherBatch, Problem> {
    let id: i64 = id.parse().map_err(|_| Refusal::UnknownBatch)?;
    let found = state.store.find_batch(id).await.map_err(store_failed)?;
    Ok(found.ok_or(Refusal::UnknownBatch)?)
}

/// `GET /api/v1/vouchers/batches/{id}`; with `.csv` behind it, its codes as a table.
pub(super) async fn get(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<Response, Problem> {
    match id.strip_suffix(".csv") {
        Some(id) => {
            let batch = find(&state, id).await?;
            export(&state, &batch).await
        }
        None => {
            let batch = find(&state, &id).await?;
            Ok(Json(BatchShape::new(&batch, None, state.currency)).into_response())
        }
    }
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

async fn export(state: &ApiState, batch: &VoucherBatch) -> Result<Response, Problem> {
    let wanted =
        VoucherQuery { batch: Some(batch.id), page: 1, per_page: u32::MAX, ..VoucherQuery::default() };
    let (found, _) = state.store.list_vouchers(&wanted).await.map_err(store_failed)?;
    let (state, name) = (state.clone(), format!("vouchers-{}", batch.id));
    tokio::task::spawn_blocking(move || {
        let rows = found.iter().map(|listed| row(&state, listed)).collect::<Result<_, _>>()?;
        table(&name, &COLUMNS, rows)
    })
    .await
    .map_err(|error| Problem::internal(&error))?
}

fn row(state: &ApiState, listed: &ListedVoucher) -> Result<Vec<String>, Problem> {
    let voucher = &listed.voucher;
    let (batch, offer, terms) = (&voucher.batch, &voucher.batch.offer, &voucher.batch.terms);
    let at = |at: Option<crate::domain::WallTime>| at.and_then(time).unwrap_or_default();
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let speed = |speed: Option<Mbps>| number(speed.map(Mbps::as_mbps));
    let text = |text: Option<&Text>| text.map(ToString::to_string).unwrap_or_default();
    Ok(vec![
        state.codes.unseal(&listed.code).map_err(|error| Problem::internal(&error))?,
        voucher.status(state.handle.now().wall).as_str().to_owned(),
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

/// What taking a batch back came to.
#[derive(Debug, Serialize)]
pub(super) struct RevokedShape {
    revoked: u64,
    sessions_closed: usize,
}

/// `DELETE /api/v1/vouchers/batches/{id}`: takes all its vouchers back, and closes the sessions that came of them.
pub(super) async fn revoke(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<Json<RevokedShape>, Problem> {
    under.untagged()?;
    let id: i64 = id.parse().map_err(|_| Refusal::UnknownBatch)?;
    let (revoked, sessions_closed) = state.handle.revoke_batch(id).await?;
    let details = format!("{revoked} vouchers, {sessions_closed} sessions");
    state.audit.note(&allowed.caller, state.handle.now().wall, "voucher.revoke_batch", id, &details).await;
    Ok(Json(RevokedShape { revoked, sessions_closed }))
}

/// `POST /api/v1/vouchers/import`: a batch of codes that were made elsewhere; all of them or none.
pub(super) async fn import(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<NewVouchers>,
    request: Request,
) -> Result<Response, Problem> {
    let bytes: Bytes = read_body(request).await?;
    let read = read_codes(&bytes, state.codes.as_ref())?;
    let count = u32::try_from(read.len()).unwrap_or(u32::MAX);
    let batch = query.check(&state, Some(count)).await?;
    let lookups: Vec<[u8; 32]> = read.iter().map(|code| code.sealed.lookup).collect();
    let known = state.store.known_lookups(&lookups).await.map_err(store_failed)?;
    let mut wrong = Wrong::default();
    for code in read.iter().filter(|code| known.contains(&code.sealed.lookup)) {
        wrong.add(code.line, "this code is known already");
    }
    wrong.refuse()?;
    let (codes, sealed) = read.into_iter().map(|code| (code.code, code.sealed)).unzip();
    store_batch(&allowed, under, &state, &batch, codes, sealed).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SheetQuery {
    format: Option<String>,
    portal: Option<String>,
    page: Option<String>,
}

/// `GET /api/v1/vouchers/batches/{id}/sheet`: a page to be printed.
pub(super) async fn print(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    QueryParams(query): QueryParams<SheetQuery>,
) -> Result<Response, Problem> {
    let format = sheet::Format::read(query.format.as_deref())?;
    let portal = sheet::read_portal(query.portal.as_deref())?;
    let paging = Paging::read(query.page.as_deref(), None)?;
    let batch = find(&state, &id).await?;
    let wanted = VoucherQuery {
        batch: Some(batch.id),
        redeemed: Some(false),
        revoked: Some(false),
        page: paging.page,
        per_page: sheet::PER_PAGE,
        ..VoucherQuery::default()
    };
    let (found, total) = state.store.list_vouchers(&wanted).await.map_err(store_failed)?;
    tokio::task::spawn_blocking(move || {
        let codes: Result<Vec<String>, _> =
            found.iter().map(|listed| state.codes.unseal(&listed.code)).collect();
        let codes = codes.map_err(|error| Problem::internal(&error))?;
        let day = |at| state.handle.local_day(at).to_string();
        sheet::sheet(&batch, &codes, format, portal.as_deref(), state.currency, &day, (paging.page, total))
    })
    .await
    .map_err(|error| Problem::internal(&error))?
}
