use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{Days, NaiveDate, NaiveTime};
use serde::Deserialize;

use crate::admin::clerk::{ADMINISTER, Clerk};
use crate::admin::form::{Form, Wrong};
use crate::admin::frame::Frame;
use crate::admin::page::{failed, html};
use crate::admin::pager::address;
use crate::admin::state::AdminState;
use crate::admin::tables::{Name, difference};
use crate::domain::{Text, WallTime};
use crate::runtime::DeviceRef;
use crate::store::{AuditLook, AuditPlace, LoggedAudit};

const PATH: &str = "/admin/audit";
/// Lines of a page.
const PER_PAGE: u32 = 50;

/// Who changed what.
#[derive(Debug, Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    frame: Frame,
    wanted: Wanted,
    lines: Vec<Line>,
    /// Everybody and everything that can be asked for.
    actors: Vec<String>,
    actions: Vec<String>,
    form: Form,
    is_narrowed: bool,
    newer: Option<String>,
    older: Option<String>,
    newest: String,
}

/// A line.
#[derive(Debug)]
struct Line {
    at: String,
    actor: Name,
    actor_link: String,
    action: String,
    action_link: String,
    subject: Option<Name>,
    /// The page of the session or device.
    subject_page: Option<String>,
    /// Everything that was done to it.
    subject_link: String,
    details: Name,
    /// It was taken back.
    undone: bool,
    origin: Name,
}

/// What the address says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    who: String,
    what: String,
    subject: String,
    from: String,
    to: String,
    before: Option<i64>,
    after: Option<i64>,
}

impl Wanted {
    fn link(&self, changed: &[(&str, &str)]) -> String {
        let mut pairs = vec![
            ("who", self.who.as_str()),
            ("what", self.what.as_str()),
            ("subject", self.subject.as_str()),
            ("from", self.from.as_str()),
            ("to", self.to.as_str()),
        ];
        for (name, value) in changed {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name, value));
        }
        address(PATH, &pairs)
    }
}

/// `GET /admin/audit`
pub(super) async fn list(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let wanted = wanted.trimmed();
    let actors = state.store.audit_actors().await.map_err(|error| failed(&state, &error))?;
    let actions = state.store.audit_actions().await.map_err(|error| failed(&state, &error))?;
    let place = match (wanted.before, wanted.after) {
        (Some(id), _) => AuditPlace::Before(id),
        (None, Some(id)) => AuditPlace::After(id),
        (None, None) => AuditPlace::Newest,
    };
    let (lines, wrong) = match look(&state, &wanted, &actors, &actions).await {
        Ok(look) => {
            let found = state.store.look_at_audit(&look, place, PER_PAGE + 1).await;
            (found.map_err(|error| failed(&state, &error))?, None)
        }
        Err(wrong) => (Vec::new(), Some(wrong)),
    };
    let (lines, newer, older) = cut(lines, place);
    let page = AuditPage {
        frame: clerk.frame(&state, PATH),
        newer: newer.map(|id| wanted.link(&[("after", &id.to_string())])),
        older: older.map(|id| wanted.link(&[("before", &id.to_string())])),
        newest: wanted.link(&[]),
        is_narrowed: [&wanted.who, &wanted.what, &wanted.subject, &wanted.from, &wanted.to]
            .iter()
            .any(|text| !text.is_empty()),
        lines: lines.into_iter().map(|line| shown(&state, line)).collect(),
        wanted,
        actors,
        actions,
        form: Form::blank(wrong),
    };
    Ok(html(page.form.status(), page.render()))
}

/// The page without the line that only shows that there are more; behind which lines those before and after it are.
fn cut(mut lines: Vec<LoggedAudit>, place: AuditPlace) -> (Vec<LoggedAudit>, Option<i64>, Option<i64>) {
    let most = usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
    let is_more = lines.len() > most;
    let is_newer = match place {
        AuditPlace::Newest | AuditPlace::Before(_) => {
            lines.truncate(most);
            place != AuditPlace::Newest
        }
        AuditPlace::After(_) => {
            lines.drain(..lines.len().saturating_sub(most));
            is_more
        }
    };
    let is_older = is_more || matches!(place, AuditPlace::After(_));
    let newest = lines.first().map(|line| line.id).filter(|_| is_newer);
    let oldest = lines.last().map(|line| line.id).filter(|_| is_older);
    (lines, newest, oldest)
}

impl Wanted {
    fn trimmed(self) -> Self {
        let trimmed = |text: String| Text::new(&text).as_str().to_owned();
        Self {
            who: trimmed(self.who),
            what: trimmed(self.what),
            subject: trimmed(self.subject),
            from: trimmed(self.from),
            to: trimmed(self.to),
            ..self
        }
    }
}

/// What is looked for, or the field that cannot be and why.
async fn look(
    state: &AdminState,
    wanted: &Wanted,
    actors: &[String],
    actions: &[String],
) -> Result<AuditLook, Wrong> {
    let day = |field: &'static str, text: &str| match text {
        "" => Ok(None),
        text => match text.parse::<NaiveDate>() {
            Ok(day) => Ok(Some(day)),
            Err(_) => Err(Wrong::field(field, "Write a day as in 2026-01-31.")),
        },
    };
    let (from, to) = (day("from", &wanted.from)?, day("to", &wanted.to)?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Wrong::field("to", "The last day is before the first."));
    }
    let begins = |day: NaiveDate| state.place.moment(day.and_time(NaiveTime::MIN));
    let until = to.map(|day| day.checked_add_days(Days::new(1)).map_or(WallTime(i64::MAX), begins));
    Ok(AuditLook {
        actors: named(&wanted.who, actors),
        actions: named(&wanted.what, actions),
        subject: subject(state, &wanted.subject).await,
        since: from.map(begins),
        until,
    })
}

/// The name itself if there is one, else all names that hold the text, in any case.
fn named(text: &str, known: &[String]) -> Option<Vec<String>> {
    if text.is_empty() {
        return None;
    }
    if known.iter().any(|name| name == text) {
        return Some(vec![text.to_owned()]);
    }
    let text = text.to_lowercase();
    Some(known.iter().filter(|name| name.to_lowercase().contains(&text)).cloned().collect())
}

/// Whatever bears this as its name; a device also by its address.
async fn subject(state: &AdminState, text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let mac = || text.parse().ok().map(DeviceRef::Mac);
    let ip = || text.parse().ok().map(DeviceRef::Ip);
    if let Some(by) = mac().or_else(ip)
        && let Ok(device) = state.handle.find_device(by).await
    {
        return Some(device.id.to_string());
    }
    Some(text.to_owned())
}

fn shown(state: &AdminState, line: LoggedAudit) -> Line {
    let only = |name: &str, value: &str| address(PATH, &[(name, value)]);
    let page = line.subject.as_ref().and_then(|subject| {
        let is_id = subject.as_str().parse::<uuid::Uuid>().is_ok();
        let place = match line.action.split('.').next() {
            Some("session") => "sessions",
            Some("device") => "devices",
            Some(_) | None => return None,
        };
        is_id.then(|| format!("/admin/{place}/{subject}"))
    });
    let undone = line.details.as_str().starts_with("taken back");
    let details =
        [line.details.to_string(), difference(line.before.as_ref(), line.after.as_ref()).unwrap_or_default()];
    let details: Vec<String> = details.into_iter().filter(|text| !text.is_empty()).collect();
    Line {
        at: state.place.local(line.at).format("%Y-%m-%d %H:%M:%S").to_string(),
        actor_link: only("who", line.actor.as_str()),
        actor: Name::short(line.actor.as_str()),
        action_link: only("what", &line.action),
        action: line.action,
        subject_link: line
            .subject
            .as_ref()
            .map(|subject| only("subject", subject.as_str()))
            .unwrap_or_default(),
        subject: line.subject.map(|subject| Name::short(subject.as_str())),
        subject_page: page,
        details: Name::whole(details.join("; ")),
        undone,
        origin: Name::short(line.origin.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_itself_or_all_that_hold_it() {
        let known = ["admin ana", "admin anabel", "root"].map(str::to_owned);
        assert_eq!(named("", &known), None);
        assert_eq!(named("admin ana", &known), Some(vec!["admin ana".to_owned()]));
        assert_eq!(named("ANA", &known).map(|names| names.len()), Some(2));
        assert_eq!(named("nobody", &known), Some(Vec::new()));
    }
}
