//! Accounts: who logs in, with what, and where they are logged in. Passwords go in and never come out.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, Caller, ManageVouchers, View};
use super::list::{Page, Paging};
use super::shapes::time;
use super::under::Under;
use crate::domain::{Account, AccountDevice, AccountName, PlanName, Refusal, TermsError, Text, WallTime};
use crate::http::{JsonBody, PathPair, PathPart, Problem, QueryParams};
use crate::store::{AccountPatch, AccountQuery, StoreError};
use crate::wares::{AccountFields, till};

fn store_failed(error: StoreError) -> Problem {
    Refusal::from(error).into()
}

/// A plan that an account was given.
#[derive(Debug, Serialize)]
struct AttachedShape {
    id: i64,
    plan: String,
    attached_at: Option<String>,
}

/// An account as the API shows it: never its password.
#[derive(Debug, Serialize)]
pub(super) struct AccountShape {
    name: String,
    full_name: Option<String>,
    note: Option<String>,
    plans: Vec<AttachedShape>,
    max_devices: u32,
    one_more: &'static str,
    disabled: bool,
    expires_at: Option<String>,
    roles: BTreeSet<String>,
    properties: BTreeMap<String, String>,
    created_at: Option<String>,
    devices: Vec<BoundShape>,
}

/// A device that is logged in.
#[derive(Debug, Serialize)]
pub(super) struct BoundShape {
    device: String,
    since: Option<String>,
    used_at: Option<String>,
}

impl BoundShape {
    fn new(bound: &AccountDevice) -> Self {
        Self { device: bound.device.to_string(), since: time(bound.bound_at), used_at: time(bound.used_at) }
    }
}

impl AccountShape {
    fn new(account: &Account, devices: &[AccountDevice]) -> Self {
        let attached = account.plans.iter().map(|attached| AttachedShape {
            id: attached.id,
            plan: attached.plan.to_string(),
            attached_at: time(attached.attached_at),
        });
        Self {
            name: account.name.to_string(),
            full_name: account.full_name.as_ref().map(ToString::to_string),
            note: account.note.as_ref().map(ToString::to_string),
            plans: attached.collect(),
            max_devices: account.max_devices,
            one_more: account.one_more.as_str(),
            disabled: account.disabled,
            expires_at: account.expires_at.and_then(time),
            roles: account.roles.clone(),
            properties: account.properties.clone(),
            created_at: time(account.created_at),
            devices: devices.iter().map(BoundShape::new).collect(),
        }
    }
}

/// The account that a path names: what cannot be a name is not known.
fn named(name: &str) -> Result<AccountName, Problem> {
    AccountName::parse(name).map_err(|_| Refusal::UnknownAccount.into())
}

async fn find(state: &ApiState, name: &AccountName) -> Result<Account, Problem> {
    let found = state.store.find_account(name).await.map_err(store_failed)?;
    Ok(found.ok_or(Refusal::UnknownAccount)?)
}

async fn shown(state: &ApiState, account: &Account) -> Result<AccountShape, Problem> {
    let devices = state.store.account_devices(account.id).await.map_err(store_failed)?;
    Ok(AccountShape::new(account, &devices))
}

async fn made(state: &ApiState, account: &Account) -> Result<Response, Problem> {
    let place = format!("/api/v1/accounts/{}", account.name);
    let shape = Json(shown(state, account).await?);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], shape).into_response())
}

/// The answer that an account was made or changed, once more; `None` if it is gone.
pub(super) async fn again(state: &ApiState, id: i64, is_new: bool) -> Result<Option<Response>, Problem> {
    let Some(account) = state.store.account_by_id(id).await.map_err(store_failed)? else { return Ok(None) };
    if is_new {
        return made(state, &account).await.map(Some);
    }
    Ok(Some(Json(shown(state, &account).await?).into_response()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    q: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

/// `GET /api/v1/accounts`: by name.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<AccountShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let wanted = AccountQuery { text: query.q, page: paging.page, per_page: paging.per_page };
    let (found, total) = state.store.list_accounts(&wanted).await.map_err(store_failed)?;
    let mut items = Vec::with_capacity(found.len());
    for account in &found {
        items.push(shown(&state, account).await?);
    }
    Ok(Json(paging.of(items, total)))
}

/// `POST /api/v1/accounts`.
pub(super) async fn create(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<AccountFields>,
) -> Result<Response, Problem> {
    let once = under.untagged()?;
    let new = body.new_account(&state.handle, &allowed.caller.actor).await?;
    let now = state.handle.now().wall;
    // What is paid is noted with it.
    let at = state.handle.believable();
    let account = state.store.create_account(&new, at, once.as_ref()).await.map_err(store_failed)??;
    state.audit.note(&allowed.caller, now, "account.create", &account.name, "").await;
    made(&state, &account).await
}

/// `GET /api/v1/accounts/{name}`.
pub(super) async fn get(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
) -> Result<Json<AccountShape>, Problem> {
    let account = find(&state, &named(&name)?).await?;
    Ok(Json(shown(&state, &account).await?))
}

/// Carries out a change, ends what must not go on, and answers.
async fn changed(
    state: &ApiState,
    caller: &Caller,
    under: Under,
    name: &AccountName,
    patch: &AccountPatch,
    what: (&'static str, &str),
) -> Result<Json<AccountShape>, Problem> {
    let once = under.untagged()?;
    let now = state.handle.now().wall;
    let change = state.store.change_account(name, patch, state.handle.believable(), once.as_ref()).await;
    let account = change.map_err(store_failed)??;
    state.handle.enforce_accounts().await?;
    state.audit.note(caller, now, what.0, &account.name, what.1).await;
    Ok(Json(shown(state, &account).await?))
}

/// `PATCH /api/v1/accounts/{name}`: what must not go on by it ends before it is answered.
pub(super) async fn change(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
    JsonBody(body): JsonBody<AccountFields>,
) -> Result<Json<AccountShape>, Problem> {
    let name = named(&name)?;
    if body.name.as_deref().is_some_and(|wanted| AccountName::parse(wanted).as_ref() != Ok(&name)) {
        return Err(Problem::invalid_field("name", "the name of an account stays as it is"));
    }
    if body.password.is_some() {
        let text = format!("is changed at /api/v1/accounts/{name}/password");
        return Err(Problem::invalid_field("password", text));
    }
    let details = match body.disabled {
        Some(true) => "disabled",
        Some(false) => "enabled",
        None => "",
    };
    let patch = body.patch(&allowed.caller.actor)?;
    changed(&state, &allowed.caller, under, &name, &patch, ("account.change", details)).await
}

/// `DELETE /api/v1/accounts/{name}`: its sessions end before it is answered.
pub(super) async fn delete(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
) -> Result<StatusCode, Problem> {
    under.untagged()?;
    let name = named(&name)?;
    if !state.store.delete_account(&name).await.map_err(store_failed)? {
        return Err(Refusal::UnknownAccount.into());
    }
    state.handle.enforce_accounts().await?;
    let now = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "account.delete", &name, "").await;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    password: String,
}

/// `POST /api/v1/accounts/{name}/password`: from now on; every device is logged out.
pub(super) async fn password(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
    JsonBody(body): JsonBody<NewPassword>,
) -> Result<Json<AccountShape>, Problem> {
    let name = named(&name)?;
    Account::check_password(&body.password)?;
    // Nobody's password is hashed for an account that is not there.
    find(&state, &name).await?;
    let password = Some(state.handle.hash_password(&body.password).await?);
    let patch = AccountPatch { password, ..AccountPatch::default() };
    changed(&state, &allowed.caller, under, &name, &patch, ("account.password", "")).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPlan {
    plan: String,
    paid: Option<bool>,
    note: Option<String>,
}

/// `POST /api/v1/accounts/{name}/plans`: one more plan, for its price if it is paid.
pub(super) async fn attach(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
    JsonBody(body): JsonBody<NewPlan>,
) -> Result<Json<AccountShape>, Problem> {
    let once = under.untagged()?;
    let (name, plan) = (named(&name)?, PlanName::parse(&body.plan));
    let plan = plan.map_err(|error| TermsError { field: "plan", ..error })?;
    let note = body.note.as_deref().map(Text::new).filter(|note| !note.is_empty());
    let till = till(body.paid, &allowed.caller.actor, note);
    let now = state.handle.now().wall;
    let sold_at = state.handle.believable();
    let attached = state.store.attach_plan(&name, &plan, till.as_ref(), sold_at, once.as_ref()).await;
    attached.map_err(store_failed)??;
    let details = if till.is_some() { format!("{plan}, paid") } else { plan.to_string() };
    state.audit.note(&allowed.caller, now, "account.attach", &name, &details).await;
    let account = find(&state, &name).await?;
    Ok(Json(shown(&state, &account).await?))
}

/// `GET /api/v1/accounts/{name}/devices`: where it is logged in, the longest unused first.
pub(super) async fn devices(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
) -> Result<Json<Vec<BoundShape>>, Problem> {
    let account = find(&state, &named(&name)?).await?;
    let devices = state.store.account_devices(account.id).await.map_err(store_failed)?;
    Ok(Json(devices.iter().map(BoundShape::new).collect()))
}

/// `DELETE /api/v1/accounts/{name}/devices/{dev}`: logs a device out; `all` is every one.
pub(super) async fn log_out(
    allowed: Allowed<ManageVouchers>,
    under: Under,
    State(state): State<ApiState>,
    PathPair(name, dev): PathPair,
) -> Result<StatusCode, Problem> {
    under.untagged()?;
    let name = named(&name)?;
    find(&state, &name).await?;
    let device = if dev == "all" { None } else { Some(super::devices::find(&state, &dev).await?.id) };
    let was_in = state.store.unbind(&name, device).await.map_err(store_failed)?;
    if !was_in && device.is_some() {
        return Err(Problem::unknown("not-logged-in", "Not logged in", "this device is not logged in as it"));
    }
    state.handle.enforce_accounts().await?;
    let now: WallTime = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "account.log_out", &name, &dev).await;
    Ok(StatusCode::NO_CONTENT)
}
