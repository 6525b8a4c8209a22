use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, ManageVouchers};
use super::list::{Page, Paging};
use super::under::Under;
use super::voucher_shapes::BatchShape;
use super::vouchers::{store_batch, store_failed};
use crate::domain::{Refusal, VoucherBatch};
use crate::http::{PathPart, Problem, QueryParams, read_body};
use crate::wares::{Format, Layout, NewVouchers, Stock, Wrong, read_codes, read_portal};

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

fn stock(state: &ApiState) -> Stock {
    let (handle, store, codes) = (state.handle.clone(), state.store.clone(), Arc::clone(&state.codes));
    Stock { handle, store, codes, currency: state.currency }
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
            stock(&state).export(&batch).await
        }
        None => {
            let batch = find(&state, &id).await?;
            Ok(Json(BatchShape::new(&batch, None, state.currency)).into_response())
        }
    }
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
    let batch = query.check(&state.store, state.currency, Some(count)).await?;
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
    let format = Format::read(query.format.as_deref())?;
    let portal = read_portal(query.portal.as_deref())?;
    let paging = Paging::read(query.page.as_deref(), None)?;
    let batch = find(&state, &id).await?;
    let layout = Layout { format, portal, ways: None };
    stock(&state).print(batch, layout, paging.page).await
}
