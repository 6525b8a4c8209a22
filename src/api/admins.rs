//! Admin accounts: who signs in to the admin pages. Passwords and secrets go in and never come out.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Administer, Allowed};
use super::list::{Page, Paging};
use super::shapes::time;
use super::status::PageQuery;
use super::under::Under;
use crate::domain::{AccountName, Admin, Permission, Refusal};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::{AdminPatch, NewAdmin, StoreError};

fn store_failed(error: StoreError) -> Problem {
    Refusal::from(error).into()
}

/// An admin account as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct AdminShape {
    name: String,
    permissions: Vec<String>,
    disabled: bool,
    totp: bool,
    created_at: Option<String>,
    signed_in_at: Option<String>,
}

impl AdminShape {
    fn new(admin: &Admin) -> Self {
        Self {
            name: admin.name.to_string(),
            permissions: admin.permissions.iter().map(ToString::to_string).collect(),
            disabled: admin.disabled,
            totp: admin.totp.is_some(),
            created_at: time(admin.created_at),
            signed_in_at: admin.signed_in_at.and_then(time),
        }
    }
}

fn read_permissions(names: &[String]) -> Result<Vec<Permission>, Problem> {
    let read = |name: &String| name.parse().map_err(|error| Problem::invalid_field("permissions", error));
    // What is too long is refused before it is read.
    if names.len() > Admin::MAX_PERMISSIONS {
        Admin::check_permissions(Vec::new())?;
    }
    Ok(Admin::check_permissions(names.iter().map(read).collect::<Result<_, Problem>>()?)?)
}

/// The account that a path names: what cannot be a name is not known.
fn named(name: &str) -> Result<AccountName, Problem> {
    AccountName::parse(name).map_err(|_| Refusal::UnknownAdmin.into())
}

fn made(admin: &Admin) -> Response {
    let place = format!("/api/v1/admins/{}", admin.name);
    (StatusCode::CREATED, [(header::LOCATION, place)], Json(AdminShape::new(admin))).into_response()
}

/// The answer that an account was made or changed, once more; `None` if it is gone.
pub(super) async fn again(state: &ApiState, id: i64, is_new: bool) -> Result<Option<Response>, Problem> {
    let found = state.store.admin(id).await.map_err(store_failed)?;
    let shown = |admin: Admin| {
        if is_new { made(&admin) } else { Json(AdminShape::new(&admin)).into_response() }
    };
    Ok(found.map(shown))
}

/// `GET /api/v1/admins`: by name.
pub(super) async fn list(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<Page<AdminShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let admins = state.store.list_admins().await.map_err(store_failed)?;
    Ok(Json(paging.cut(admins.iter().map(AdminShape::new).collect())))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFields {
    name: String,
    password: String,
    permissions: Vec<String>,
}

/// `POST /api/v1/admins`.
pub(super) async fn create(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<NewFields>,
) -> Result<Response, Problem> {
    let once = under.untagged()?;
    let name = AccountName::parse(&body.name)?;
    Admin::check_password(&body.password)?;
    let permissions = read_permissions(&body.permissions)?;
    let password = state.handle.hash_password(&body.password).await?;
    let new = NewAdmin { name, password, permissions, first: false };
    let now = state.handle.now().wall;
    let admin = state.store.create_admin(&new, now, once.as_ref()).await.map_err(store_failed)??;
    let details = body.permissions.join(" ");
    state.audit.note(&allowed.caller, now, "admin.create", &admin.name, &details).await;
    Ok(made(&admin))
}

async fn find(state: &ApiState, name: &str) -> Result<Admin, Problem> {
    let found = state.store.find_admin(&named(name)?).await.map_err(store_failed)?;
    Ok(found.ok_or(Refusal::UnknownAdmin)?)
}

/// `GET /api/v1/admins/{name}`.
pub(super) async fn get(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
) -> Result<Json<AdminShape>, Problem> {
    Ok(Json(AdminShape::new(&find(&state, &name).await?)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    permissions: Option<Vec<String>>,
    disabled: Option<bool>,
    totp: Option<bool>,
}

/// `PATCH /api/v1/admins/{name}`: holds from the next request of whoever is signed in as it.
pub(super) async fn change(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
    JsonBody(body): JsonBody<Change>,
) -> Result<Json<AdminShape>, Problem> {
    let once = under.untagged()?;
    if body.totp == Some(true) {
        let text =
            "can only be taken away here: who it is for turns it on, with a phone, on the page “My account”";
        return Err(Problem::invalid_field("totp", text));
    }
    let permissions = body.permissions.as_deref().map(read_permissions).transpose()?;
    let mut details: Vec<String> = Vec::new();
    details.extend(permissions.as_ref().map(|all| {
        let names: Vec<String> = all.iter().map(ToString::to_string).collect();
        format!("permissions {}", names.join(" "))
    }));
    details.extend(body.disabled.map(|disabled| (if disabled { "disabled" } else { "enabled" }).to_owned()));
    details.extend(body.totp.map(|_| "no one-time codes".to_owned()));
    let patch = AdminPatch {
        permissions,
        disabled: body.disabled,
        totp: body.totp.map(|_| None),
        ..AdminPatch::default()
    };
    let changed = state.store.change_admin(&named(&name)?, &patch, once.as_ref()).await;
    let admin = changed.map_err(store_failed)??;
    let now = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "admin.change", &admin.name, &details.join(", ")).await;
    Ok(Json(AdminShape::new(&admin)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    password: String,
}

/// `POST /api/v1/admins/{name}/password`: whoever is signed in as it has to sign in again.
pub(super) async fn password(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
    JsonBody(body): JsonBody<NewPassword>,
) -> Result<Json<AdminShape>, Problem> {
    let once = under.untagged()?;
    Admin::check_password(&body.password)?;
    // Nobody's password is hashed for an account that is not there.
    let known = find(&state, &name).await?;
    let password = Some(state.handle.hash_password(&body.password).await?);
    let patch = AdminPatch { password, ..AdminPatch::default() };
    let changed = state.store.change_admin(&known.name, &patch, once.as_ref()).await;
    let admin = changed.map_err(store_failed)??;
    let now = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "admin.password", &admin.name, "").await;
    Ok(Json(AdminShape::new(&admin)))
}

/// `DELETE /api/v1/admins/{name}`: never the last that may do everything.
pub(super) async fn delete(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(name): PathPart,
) -> Result<StatusCode, Problem> {
    under.untagged()?;
    let name = named(&name)?;
    state.store.delete_admin(&name).await.map_err(store_failed)??;
    let now = state.handle.now().wall;
    state.audit.note(&allowed.caller, now, "admin.delete", &name, "").await;
    Ok(StatusCode::NO_CONTENT)
}

/// What the first admin account is made with.
#[derive(Debug, Serialize)]
pub(super) struct SetupShape {
    setup_code: String,
}

/// `GET /api/v1/setup_code`: for root on the socket only.
pub(super) async fn setup_code(
    allowed: Allowed<Administer>,
    State(state): State<ApiState>,
) -> Result<Json<SetupShape>, Problem> {
    if allowed.token.is_some() {
        let text = "the set-up code is told to root on the control socket only";
        return Err(Problem::new(StatusCode::FORBIDDEN, "root-only", "Only root may ask", text));
    }
    if state.store.any_admin().await.map_err(store_failed)? {
        let text = "there is an admin account already: no set-up code is needed";
        return Err(Problem::conflict("set-up", "The admin pages are set up", text));
    }
    Ok(Json(SetupShape { setup_code: state.handle.setup_code()?.to_string() }))
}
