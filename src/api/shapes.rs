use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::{ClientDevice, ClientSession, DeviceStatus, SessionTerms, bytes_to_mb};
pub(super) use crate::wares::{mbps, rfc3339 as time};

/// Seconds of milliseconds.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ms, longer than any session")]
pub(super) fn secs(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

/// A device as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct DeviceShape {
    id: String,
    mac: String,
    ipv4: Vec<String>,
    ipv6: Vec<String>,
    hostname: Option<String>,
    alias: Option<String>,
    status: &'static str,
    connected: bool,
    present: bool,
    zone: Option<String>,
    roles: BTreeSet<String>,
    first_seen: Option<String>,
    last_seen: Option<String>,
}

impl DeviceShape {
    pub(super) fn new(device: &ClientDevice, connected: bool) -> Self {
        Self {
            id: device.id.to_string(),
            mac: device.mac.to_string(),
            ipv4: device.ipv4.iter().map(ToString::to_string).collect(),
            ipv6: device.ipv6.iter().map(ToString::to_string).collect(),
            hostname: device.hostname.as_ref().map(ToString::to_string),
            alias: device.alias.as_ref().map(ToString::to_string),
            status: DeviceStatus::of(device, connected).as_str(),
            connected,
            present: device.present,
            zone: device.zone.as_ref().map(ToString::to_string),
            roles: device.roles.clone(),
            first_seen: time(device.first_seen),
            last_seen: device.last_seen.and_then(time),
        }
    }
}

/// What a session or a voucher grants, as the API shows it; part of both.
#[derive(Debug, Serialize)]
pub(super) struct TermsShape {
    kind: &'static str,
    time_secs: Option<u64>,
    data_mb: Option<f64>,
    exp_days: Option<u32>,
    down_mbps: f64,
    up_mbps: f64,
    use_global_speed: bool,
}

impl TermsShape {
    pub(super) fn new(terms: &SessionTerms) -> Self {
        Self {
            kind: terms.kind.as_str(),
            time_secs: terms.time_limit_ms.map(|limit| limit / 1000),
            data_mb: terms.data_limit_bytes.map(bytes_to_mb),
            exp_days: terms.exp_days,
            down_mbps: mbps(terms.down),
            up_mbps: mbps(terms.up),
            use_global_speed: terms.use_global_speed,
        }
    }
}

/// A session as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct SessionShape {
    id: String,
    device: String,
    provider: String,
    state: &'static str,
    /// Why it is paused, or why it ended.
    reason: Option<&'static str>,
    /// What whoever closed it said.
    reason_text: Option<String>,
    #[serde(flatten)]
    terms: TermsShape,
    time_used_secs: f64,
    time_left_secs: Option<f64>,
    data_used_mb: f64,
    data_left_mb: Option<f64>,
    sent_mb: f64,
    received_mb: f64,
    created_at: Option<String>,
    started_at: Option<String>,
    resumed_at: Option<String>,
    expires_at: Option<String>,
    ended_at: Option<String>,
    plan: Option<String>,
    principal: Option<String>,
    properties: BTreeMap<String, String>,
    roles: BTreeSet<String>,
}

impl SessionShape {
    pub(super) fn new(session: &ClientSession) -> Self {
        let (reason, reason_text) = session.state.reason();
        Self {
            id: session.id.to_string(),
            device: session.device.to_string(),
            provider: session.provider.to_string(),
            state: session.state.as_str(),
            reason,
            reason_text: reason_text.map(ToString::to_string),
            terms: TermsShape::new(&session.terms),
            time_used_secs: secs(session.usage.time_ms),
            time_left_secs: session.time_left_ms().map(secs),
            data_used_mb: bytes_to_mb(session.usage.data_bytes()),
            data_left_mb: session.data_left_bytes().map(bytes_to_mb),
            sent_mb: bytes_to_mb(session.usage.sent_bytes),
            received_mb: bytes_to_mb(session.usage.received_bytes),
            created_at: time(session.created_at),
            started_at: session.started_at.and_then(time),
            resumed_at: session.resumed_at.and_then(time),
            expires_at: session.expires_at.and_then(time),
            ended_at: session.ended_at.and_then(time),
            plan: session.plan.clone(),
            principal: session.principal.clone(),
            properties: session.properties.clone(),
            roles: session.roles.clone(),
        }
    }
}
