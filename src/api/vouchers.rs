use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::ApiState;
use super::auth::{Allowed, ManageVouchers, Modify};
use super::list::{Page, Paging, read_name};
use super::once::NotKept;
use super::under::Under;
use super::voucher_shapes::{BatchShape, VoucherDetail, VoucherShape};

use crate::domain::{NewBatch, Refusal, SealedCode, VoucherBatch, VoucherStatus};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::{ListedVoucher, StoreError, VoucherQuery};
use crate::wares::{NewVouchers, make_codes};

pub(super) fn store_failed(error: StoreError) -> Problem {
    Refusal::from(error).into()
}

/// The vouchers of a page as they are shown, with their codes.
pub(super) fn shapes(state: &ApiState, found: &[ListedVoucher]) -> Result<Vec<VoucherShape>, Problem> {
    let now = state.handle.now().wall;
    let shape = |listed: &ListedVoucher| {
        let code = state.codes.unseal(&listed.code).map_err(|error| Problem::internal(&error))?;
        Ok(VoucherShape::new(&listed.voucher, code, state.currency, now))
    };
    found.iter().map(shape).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    batch: Option<i64>,
    redeemed: Option<bool>,
    revoked: Option<bool>,
    status: Option<String>,
    plan: Option<String>,
    seller: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

/// `GET /api/v1/vouchers`: the newest batch first.
pub(super) async fn list(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<VoucherShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let statuses = VoucherStatus::ALL.map(|status| (status, status.as_str()));
    let status = read_name("status", query.status.as_deref(), &statuses)?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let wanted = VoucherQuery {
        batch: query.batch,
        redeemed: query.redeemed,
        revoked: query.revoked,
        status: status.map(|status| (status, state.handle.now().wall)),
        plan: given(query.plan),
        seller: given(query.seller),
        page: paging.page,
        per_page: paging.per_page,
    };
    let (found, total) = state.store.list_vouchers(&wanted).await.map_err(store_failed)?;
    Ok(Json(paging.of(shapes(&state, &found)?, total)))
}

/// `POST /api/v1/vouchers`: makes a batch; durable before it is answered.
pub(super) async fn create(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<NewVouchers>,
) -> Result<Response, Problem> {
    let batch = body.check(&state.store, state.currency, None).await?;
    let (codes, sealed) = make_codes(&state.codes, batch.count()).await?;
    store_batch(&allowed, under, &state, &batch, codes, sealed).await
}

/// Stores a batch with its codes, and answers with them.
pub(super) async fn store_batch(
    allowed: &Allowed<ManageVouchers>,
    under: Under,
    state: &ApiState,
    batch: &NewBatch,
    codes: Vec<String>,
    sealed: Vec<SealedCode>,
) -> Result<Response, Problem> {
    let now = state.handle.now().wall;
    let batch = match under.untagged()? {
        Some(once) => state.store.create_batch_once(batch, &sealed, &once).await.map_err(store_failed)??,
        None => state.store.create_batch(batch, &sealed, now).await.map_err(store_failed)?,
    };
    let details = format!("{} codes", batch.count);
    state.audit.note(&allowed.caller, now, "voucher.create", batch.id, &details).await;
    Ok(batch_made(state, &batch, codes))
}

/// The answer that a batch was made. Its codes are kept nowhere but under the vouchers' key.
fn batch_made(state: &ApiState, batch: &VoucherBatch, codes: Vec<String>) -> Response {
    let shape = BatchShape::new(batch, Some(codes), state.currency);
    let mut response = (StatusCode::CREATED, Json(shape)).into_response();
    response.extensions_mut().insert(NotKept);
    response
}

/// The answer that a batch was made, once more; `None` if there is no such batch.
pub(super) async fn batch_again(state: &ApiState, id: i64) -> Result<Option<Response>, Problem> {
    let wanted = VoucherQuery { batch: Some(id), page: 1, per_page: u32::MAX, ..VoucherQuery::default() };
    let (found, _) = state.store.list_vouchers(&wanted).await.map_err(store_failed)?;
    let Some(batch) = found.first().map(|listed| listed.voucher.batch.clone()) else { return Ok(None) };
    let reader = Arc::clone(&state.codes);
    let codes: Result<Vec<String>, _> =
        tokio::task::spawn_blocking(move || found.iter().map(|listed| reader.unseal(&listed.code)).collect())
            .await
            .map_err(|error| Problem::internal(&error))?;
    Ok(Some(batch_made(state, &batch, codes.map_err(|error| Problem::internal(&error))?)))
}

/// The voucher that a code in a path names, however that is typed.
async fn find(state: &ApiState, code: &str) -> Result<ListedVoucher, Problem> {
    let lookup = state.codes.lookup(code).ok_or(Refusal::VoucherUnknown)?;
    let found = state.store.find_voucher(&lookup).await.map_err(store_failed)?;
    let id = found.ok_or(Refusal::VoucherUnknown)?.id;
    Ok(state.store.voucher_by_id(id).await.map_err(store_failed)?.ok_or(Refusal::VoucherUnknown)?)
}

async fn detail(state: &ApiState, listed: ListedVoucher) -> Result<Json<VoucherDetail>, Problem> {
    let uses = state.store.voucher_uses(listed.voucher.id).await.map_err(store_failed)?;
    let code = state.codes.unseal(&listed.code).map_err(|error| Problem::internal(&error))?;
    let shape = VoucherShape::new(&listed.voucher, code, state.currency, state.handle.now().wall);
    let sessions =
        if uses.is_empty() { Vec::new() } else { state.handle.voucher_sessions(vec![listed]).await? };
    Ok(Json(VoucherDetail::new(shape, &uses, &sessions)))
}

/// `GET /api/v1/vouchers/{code}`.
pub(super) async fn get(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    PathPart(code): PathPart,
) -> Result<Json<VoucherDetail>, Problem> {
    let listed = find(&state, &code).await?;
    detail(&state, listed).await
}

/// `DELETE /api/v1/vouchers/{code}`: takes it back, and closes the sessions that came of it. Again changes nothing.
pub(super) async fn revoke(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(code): PathPart,
) -> Result<Json<VoucherDetail>, Problem> {
    under.untagged()?;
    let revoked = state.handle.revoke_voucher(&code).await?;
    if !revoked.already {
        // Never the code: the log is not the place for money.
        let subject = format!("{}/{}", revoked.voucher.batch.id, revoked.voucher.id);
        state.audit.note(&allowed.caller, state.handle.now().wall, "voucher.revoke", subject, "").await;
    }
    let listed = find(&state, &code).await?;
    detail(&state, listed).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Redeem {
    device: String,
}

/// `POST /api/v1/vouchers/{code}/redeem`: makes the session, which is then connected like any other.
pub(super) async fn redeem(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(code): PathPart,
    JsonBody(body): JsonBody<Redeem>,
) -> Result<Response, Problem> {
    let device = super::devices::find(&state, &body.device).await?;
    let handle = under.untagged_handle(&state, allowed.caller.doing("voucher.redeem", ""))?;
    let session = handle.redeem(&code, device.id).await?;
    Ok(super::sessions::created(&session))
}
