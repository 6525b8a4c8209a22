use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, ManageVouchers};
use super::devices::find;
use super::list::{Page, Paging};
use super::shapes::time;
use super::under::Under;
use crate::domain::coin::CoinSlot;
use crate::domain::{ClientDevice, Currency, Occasion, Refusal, SessionKind};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::{Credit, CreditQuery, StoreError};

fn store_failed(error: StoreError) -> Problem {
    Refusal::from(error).into()
}

/// Money that a machine took, as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct CreditShape {
    id: i64,
    source: String,
    at: Option<String>,
    amount: String,
    currency: String,
    device: Option<String>,
    claimed_at: Option<String>,
    session: Option<String>,
    returned_at: Option<String>,
}

impl CreditShape {
    fn new(credit: &Credit, currency: Currency) -> Self {
        Self {
            id: credit.id,
            source: credit.source.clone(),
            at: time(credit.at),
            amount: currency.decimal(credit.amount),
            currency: currency.code().to_owned(),
            device: credit.device.map(|device| device.to_string()),
            claimed_at: credit.claimed_at.and_then(time),
            session: credit.session.map(|session| session.to_string()),
            returned_at: credit.returned_at.and_then(time),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    unclaimed: Option<bool>,
    source: Option<String>,
    device: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

/// `GET /api/v1/credits`: the newest first.
pub(super) async fn list(
    _allowed: Allowed<ManageVouchers>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<CreditShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let device = match &query.device {
        Some(dev) => Some(find(&state, dev).await?.id),
        None => None,
    };
    let wanted = CreditQuery {
        unclaimed: query.unclaimed,
        source: query.source,
        device,
        page: paging.page,
        per_page: paging.per_page,
    };
    let (found, total) = state.store.list_credits(&wanted).await.map_err(store_failed)?;
    let items = found.iter().map(|credit| CreditShape::new(credit, state.currency)).collect();
    Ok(Json(paging.of(items, total)))
}

/// The credit of a path.
async fn of(state: &ApiState, id: &str) -> Result<Credit, Problem> {
    let unknown = || Problem::unknown("no-credit", "No such credit", "there is no credit of this number");
    let id = id.parse().map_err(|_| unknown())?;
    state.store.credit(id).await.map_err(store_failed)?.ok_or_else(unknown)
}

fn one(state: &ApiState, credit: &Credit) -> Response {
    Json(CreditShape::new(credit, state.currency)).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claim {
    device: String,
    kind: Option<String>,
}

/// `POST /api/v1/credits/{id}/claim`: the credit is this device's, and all that the device has at that slot becomes a
/// session: 201 with it. 200 with the credit if it buys nothing yet.
pub(super) async fn claim(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<Claim>,
) -> Result<Response, Problem> {
    let kind = body.kind.as_deref().map(|kind| {
        SessionKind::from_name(kind)
            .ok_or_else(|| Problem::invalid_field("kind", "must be time, data or time_or_data"))
    });
    let kind = kind.transpose()?;
    let credit = of(&state, &id).await?;
    let slot = state.coin_slots.iter().find(|slot| slot.source() == credit.source).ok_or_else(|| {
        let detail = format!("{} is not in the configuration; the money can be returned", credit.source);
        Problem::conflict("no-coin-slot", "No such coin slot", detail)
    })?;
    let device = find(&state, &body.device).await?;
    let details = format!("credit {}", credit.id);
    let handle = under.untagged_handle(&state, allowed.caller.doing("credit.claim", &details))?;
    if credit.device != Some(device.id) {
        // Also what was claimed meanwhile, which is nobody's to give.
        if !state.store.assign_credit(credit.id, device.id).await.map_err(store_failed)? {
            return Err(Refusal::CreditClaimed.into());
        }
        let details = format!("device {}", device.id);
        state.audit.note(&allowed.caller, handle.now().wall, "credit.assign", credit.id, &details).await;
    }
    let found = state.store.unclaimed_credits(Some(&credit.source), Some(device.id)).await;
    let found = found.map_err(store_failed)?;
    if !found.iter().any(|other| other.id == credit.id) {
        return Err(Refusal::CreditClaimed.into());
    }
    let rows: Vec<_> = found.iter().map(|credit| (credit.id, credit.amount)).collect();
    let Some(sold) = slot.sell(kind, &rows, handle.believable(), uuid::Uuid::now_v7()) else {
        return Ok(one(&state, &of(&state, &id).await?));
    };
    let session = handle.grant(device.id, &slot.provider(), sold.data, Occasion::LogIn).await?;
    take_offer(&state, slot, &device);
    Ok(super::sessions::created(&session))
}

/// The device's page need not offer any more what it has got.
fn take_offer(state: &ApiState, slot: &CoinSlot, device: &ClientDevice) {
    let is_offer = state.handle.waiting(device.id).is_some_and(|(provider, waiting)| {
        provider == slot.provider() && waiting.until.is_none() && waiting.done.is_some()
    });
    if is_offer {
        state.handle.set_waiting(device.id, &slot.provider(), None);
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GiveBack {
    note: Option<String>,
}

/// `POST /api/v1/credits/{id}/return`: it was handed back over the counter. Again changes nothing.
pub(super) async fn give_back(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
    JsonBody(body): JsonBody<GiveBack>,
) -> Result<Response, Problem> {
    under.untagged()?;
    let credit = of(&state, &id).await?;
    let now = state.handle.now().wall;
    if state.store.return_credit(credit.id, state.handle.believable()).await.map_err(store_failed)? {
        let note = body.note.unwrap_or_default();
        let details = format!("{} {note}", state.currency.show(credit.amount));
        state.audit.note(&allowed.caller, now, "credit.return", credit.id, &details).await;
    }
    let credit = of(&state, &id).await?;
    if credit.returned_at.is_none() {
        return Err(Refusal::CreditClaimed.into());
    }
    Ok(one(&state, &credit))
}
