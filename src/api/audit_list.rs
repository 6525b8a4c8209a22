use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Administer, Allowed};
use super::list::{Page, Paging, read_time};
use super::shapes::time;
use crate::domain::{AuditFields, Refusal};
use crate::http::{Problem, QueryParams};
use crate::store::{AuditQuery, LoggedAudit};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    q: Option<String>,
    actor: Option<String>,
    action: Option<String>,
    subject: Option<String>,
    since: Option<String>,
    until: Option<String>,
    page: Option<String>,
    per_page: Option<String>,
}

/// A line of the audit log as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct AuditShape {
    id: i64,
    at: Option<String>,
    actor: String,
    action: String,
    subject: Option<String>,
    details: Option<String>,
    origin: String,
    before: Option<AuditFields>,
    after: Option<AuditFields>,
}

impl AuditShape {
    fn new(line: LoggedAudit) -> Self {
        Self {
            id: line.id,
            at: time(line.at),
            actor: line.actor.to_string(),
            action: line.action,
            subject: line.subject.map(|subject| subject.to_string()),
            details: (!line.details.is_empty()).then(|| line.details.to_string()),
            origin: line.origin.to_string(),
            before: line.before,
            after: line.after,
        }
    }
}

/// `GET /api/v1/audit`: who changed what, when, from where; newest first.
pub(super) async fn list(
    _allowed: Allowed<Administer>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Result<Json<Page<AuditShape>>, Problem> {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let wanted = AuditQuery {
        q: given(query.q),
        actor: given(query.actor),
        action: given(query.action),
        subject: given(query.subject),
        since: read_time("since", query.since.as_deref())?,
        until: read_time("until", query.until.as_deref())?,
        page: paging.page,
        per_page: paging.per_page,
    };
    // What was just done is to be seen.
    state.audit.flush().await;
    let (lines, total) = state.store.audit(&wanted).await.map_err(Refusal::from)?;
    Ok(Json(paging.of(lines.into_iter().map(AuditShape::new).collect(), total)))
}
