use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::auth::{Allowed, View};
use super::list::read_name;
use super::shapes::time;
use crate::domain::ZoneName;
use crate::domain::samples::{Sample, Span};
use crate::http::{Problem, QueryParams};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SamplesQuery {
    span: Option<String>,
    zone: Option<String>,
}

/// What happened in one slot of time. What is not told apart by zone is absent from a zone's.
#[derive(Debug, Serialize)]
struct SampleShape {
    at: Option<String>,
    step_secs: u32,
    covered_secs: f64,
    clients: Option<f64>,
    clients_most: u64,
    online_secs: f64,
    down_bytes: u64,
    up_bytes: u64,
    started: Option<u64>,
    ended: Option<u64>,
    repairs: Option<u64>,
    own_cpu_percent: Option<f64>,
    box_cpu_percent: Option<f64>,
    own_memory_kb: Option<u64>,
    box_memory_kb: Option<u64>,
    store_kb: Option<u64>,
    uplink_percent: Option<f64>,
}

/// What happened, slot by slot.
#[derive(Debug, Serialize)]
pub(super) struct SamplesShape {
    span: &'static str,
    zone: Option<String>,
    from: Option<String>,
    to: Option<String>,
    items: Vec<SampleShape>,
}

#[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

fn shape(sample: &Sample, is_whole: bool) -> SampleShape {
    let whole = &sample.whole;
    let of_all = |number: u64| is_whole.then_some(number);
    SampleShape {
        at: time(sample.at),
        step_secs: sample.tier.step_secs(),
        covered_secs: seconds(whole.covered_ms),
        clients: whole.clients(),
        clients_most: whole.clients_most,
        online_secs: seconds(whole.online_ms),
        down_bytes: whole.down_bytes,
        up_bytes: whole.up_bytes,
        started: of_all(whole.started),
        ended: of_all(whole.ended),
        repairs: of_all(whole.repairs),
        own_cpu_percent: whole.own_cpu_percent().filter(|_| is_whole),
        box_cpu_percent: whole.box_cpu_percent().filter(|_| is_whole),
        own_memory_kb: of_all(whole.own_memory_kb),
        box_memory_kb: of_all(whole.box_memory_kb),
        store_kb: of_all(whole.store_kb),
        uplink_percent: whole.uplink_percent().filter(|_| is_whole),
    }
}

/// `GET /api/v1/samples`: what happened in the last hour, day, week or month.
pub(super) async fn list(
    _allowed: Allowed<View>,
    State(state): State<ApiState>,
    QueryParams(query): QueryParams<SamplesQuery>,
) -> Result<Json<SamplesShape>, Problem> {
    let span = read_name("span", query.span.as_deref(), &Span::ALL)?.unwrap_or(Span::Hour);
    let zone = match query.zone.as_deref().filter(|zone| !zone.is_empty()) {
        Some(name) => {
            let zones = state.handle.survey_zones().await?;
            let known = zones.into_iter().find(|zone| zone.as_str() == name);
            Some(known.ok_or_else(|| Problem::invalid_field("zone", "there is no zone of that name"))?)
        }
        None => None,
    };
    let to = state.handle.believable();
    let samples = state.handle.samples(span, zone.as_ref()).await?;
    Ok(Json(SamplesShape {
        span: span.as_str(),
        from: time(to.plus_millis(-span.millis())),
        to: time(to),
        items: samples.iter().map(|sample| shape(sample, zone.is_none())).collect(),
        zone: zone.as_ref().map(ZoneName::as_str).map(str::to_owned),
    }))
}
