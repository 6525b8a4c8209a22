use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, ManageVouchers, Modify};
use super::list::{Page, Paging};
use super::once::NotKept;
use super::shapes::{TermsShape, time};
use super::terms::NewTerms;
use super::under::Under;
use crate::domain::{NewBatch, Refusal, Text, Voucher, VoucherBatch, WallTime};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::{StoreError, VoucherQuery};

fn store_failed(error: StoreError) -> Problem {
    Problem::internal(&error)
}

/// A voucher as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct VoucherShape {
    code: String,
    status: &'static str,
    batch: i64,
    name: Option<String>,
    #[serde(flatten)]
    terms: TermsShape,
    valid_from: Option<String>,
    valid_until: Option<String>,
    created_at: Option<String>,
    redeemed_at: Option<String>,
    revoked_at: Option<String>,
    device: Option<String>,
    session: Option<String>,
}

impl VoucherShape {
    fn new(voucher: &Voucher, code: String, now: WallTime) -> Self {
        let batch = &voucher.batch;
        let sale = voucher.redeemed;
        Self {
            code,
            status: voucher.status(now).as_str(),
            batch: batch.id,
            name: batch.name.as_ref().map(ToString::to_string),
            terms: TermsShape::new(&batch.terms),
            valid_from: batch.valid_from.and_then(time),
            valid_until: batch.valid_until.and_then(time),
            created_at: time(batch.created_at),
            redeemed_at: sale.and_then(|sale| time(sale.at)),
            revoked_at: voucher.revoked_at.and_then(time),
            device: sale.map(|sale| sale.device.to_string()),
            session: sale.map(|sale| sale.session.to_string()),
        }
    }
}

/// A batch that was just made, with its codes for printing.
#[derive(Debug, Serialize)]
pub(super) struct BatchShape {
    batch: i64,
    name: Option<String>,
    #[serde(flatten)]
    terms: TermsShape,
    valid_from: Option<String>,
    valid_until: Option<String>,
    created_at: Option<String>,
    count: u32,
    codes: Vec<String>,
}

impl BatchShape {
    fn new(batch: &VoucherBatch, codes: Vec<String>) -> Self {
        Self {
            batch: batch.id,
            name: batch.name.as_ref().map(ToString::to_string),
            terms: TermsShape::new(&batch.terms),
            valid_from: batch.valid_from.and_then(time),
            valid_until: batch.valid_until.and_then(time),
            created_at: time(batch.created_at),
            count: batch.count,
            codes,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    batch: Option<i64>,
    redeemed: Option<bool>,
    revoked: Option<bool>,
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
    let wanted = VoucherQuery {
        batch: query.batch,
        redeemed: query.redeemed,
        revoked: query.revoked,
        page: paging.page,
        per_page: paging.per_page,
        ..VoucherQuery::default()
    };
    let (found, total) = state.store.list_vouchers(&wanted).await.map_err(store_failed)?;
    let now = state.handle.now().wall;
    let items = found
        .iter()
        .map(|listed| {
            let code = state.codes.unseal(&listed.code).map_err(|error| Problem::internal(&error))?;
            Ok(VoucherShape::new(&listed.voucher, code, now))
        })
        .collect::<Result<_, Problem>>()?;
    Ok(Json(paging.of(items, total)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewVouchers {
    count: u32,
    name: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    kind: Option<String>,
    time_secs: Option<u64>,
    data_mb: Option<f64>,
    exp_days: Option<u32>,
    down_mbps: Option<f64>,
    up_mbps: Option<f64>,
    use_global_speed: Option<bool>,
}

impl NewVouchers {
    fn check(self) -> Result<NewBatch, Problem> {
        let terms = NewTerms {
            kind: self.kind,
            time_secs: self.time_secs,
            data_mb: self.data_mb,
            exp_days: self.exp_days,
            down_mbps: self.down_mbps,
            up_mbps: self.up_mbps,
            use_global_speed: self.use_global_speed,
        };
        let from = read_time("valid_from", self.valid_from.as_deref())?;
        let until = read_time("valid_until", self.valid_until.as_deref())?;
        let name = self.name.as_deref().map(Text::new);
        Ok(NewBatch::new(name, terms.check()?, from, until, self.count)?)
    }
}

fn read_time(field: &str, text: Option<&str>) -> Result<Option<WallTime>, Problem> {
    text.map(|text| {
        DateTime::parse_from_rfc3339(text)
            .map(|at| WallTime(at.timestamp_millis()))
            .map_err(|_| Problem::invalid_field(field, "must be a time as in 2026-12-31T18:00:00Z"))
    })
    .transpose()
}

/// `POST /api/v1/vouchers`: makes a batch; durable before it is answered.
pub(super) async fn create(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<NewVouchers>,
) -> Result<Response, Problem> {
    let once = under.untagged()?;
    let batch = body.check()?;
    let (maker, count) = (Arc::clone(&state.codes), batch.count());
    // Sealing a hundred thousand codes takes a while: not where others wait.
    let made = tokio::task::spawn_blocking(move || maker.new_codes(count))
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    let (codes, sealed): (Vec<String>, Vec<_>) = made.into_iter().unzip();
    let now = state.handle.now().wall;
    let batch = match once {
        Some(once) => state.store.create_batch_once(&batch, &sealed, &once).await.map_err(store_failed)??,
        None => state.store.create_batch(&batch, &sealed, now).await.map_err(store_failed)?,
    };
    let details = format!("{count} codes");
    state.audit.note(&allowed.caller, now, "voucher.create", batch.id, &details).await;
    Ok(batch_made(&batch, codes))
}

/// The answer that a batch was made. Its codes are kept nowhere but under the vouchers' key.
fn batch_made(batch: &VoucherBatch, codes: Vec<String>) -> Response {
    let mut response = (StatusCode::CREATED, Json(BatchShape::new(batch, codes))).into_response();
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
    Ok(Some(batch_made(&batch, codes.map_err(|error| Problem::internal(&error))?)))
}

/// The digest that a code in a path is found by.
fn lookup(state: &ApiState, code: &str) -> Result<[u8; 32], Problem> {
    state.codes.lookup(code).ok_or_else(|| Refusal::VoucherUnknown.into())
}

/// `GET /api/v1/vouchers/{code}`.
pub(super) async fn get(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    PathPart(code): PathPart,
) -> Result<Json<VoucherShape>, Problem> {
    let found = state.store.find_voucher(&lookup(&state, &code)?).await.map_err(store_failed)?;
    let voucher = found.ok_or(Refusal::VoucherUnknown)?;
    Ok(Json(VoucherShape::new(&voucher, code, state.handle.now().wall)))
}

/// `DELETE /api/v1/vouchers/{code}`: takes it back, and closes the session that it made. Again changes nothing.
pub(super) async fn revoke(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(code): PathPart,
) -> Result<Json<VoucherShape>, Problem> {
    under.untagged()?;
    let now = state.handle.now().wall;
    let revoked = state.handle.revoke_voucher(&code).await?;
    if !revoked.already {
        // Never the code: the log is not the place for money.
        let subject = format!("{}/{}", revoked.voucher.batch.id, revoked.voucher.id);
        state.audit.note(&allowed.caller, now, "voucher.revoke", subject, "").await;
    }
    Ok(Json(VoucherShape::new(&revoked.voucher, code, now)))
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
