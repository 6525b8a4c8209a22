//! The line of the audit log that a change leaves: the fields that it changed, before and after.

use super::SessionsMgr;
use crate::domain::{
    Actor, AuditFields, AuditLine, Change, ClientDevice, ClientSession, Image, Mbps, Now, Outcome,
    SessionState, Transition, bytes_to_mb,
};

impl SessionsMgr {
    /// What the audit log says of a transition; `None` if it changed nothing.
    pub(super) fn trail(&self, actor: Actor, transition: &Transition, now: Now) -> Option<AuditLine> {
        if transition.is_empty() {
            return None;
        }
        let at = now.wall;
        if let Outcome::Matched(count) = &transition.outcome {
            let details = format!("{count} sessions: {}", actor.details);
            let actor = Actor { details: crate::domain::Text::new(&details), ..actor };
            return Some(AuditLine { at, actor, subject: None, before: None, after: None });
        }
        let subject = match &transition.outcome {
            Outcome::Session(session) | Outcome::Previous { session, .. } => Some(session.id.to_string()),
            Outcome::Device(device) => Some(device.id.to_string()),
            Outcome::Done
            | Outcome::Matched(_)
            | Outcome::AskProviders(_)
            | Outcome::AskSource(_)
            | Outcome::AskAuthenticators(_) => None,
        };
        let image = |image: &&Image| match image {
            Image::Session(id, _) => subject.as_ref().is_none_or(|subject| *subject == id.to_string()),
            Image::Device(id, _) => subject.as_ref().is_none_or(|subject| *subject == id.to_string()),
        };
        // A device that was cut off shows it in its session.
        let image = transition.before.iter().find(image).or_else(|| transition.before.first());
        let (before, after, id) = match image {
            Some(Image::Session(id, before)) => {
                let after = self.table.session(*id).cloned().or_else(|| ended(transition, *id));
                (before.as_deref().map(of_session), after.as_ref().map(of_session), Some(id.to_string()))
            }
            Some(Image::Device(id, before)) => {
                let after = self.table.device(*id).map(|entry| of_device(&entry.device));
                (before.as_deref().map(of_device), after, Some(id.to_string()))
            }
            None => (None, None, None),
        };
        let (before, after) = differing(before, after);
        let subject = subject.or(id).or_else(|| {
            transition.changes.iter().find_map(|change| match change {
                Change::DeleteSession(id) => Some(id.to_string()),
                Change::DeleteDevice(id) => Some(id.to_string()),
                Change::Message(message) => Some(message.device.to_string()),
                Change::Device(_)
                | Change::Session(_)
                | Change::Usage(_)
                | Change::Outbox(_)
                | Change::Sale(_)
                | Change::MoveCredits { .. }
                | Change::Origin { .. }
                | Change::GiveBack(_)
                | Change::DropSale(_)
                | Change::Grants(_)
                | Change::NewestWall(_)
                | Change::Audit(_)
                | Change::ForgetOnce { .. } => None,
            })
        });
        Some(AuditLine { at, actor, subject, before, after })
    }
}

/// The last row of a session that ended in this transition.
fn ended(transition: &Transition, id: crate::domain::SessionId) -> Option<ClientSession> {
    let row = |change: &Change| {
        if let Change::Session(session) = change
            && session.id == id
        {
            return Some((**session).clone());
        }
        None
    };
    transition.changes.iter().find_map(row)
}

/// Only the fields that differ; all of them where there is nothing to compare with.
fn differing(
    before: Option<AuditFields>,
    after: Option<AuditFields>,
) -> (Option<AuditFields>, Option<AuditFields>) {
    let (Some(mut old), Some(mut new)) = (before.clone(), after.clone()) else { return (before, after) };
    old.retain(|field, value| after.as_ref().and_then(|after| after.get(field)) != Some(value));
    new.retain(|field, value| before.as_ref().and_then(|before| before.get(field)) != Some(value));
    (Some(old), Some(new))
}

fn of_session(session: &ClientSession) -> AuditFields {
    let terms = &session.terms;
    let speed = |speed: Option<Mbps>| speed.map(|speed| speed.as_mbps().to_string());
    let reason = match &session.state {
        SessionState::Paused(reason) => Some(reason.as_str()),
        SessionState::Closed(reason, _) => Some(reason.as_str()),
        SessionState::Available
        | SessionState::Running(_)
        | SessionState::Consumed
        | SessionState::Expired => None,
    };
    let fields = [
        ("state", Some(session.state.as_str().to_owned())),
        ("reason", reason.map(str::to_owned)),
        ("device", Some(session.device.to_string())),
        ("kind", Some(terms.kind.as_str().to_owned())),
        ("time_secs", terms.time_limit_ms.map(|limit| (limit / 1000).to_string())),
        ("data_mb", terms.data_limit_bytes.map(|limit| bytes_to_mb(limit).to_string())),
        ("exp_days", terms.exp_days.map(|days| days.to_string())),
        ("down_mbps", speed(terms.down)),
        ("up_mbps", speed(terms.up)),
        ("use_global_speed", terms.use_global_speed.then(|| "true".to_owned())),
        ("plan", session.plan.clone()),
        ("principal", session.principal.clone()),
        ("roles", (!session.roles.is_empty()).then(|| crate::domain::roles::canonical(&session.roles))),
    ];
    let own = session.properties.iter().map(|(key, value)| (format!("properties.{key}"), value.clone()));
    set(fields).chain(own).collect()
}

fn of_device(device: &ClientDevice) -> AuditFields {
    let fields = [
        ("mac", Some(device.mac.to_string())),
        ("alias", device.alias.as_ref().map(ToString::to_string)),
        ("zone", device.zone.as_ref().map(ToString::to_string)),
        ("blocked", device.blocked.then(|| "true".to_owned())),
        ("roles", (!device.roles.is_empty()).then(|| crate::domain::roles::canonical(&device.roles))),
    ];
    set(fields).collect()
}

fn set<const N: usize>(
    fields: [(&'static str, Option<String>); N],
) -> impl Iterator<Item = (String, String)> {
    fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?)))
}

/// What the audit log says when the kernel refused what it said was done.
pub(super) fn taken_back(changes: &[Change], now: Now) -> impl Iterator<Item = Change> + '_ {
    changes.iter().filter_map(move |change| {
        let Change::Audit(line) = change else { return None };
        let (before, after) = (line.after.clone(), line.before.clone());
        let details = crate::domain::Text::new("taken back: the kernel refused it");
        let actor = Actor { details, ..line.actor.clone() };
        let line = AuditLine { at: now.wall, actor, subject: line.subject.clone(), before, after };
        Some(Change::Audit(Box::new(line)))
    })
}
