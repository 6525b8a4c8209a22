//! What happened to a device or a session, newest first: the events, and for those who may read the audit log its lines.

use axum::response::Response;

use super::name::Name;
use crate::admin::clerk::Clerk;
use crate::admin::page::failed;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::domain::{AuditFields, DeviceId, EventKind, SessionId, WallTime};
use crate::store::{AuditQuery, LoggedAudit, LoggedEvent};

/// So many of each are shown.
const MOST: u32 = 50;

/// Something that happened.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: String,
    pub(super) what: &'static str,
    /// More of it.
    pub(super) details: Name,
    /// Who did it, as far as that is for this reader.
    pub(super) by: Option<Name>,
}

/// What happened to a device, or to one session of it.
pub(super) async fn of(
    state: &AdminState,
    clerk: &Clerk,
    device: Option<DeviceId>,
    session: Option<SessionId>,
) -> Result<Vec<Line>, Response> {
    let events =
        state.store.events_about(device, session, MOST).await.map_err(|error| failed(state, &error))?;
    let mut lines: Vec<(WallTime, Line)> = events.iter().map(|event| of_event(state, event)).collect();
    if clerk.administers() {
        let subject = session.map(|id| id.to_string()).or_else(|| device.map(|id| id.to_string()));
        let wanted = AuditQuery { subject, page: 1, per_page: MOST, ..AuditQuery::default() };
        let (audit, _) = state.store.audit(&wanted).await.map_err(|error| failed(state, &error))?;
        lines.extend(audit.into_iter().map(|line| of_audit(state, line)));
    }
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    lines.truncate(MOST as usize);
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

fn of_event(state: &AdminState, logged: &LoggedEvent) -> (WallTime, Line) {
    let event = &logged.event;
    let is_change = matches!(event.kind, EventKind::SessionChanged(_));
    let previous = |(field, value): (&str, String)| match field {
        field if is_change => format!("{field} was {value}"),
        "reason" => value,
        field => format!("{field} {value}"),
    };
    let kept = event.kind.details().into_iter().filter(|(_, value)| !value.is_empty());
    let details: Vec<String> = kept.map(previous).collect();
    let line = Line {
        at: shown::time(event.at, &*state.place),
        what: happened(&event.kind),
        details: Name::whole(details.join(", ")),
        by: None,
    };
    (event.at, line)
}

const fn happened(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::SessionCreated => "session made",
        EventKind::SessionConnected => "session started",
        EventKind::SessionDisconnected => "session cut off",
        EventKind::SessionPaused(_) => "session paused",
        EventKind::SessionResumed => "session resumed",
        EventKind::SessionChanged(_) => "session changed",
        EventKind::SessionConsumed(_) => "session used up",
        EventKind::SessionExpired => "session expired",
        EventKind::SessionClosed(..) => "session closed",
        EventKind::SessionDeleted => "session deleted",
        EventKind::DeviceCreated => "device known",
        EventKind::DeviceUpdated => "device changed",
        EventKind::DeviceConnected => "device let through",
        EventKind::DeviceDisconnected => "device captive",
        EventKind::DeviceBlocked => "device blocked",
        EventKind::DeviceUnblocked => "device unblocked",
        EventKind::DeviceDeleted => "device forgotten",
        EventKind::GatewayStarted => "gateway started",
        EventKind::GatewayRecovered(_) => "gateway recovered",
    }
}

fn of_audit(state: &AdminState, line: LoggedAudit) -> (WallTime, Line) {
    let mut details = vec![line.action];
    details.extend((!line.details.is_empty()).then(|| line.details.to_string()));
    details.extend(difference(line.before.as_ref(), line.after.as_ref()));
    let shown = Line {
        at: shown::time(line.at, &*state.place),
        what: "done by hand",
        details: Name::whole(details.join(": ")),
        by: Some(Name::whole(format!("{}, {}", line.actor, line.origin))),
    };
    (line.at, shown)
}

/// The fields that changed, from what to what.
pub(in crate::admin) fn difference(
    before: Option<&AuditFields>,
    after: Option<&AuditFields>,
) -> Option<String> {
    let nothing = AuditFields::new();
    let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    let fields: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value =
        |fields: &AuditFields, field: &String| fields.get(field).map_or("nothing", String::as_str).to_owned();
    let said: Vec<String> = fields
        .into_iter()
        .map(|field| format!("{field} from {} to {}", value(before, field), value(after, field)))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}
