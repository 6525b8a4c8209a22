//! One change of all sessions that a filter selects, of those that are not over: all of them or none.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, Modify};
use super::filters::read_filter;
use super::messages::{read_lasts, read_text};
use super::properties::{FlatMap, read_patch};
use super::under::Under;
use crate::domain::Text;
use crate::domain::roles::canonical;
use crate::domain::sessions_mgr::BulkAct;
use crate::http::{JsonBody, Problem};

/// How many sessions were selected.
#[derive(Debug, Serialize)]
pub(super) struct Matched {
    matched: usize,
}

/// What is done, as the audit log names it, and to which sessions.
struct Wish {
    filter: String,
    dry_run: Option<bool>,
    action: &'static str,
    /// What exactly, in a few words.
    what: String,
    act: BulkAct,
}

impl Wish {
    async fn fulfil(
        self,
        allowed: &Allowed<Modify>,
        under: Under,
        state: &ApiState,
    ) -> Result<Json<Matched>, Problem> {
        let filter = read_filter("filter", &self.filter)?;
        let by = allowed.caller.doing(self.action, &format!("{}filter {}", self.what, self.filter));
        let handle = under.untagged_handle(state, by)?;
        let matched = handle.bulk(filter, self.act, self.dry_run == Some(true)).await?;
        Ok(Json(Matched { matched }))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Close {
    filter: String,
    reason: Option<String>,
    dry_run: Option<bool>,
}

/// `POST /api/v1/sessions:close`.
pub(super) async fn close(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<Close>,
) -> Result<Json<Matched>, Problem> {
    let reason = Text::new(body.reason.as_deref().unwrap_or(""));
    let what = if reason.is_empty() { String::new() } else { format!("reason {reason}; ") };
    let act = BulkAct::Close(reason);
    let wish = Wish { filter: body.filter, dry_run: body.dry_run, action: "sessions.close", what, act };
    wish.fulfil(&allowed, under, &state).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Properties {
    filter: String,
    properties: FlatMap,
    dry_run: Option<bool>,
}

/// `POST /api/v1/sessions:properties`.
pub(super) async fn properties(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<Properties>,
) -> Result<Json<Matched>, Problem> {
    let said = |(key, value): (&String, &Option<String>)| match value {
        Some(value) => format!("set {key}={value}; "),
        None => format!("delete {key}; "),
    };
    let what = body.properties.iter().map(said).collect();
    let act = BulkAct::Properties(read_patch(body.properties)?);
    let wish = Wish { filter: body.filter, dry_run: body.dry_run, action: "sessions.properties", what, act };
    wish.fulfil(&allowed, under, &state).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Roles {
    filter: String,
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
    dry_run: Option<bool>,
}

/// `POST /api/v1/sessions:roles`.
pub(super) async fn roles(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<Roles>,
) -> Result<Json<Matched>, Problem> {
    let patch = super::roles::read_patch(body.add, body.remove)?;
    let said = |verb: &str, roles: &std::collections::BTreeSet<String>| {
        if roles.is_empty() { String::new() } else { format!("{verb} {}; ", canonical(roles)) }
    };
    let what = said("add", &patch.add) + &said("remove", &patch.remove);
    let act = BulkAct::Roles(patch);
    let wish = Wish { filter: body.filter, dry_run: body.dry_run, action: "sessions.roles", what, act };
    wish.fulfil(&allowed, under, &state).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    filter: String,
    text: String,
    expires_secs: Option<u64>,
    dry_run: Option<bool>,
}

/// `POST /api/v1/sessions:message`: a device with several sessions that match gets one message.
pub(super) async fn message(
    allowed: Allowed<Modify>,
    under: Under,
    State(state): State<ApiState>,
    JsonBody(body): JsonBody<Message>,
) -> Result<Json<Matched>, Problem> {
    let (text, lasts_ms) = (read_text(&body.text)?, read_lasts(body.expires_secs)?);
    let what = format!("text {text}; ");
    let act = BulkAct::Message { text, lasts_ms, seed: uuid::Uuid::now_v7() };
    let wish = Wish { filter: body.filter, dry_run: body.dry_run, action: "sessions.message", what, act };
    wish.fulfil(&allowed, under, &state).await
}
