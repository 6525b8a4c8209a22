use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, View};
use super::devices::find;
use super::list::{Page, Paging};
use super::shapes::{TermsShape, secs, time};
use crate::domain::{ProviderName, SourceData, bytes_to_mb};
use crate::http::{PathPart, Problem, QueryParams};

/// What a provider has for a device, as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct OfferShape {
    provider: String,
    reference: Option<String>,
    #[serde(flatten)]
    terms: TermsShape,
    time_used_secs: f64,
    data_used_mb: f64,
    expires_at: Option<String>,
    plan: Option<String>,
    principal: Option<String>,
    properties: BTreeMap<String, String>,
    roles: BTreeSet<String>,
}

impl OfferShape {
    fn new((provider, data): (ProviderName, SourceData)) -> Self {
        Self {
            provider: provider.to_string(),
            reference: data.reference,
            terms: TermsShape::new(&data.terms),
            time_used_secs: secs(data.usage.time_ms),
            data_used_mb: bytes_to_mb(data.usage.data_bytes()),
            expires_at: data.expires_at.and_then(time),
            plan: data.plan,
            principal: data.principal,
            properties: data.properties,
            roles: data.roles,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfferQuery {
    page: Option<String>,
    per_page: Option<String>,
}

/// `GET /api/v1/devices/{dev}/offers`: what the providers of its zone have for it, asked now, in their order.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    PathPart(dev): PathPart,
    QueryParams(query): QueryParams<OfferQuery>,
) -> Result<Json<Page<OfferShape>>, Problem> {
    let device = find(&state, &dev).await?;
    let mut paging = Paging::read(query.page.as_deref(), query.per_page.as_deref())?;
    paging.per_page = paging.per_page.min(MOST);
    let (found, total) = state.handle.registry().fetch_all(&device, paging.page, paging.per_page).await;
    Ok(Json(paging.of(found.into_iter().map(OfferShape::new).collect(), total)))
}

/// Items of a page at most: each provider is asked for as many.
const MOST: u32 = 100;
