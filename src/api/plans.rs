use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::ApiState;
use super::auth::{Allowed, ManageVouchers, View};
use super::list::{Page, Paging};
use super::shapes::TermsShape;
use super::status::PageQuery;
use super::under::{Under, shown};
use crate::domain::{Currency, Plan, Refusal, Tag, Text};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::StoreError;
use crate::wares::{AtEndShape, PlanFields, RepeatShape};

fn store_failed(error: StoreError) -> Problem {
    Refusal::from(error).into()
}

/// A plan as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct PlanShape {
    name: String,
    title: String,
    #[serde(flatten)]
    terms: TermsShape,
    price: String,
    currency: String,
    roles: BTreeSet<String>,
    properties: BTreeMap<String, String>,
    at_end: AtEndShape,
    repeat: Option<RepeatShape>,
    max_devices: u32,
    on_sale: bool,
}

impl PlanShape {
    fn new(plan: &Plan, currency: Currency) -> Self {
        Self {
            name: plan.name.to_string(),
            title: plan.title.to_string(),
            terms: TermsShape::new(&plan.terms),
            price: currency.decimal(plan.price),
            currency: currency.code().to_owned(),
            roles: plan.roles.clone(),
            properties: plan.properties.clone(),
            at_end: AtEndShape::new(plan.at_end),
            repeat: plan.repeat.map(RepeatShape::new),
            max_devices: plan.max_devices,
            on_sale: plan.on_sale,
        }
    }
}

fn tagged(plan: &Plan, currency: Currency) -> Response {
    ([(header::ETAG, shown(Tag::of_plan(plan)))], Json(PlanShape::new(plan, currency))).into_response()
}

fn made(plan: &Plan, currency: Currency) -> Response {
    let place = format!("/api/v1/plans/{}", plan.name);
    (StatusCode::CREATED, [(header::LOCATION, place)], tagged(plan, currency)).into_response()
}

/// The answer that a plan was made or changed, once more; `None` if it is gone.
pub(super) async fn again(state: &ApiState, id: i64, is_new: bool) -> Result<Option<Response>, Problem> {
    let plan = state.store.plan_by_id(id).await.map_err(store_failed)?;
    let show = if is_new { made } else { tagged };
    Ok(plan.map(|plan| show(&plan, state.currency)))
}

/// `GET /api/v1/plans`: by name.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<Page<PlanShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let plans = state.store.list_plans().await.map_err(store_failed)?;
    Ok(Json(paging.cut(plans.iter().map(|plan| PlanShape::new(plan, state.currency)).collect())))
}

/// `GET /api/v1/plans/{name}`.
pub(super) async fn get(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
) -> Result<Response, Problem> {
    let plan = state.store.find_plan(&name).await.map_err(store_failed)?;
    let plan = plan.ok_or_else(|| Refusal::UnknownPlan(Text::new(&name).to_string()))?;
    Ok(tagged(&plan, state.currency))
}

/// `POST /api/v1/plans`.
pub(super) async fn create(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<PlanFields>,
) -> Result<Response, Problem> {
    let once = under.untagged()?;
    let plan = body.new_plan(state.currency)?;
    let now = state.handle.now().wall;
    state.store.create_plan(&plan, now, once.as_ref()).await.map_err(store_failed)??;
    state.audit.note(&allowed.caller, now, "plan.create", &plan.name, "").await;
    Ok(made(&plan, state.currency))
}

/// `PATCH /api/v1/plans/{name}`: for what is sold from now on.
pub(super) async fn change(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
    JsonBody(body): JsonBody<PlanFields>,
) -> Result<Response, Problem> {
    if body.name.as_ref().is_some_and(|wanted| *wanted != name) {
        return Err(Problem::invalid_field("name", "the name of a plan stays as it is"));
    }
    let (now, currency) = (state.handle.now().wall, state.currency);
    let change = |plan| body.apply(plan, currency);
    let changed = state.store.change_plan(&name, now, &under.of_plan(), change).await;
    let plan = changed.map_err(store_failed)??;
    state.audit.note(&allowed.caller, now, "plan.change", &plan.name, "").await;
    Ok(tagged(&plan, currency))
}

/// `DELETE /api/v1/plans/{name}`: only what nothing refers to.
pub(super) async fn delete(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
) -> Result<StatusCode, Problem> {
    let plan = state.store.delete_plan(&name, &under.of_plan()).await.map_err(store_failed)??;
    state.audit.note(&allowed.caller, state.handle.now().wall, "plan.delete", &plan.name, "").await;
    Ok(StatusCode::NO_CONTENT)
}
