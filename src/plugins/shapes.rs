use serde_json::{Value, json};

use crate::domain::{
    ClientDevice, ClientSession, Mbps, Plan, SessionTerms, SourceUsage, Text, Usage, WallTime, bytes_to_mb,
};

/// RFC 3339 in UTC, to the millisecond; null for years that have no such form.
pub(super) fn time(at: WallTime) -> Option<String> {
    at.rfc3339()
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 ms, longer than any session")]
fn secs(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

fn mbps(speed: Option<Mbps>) -> f64 {
    speed.map_or(0.0, Mbps::as_mbps)
}

/// A device.
pub(super) fn device(device: &ClientDevice) -> Value {
    json!({
        "id": device.id.to_string(),
        "mac": device.mac.to_string(),
        "ipv4": device.ipv4.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "ipv6": device.ipv6.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "hostname": device.hostname.as_ref().map(ToString::to_string),
        "alias": device.alias.as_ref().map(ToString::to_string),
        "zone": device.zone.as_ref().map(ToString::to_string),
        "roles": device.roles,
        "language": device.language.as_ref().map(ToString::to_string),
        "present": device.present,
        "blocked": device.blocked,
    })
}

fn totals(usage: &Usage) -> Value {
    json!({
        "time_used_secs": secs(usage.time_ms),
        "sent_mb": bytes_to_mb(usage.sent_bytes),
        "received_mb": bytes_to_mb(usage.received_bytes),
    })
}

/// The same with what these terms grant.
fn granting(terms: &SessionTerms, mut all: Value) -> Value {
    all["kind"] = json!(terms.kind.as_str());
    all["time_secs"] = json!(terms.time_limit_ms.map(|limit| limit / 1000));
    all["data_mb"] = json!(terms.data_limit_bytes.map(bytes_to_mb));
    all["exp_days"] = json!(terms.exp_days);
    all["down_mbps"] = json!(mbps(terms.down));
    all["up_mbps"] = json!(mbps(terms.up));
    all["use_global_speed"] = json!(terms.use_global_speed);
    all
}

/// A session, usage included.
pub(super) fn session(session: &ClientSession) -> Value {
    let (reason, reason_text) = session.state.reason();
    let all = json!({
        "id": session.id.to_string(),
        "device": session.device.to_string(),
        "provider": session.provider.to_string(),
        "reference": session.source,
        "state": session.state.as_str(),
        "reason": reason,
        "reason_text": reason_text.map(Text::as_str),
        "time_used_secs": secs(session.usage.time_ms),
        "time_left_secs": session.time_left_ms().map(secs),
        "data_used_mb": bytes_to_mb(session.usage.data_bytes()),
        "data_left_mb": session.data_left_bytes().map(bytes_to_mb),
        "created_at": time(session.created_at),
        "started_at": session.started_at.and_then(time),
        "expires_at": session.expires_at.and_then(time),
        "ended_at": session.ended_at.and_then(time),
        "plan": session.plan,
        "principal": session.principal,
        "properties": session.properties,
        "roles": session.roles,
    });
    granting(&session.terms, all)
}

/// A session's totals for its source.
pub(super) fn usage(usage: &SourceUsage) -> Value {
    json!({
        "reference": usage.reference,
        "session": usage.session.to_string(),
        "seq": usage.seq,
        "totals": totals(&usage.usage),
        "state": usage.state,
    })
}

/// A plan.
pub(super) fn plan(plan: &Plan) -> Value {
    let all = json!({
        "name": plan.name.as_str(),
        "title": plan.title.as_str(),
        "price": plan.price.0,
        "on_sale": plan.on_sale,
    });
    granting(&plan.terms, all)
}
