use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::auth::{Allowed, ManageVouchers, View};
use super::list::{Page, Paging, null_is_some};
use super::shapes::{TermsShape, mbps};
use super::status::PageQuery;
use super::terms::NewTerms;
use super::under::{Under, shown};
use super::{ApiState, roles};
use crate::domain::{
    AtEnd, ClientRates, Currency, Every, Mbps, Money, Plan, PlanName, PropertyPatch, Refusal, Repeat,
    SessionKind, SessionTerms, SlowEnd, Tag, Text, bytes_to_mb,
};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::StoreError;

fn store_failed(error: StoreError) -> Problem {
    Problem::internal(&error)
}

/// How a session goes on at its end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AtEndShape {
    CutOff,
    Slow(SlowShape),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlowShape {
    #[serde(default)]
    down_mbps: f64,
    #[serde(default)]
    up_mbps: f64,
    secs: u64,
}

impl AtEndShape {
    pub(super) fn new(at_end: AtEnd) -> Self {
        match at_end {
            AtEnd::CutOff => Self::CutOff,
            AtEnd::Slow(SlowEnd { rates, lasts_ms }) => Self::Slow(SlowShape {
                down_mbps: mbps(rates.down),
                up_mbps: mbps(rates.up),
                secs: lasts_ms / 1000,
            }),
        }
    }

    pub(super) fn read(value: Value) -> Result<AtEnd, Problem> {
        let shape = serde_json::from_value(value).map_err(|error| {
            Problem::invalid_field("at_end", format!("must be \"cut_off\" or {{\"slow\": …}}: {error}"))
        })?;
        Ok(match shape {
            Self::CutOff => AtEnd::CutOff,
            Self::Slow(slow) => {
                let speed =
                    |mbps| Mbps::from_mbps(mbps).map_err(|error| Problem::invalid_field("at_end", error));
                let rates = ClientRates { down: speed(slow.down_mbps)?, up: speed(slow.up_mbps)? };
                // What is beyond any session is refused with the plan.
                AtEnd::Slow(SlowEnd { rates, lasts_ms: slow.secs.saturating_mul(1000) })
            }
        })
    }
}

/// How often it comes anew.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepeatShape {
    every: String,
    #[serde(default)]
    at_hour: u8,
}

impl RepeatShape {
    pub(super) fn new(repeat: Repeat) -> Self {
        Self { every: repeat.every.as_str().to_owned(), at_hour: repeat.at_hour }
    }

    pub(super) fn read(value: Value) -> Result<Repeat, Problem> {
        let wrong = |problem: String| Problem::invalid_field("repeat", problem);
        let shape: Self = serde_json::from_value(value)
            .map_err(|error| wrong(format!("must be {{\"every\": …, \"at_hour\": …}}: {error}")))?;
        let every = Every::from_name(&shape.every)
            .ok_or_else(|| wrong("every must be one of day, week, month".to_owned()))?;
        Ok(Repeat { every, at_hour: shape.at_hour })
    }
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

/// Reads an amount of money in the site's currency.
pub(super) fn read_price(field: &str, text: &str, currency: Currency) -> Result<Money, Problem> {
    currency.read(text).ok_or_else(|| {
        let example = currency.decimal(Money(1250));
        let text =
            format!("must be an amount in {} that is not negative, as in {example:?}", currency.code());
        Problem::invalid_field(field, text)
    })
}

/// Reads properties that sessions will have.
pub(super) fn read_properties(
    properties: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Problem> {
    let wanted = properties.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    PropertyPatch::new(wanted)
        .map_err(|error| Problem::invalid_field("properties", Refusal::Property(error)))?;
    Ok(properties)
}

/// A new plan, or what is to be different about one; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFields {
    name: Option<String>,
    title: Option<String>,
    kind: Option<String>,
    #[serde(default, deserialize_with = "null_is_some")]
    time_secs: Option<Option<u64>>,
    #[serde(default, deserialize_with = "null_is_some")]
    data_mb: Option<Option<f64>>,
    #[serde(default, deserialize_with = "null_is_some")]
    exp_days: Option<Option<u32>>,
    down_mbps: Option<f64>,
    up_mbps: Option<f64>,
    use_global_speed: Option<bool>,
    price: Option<String>,
    roles: Option<Vec<String>>,
    properties: Option<BTreeMap<String, String>>,
    at_end: Option<Value>,
    #[serde(default, deserialize_with = "null_is_some")]
    repeat: Option<Option<Value>>,
    max_devices: Option<u32>,
    on_sale: Option<bool>,
}

impl PlanFields {
    /// A plan of these fields alone.
    fn new_plan(self, currency: Currency) -> Result<Plan, Problem> {
        let name =
            self.name.as_deref().ok_or_else(|| Problem::invalid_field("name", "a plan needs a name"))?;
        let name = PlanName::parse(name)?;
        let blank = Plan {
            title: Text::new(name.as_str()),
            name,
            terms: self.terms(None)?,
            price: Money::ZERO,
            roles: BTreeSet::new(),
            properties: BTreeMap::new(),
            at_end: AtEnd::CutOff,
            repeat: None,
            max_devices: 1,
            on_sale: true,
        };
        self.apply(blank, currency)
    }

    /// The plan with these fields.
    fn apply(self, plan: Plan, currency: Currency) -> Result<Plan, Problem> {
        let terms = self.terms(Some(&plan.terms))?;
        Ok(Plan {
            terms,
            title: self.title.as_deref().map_or(plan.title, Text::new),
            price: match self.price {
                Some(text) => read_price("price", &text, currency)?,
                None => plan.price,
            },
            roles: match self.roles {
                Some(names) => roles::read("roles", names)?,
                None => plan.roles,
            },
            properties: match self.properties {
                Some(properties) => read_properties(properties)?,
                None => plan.properties,
            },
            at_end: match self.at_end {
                Some(value) => AtEndShape::read(value)?,
                None => plan.at_end,
            },
            repeat: match self.repeat {
                Some(value) => value.map(RepeatShape::read).transpose()?,
                None => plan.repeat,
            },
            max_devices: self.max_devices.unwrap_or(plan.max_devices),
            on_sale: self.on_sale.unwrap_or(plan.on_sale),
            name: plan.name,
        })
    }

    /// The terms; limits that another kind had are gone with it.
    fn terms(&self, known: Option<&SessionTerms>) -> Result<SessionTerms, Problem> {
        let kind = self.kind.clone().or_else(|| known.map(|known| known.kind.as_str().to_owned()));
        let becomes = kind.as_deref().and_then(SessionKind::from_name);
        let speed = |given: Option<f64>, known: Option<Mbps>| given.or_else(|| Some(mbps(known)));
        let secs = known.and_then(|known| known.time_limit_ms).map(|limit| limit / 1000);
        let mb = known.and_then(|known| known.data_limit_bytes).map(bytes_to_mb);
        NewTerms {
            kind,
            time_secs: self
                .time_secs
                .unwrap_or(secs.filter(|_| becomes.is_none_or(|kind| kind != SessionKind::Data))),
            data_mb: self
                .data_mb
                .unwrap_or(mb.filter(|_| becomes.is_none_or(|kind| kind != SessionKind::Time))),
            exp_days: self.exp_days.unwrap_or(known.and_then(|known| known.exp_days)),
            down_mbps: speed(self.down_mbps, known.and_then(|known| known.down)),
            up_mbps: speed(self.up_mbps, known.and_then(|known| known.up)),
            use_global_speed: self.use_global_speed.or(known.map(|known| known.use_global_speed)),
        }
        .check()
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
