use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Administer, Allowed};
use super::list::{Page, Paging};
use super::once::NotKept;
use super::shapes::time;
use super::status::PageQuery;
use super::under::Under;
use crate::domain::{Permission, Refusal};
use crate::http::{JsonBody, PathPart, Problem, QueryParams};
use crate::store::{StoreError, Token, TokenText};

fn store_failed(error: StoreError) -> Problem {
    Refusal::from(error).into()
}

/// A token as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct TokenShape {
    id: i64,
    name: String,
    permissions: Vec<String>,
    created_at: Option<String>,
    revoked_at: Option<String>,
    /// Only in the answer that it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl TokenShape {
    fn new(token: &Token, text: Option<&TokenText>) -> Self {
        Self {
            id: token.id,
            name: token.name.to_string(),
            permissions: token.permissions.iter().map(ToString::to_string).collect(),
            created_at: time(token.created_at),
            revoked_at: token.revoked_at.and_then(time),
            token: text.map(|text| text.as_str().to_owned()),
        }
    }
}

/// `GET /api/v1/tokens`: revoked ones too.
pub(super) async fn list(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<PageQuery>,
) -> Result<Json<Page<TokenShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let tokens = state.store.list_tokens().await.map_err(store_failed)?;
    Ok(Json(paging.cut(tokens.iter().map(|token| TokenShape::new(token, None)).collect())))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
    permissions: Vec<String>,
}

/// `POST /api/v1/tokens`: the only answer that holds the token itself.
pub(super) async fn create(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<NewToken>,
) -> Result<Response, Problem> {
    let once = under.untagged()?;
    let permissions: Vec<Permission> = body
        .permissions
        .iter()
        .take(Token::MAX_PERMISSIONS + 1)
        .map(|name| name.parse().map_err(|error| Problem::invalid_field("permissions", error)))
        .collect::<Result<_, _>>()?;
    let (name, permissions) = Token::check(&body.name, permissions)?;
    let text = TokenText::random().map_err(|error| Problem::internal(&error))?;
    let now = state.handle.now().wall;
    let store = &state.store;
    let token = match once {
        Some(once) => {
            store.create_token_once(&name, &permissions, &text, &once).await.map_err(store_failed)??
        }
        None => store.create_token(&name, &permissions, &text, now).await.map_err(store_failed)?,
    };
    state.audit.note(&allowed.caller, now, "token.create", token.id, name.as_str()).await;
    let mut response = (StatusCode::CREATED, Json(TokenShape::new(&token, Some(&text)))).into_response();
    response.extensions_mut().insert(NotKept);
    Ok(response)
}

fn read_id(id: &str) -> Result<i64, Problem> {
    id.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::unknown("unknown-token", "Unknown token", "there is no such token")
}

/// `GET /api/v1/tokens/{id}`.
pub(super) async fn get(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<Json<TokenShape>, Problem> {
    let id = read_id(&id)?;
    let tokens = state.store.list_tokens().await.map_err(store_failed)?;
    let token = tokens.iter().find(|token| token.id == id).ok_or_else(unknown)?;
    Ok(Json(TokenShape::new(token, None)))
}

/// `DELETE /api/v1/tokens/{id}`: no longer accepted from now on.
pub(super) async fn revoke(
    allowed: Allowed<Administer>,
    under: Under,
    State(state): State<ApiState>,
    PathPart(id): PathPart,
) -> Result<Json<TokenShape>, Problem> {
    under.untagged()?;
    let now = state.handle.now().wall;
    let token = state.store.revoke_token(read_id(&id)?, now).await.map_err(store_failed)?;
    let token = token.ok_or_else(unknown)?;
    // Nobody may be listening.
    let _ = state.revoked.send(token.id);
    state.audit.note(&allowed.caller, now, "token.revoke", token.id, token.name.as_str()).await;
    Ok(Json(TokenShape::new(&token, None)))
}
