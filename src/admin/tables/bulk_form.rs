//! What a change of many is told: read from its form, and said in words.

use std::collections::BTreeMap;

use super::name::Name;
use crate::admin::form::{Form, Wrong};
use crate::domain::sessions_mgr::{BulkAct, RolePatch};
use crate::domain::{Message, PropertyPatch, Text, roles};

/// What can be done to many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Message,
    Roles,
    Properties,
    Close,
}

impl Act {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Message, "message"),
        (Self::Roles, "roles"),
        (Self::Properties, "properties"),
        (Self::Close, "close"),
    ];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(act, _)| *act)
    }

    pub(super) fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(act, _)| *act == self).map_or("", |(_, name)| name)
    }

    /// As the audit log names it.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::Message => "sessions.message",
            Self::Roles => "sessions.roles",
            Self::Properties => "sessions.properties",
            Self::Close => "sessions.close",
        }
    }

    /// What is asked.
    pub(super) fn heading(self, count: usize) -> String {
        let sessions = sessions(count);
        match self {
            Self::Message => format!("Leave a message for {sessions}"),
            Self::Roles => format!("Change the roles of {sessions}"),
            Self::Properties => format!("Set properties of {sessions}"),
            Self::Close => format!("Close {sessions}"),
        }
    }

    /// What was done to that many, of so many that were to be.
    pub(super) fn done(self, count: usize, of: usize) -> String {
        let sessions = sessions(count);
        let done = match self {
            Self::Message => format!("A message was left for {sessions}."),
            Self::Roles => format!("The roles of {sessions} were changed."),
            Self::Properties => format!("The properties of {sessions} were set."),
            Self::Close => format!("Closed: {sessions}."),
        };
        let rest = of.saturating_sub(count);
        if rest == 0 { done } else { format!("{done} {rest} of those that you saw had ended by then.") }
    }
}

/// `1 session`, `12 sessions`.
pub(super) fn sessions(count: usize) -> String {
    if count == 1 { "1 session".to_owned() } else { format!("{count} sessions") }
}

/// A change that was read.
pub(super) struct Change {
    pub(super) act: BulkAct,
    /// What will happen, a sentence each.
    pub(super) says: Vec<String>,
    /// Texts of the form that are part of it.
    pub(super) texts: Vec<(&'static str, Name)>,
    /// As the audit log says it.
    pub(super) details: String,
}

impl Change {
    pub(super) fn read(act: Act, typed: &Form) -> Result<Self, Wrong> {
        match act {
            Act::Message => Self::message(typed),
            Act::Roles => Self::roles(typed),
            Act::Properties => Self::properties(typed),
            Act::Close => Ok(Self::close(typed)),
        }
    }

    fn close(typed: &Form) -> Self {
        let reason = Text::new(typed.get("reason"));
        let says = [
            "They end now, whatever time or data they have left, and their devices are cut off unless they have another.",
            "This cannot be undone.",
        ];
        let details = if reason.is_empty() { String::new() } else { format!("reason {reason}; ") };
        Self { act: BulkAct::Close(reason), says: says.map(str::to_owned).into(), texts: Vec::new(), details }
    }

    fn message(typed: &Form) -> Result<Self, Wrong> {
        let text = Message::read_text(typed.get("text")).map_err(|problem| Wrong::field("text", problem))?;
        let minutes: Option<u64> = typed.number("lasts_min")?;
        let lasts_ms = read_lasts(minutes)?;
        let says = format!(
            "The page of each device shows it for {}; a device with several of these sessions gets it once.",
            crate::admin::shown::duration(lasts_ms)
        );
        let details = format!("text {text}; ");
        let texts = vec![("Message", Name::whole(text.as_str()))];
        let act = BulkAct::Message { text, lasts_ms, seed: uuid::Uuid::now_v7() };
        Ok(Self { act, says: vec![says], texts, details })
    }

    fn roles(typed: &Form) -> Result<Self, Wrong> {
        let patch = read_roles(typed)?;
        let (mut texts, mut details) = (Vec::new(), String::new());
        for (title, verb, names) in [("Added", "add", &patch.add), ("Removed", "remove", &patch.remove)] {
            if !names.is_empty() {
                let list: Vec<&str> = names.iter().map(String::as_str).collect();
                texts.push((title, Name::whole(list.join(", "))));
                details.push_str(&format!("{verb} {}; ", roles::canonical(names)));
            }
        }
        let says = vec!["What roles change (speeds, what is metered) holds at once.".to_owned()];
        Ok(Self { act: BulkAct::Roles(patch), says, texts, details })
    }

    fn properties(typed: &Form) -> Result<Self, Wrong> {
        let (key, value) = (typed.get("key").to_owned(), typed.get("value").to_owned());
        let deletes = typed.get("how") == "delete";
        let (text, details) = if deletes {
            (("Deleted", Name::whole(key.clone())), format!("delete {key}; "))
        } else {
            (("Set", Name::whole(format!("{key} = {value}"))), format!("set {key}={value}; "))
        };
        let patch = read_property(key, (!deletes).then_some(value))?;
        let says = if deletes {
            "Those that do not have it stay as they are."
        } else {
            "What it was before is replaced."
        };
        let act = BulkAct::Properties(patch);
        Ok(Self { act, says: vec![says.to_owned()], texts: vec![text], details })
    }
}

/// Reads for how long a message is shown, in minutes; in milliseconds.
pub(super) fn read_lasts(minutes: Option<u64>) -> Result<u64, Wrong> {
    let most = Message::MOST_SECS / 60;
    if minutes.is_some_and(|minutes| !(1..=most).contains(&minutes)) {
        return Err(Wrong::field("lasts_min", format!("must be between 1 and {most} minutes")));
    }
    let secs = minutes.map(|minutes| minutes.saturating_mul(60));
    Message::read_lasts(secs).map_err(|problem| Wrong::field("lasts_min", problem))
}

/// Names of roles between commas.
pub(in crate::admin) fn role_names(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Reads roles to add and to remove; at least one.
pub(super) fn read_roles(typed: &Form) -> Result<RolePatch, Wrong> {
    let read = |field: &str| {
        roles::read(role_names(typed.get(field))).map_err(|problem| Wrong::field(field, problem))
    };
    let (add, remove) = (read("add")?, read("remove")?);
    if add.is_empty() && remove.is_empty() {
        return Err(Wrong::field("add", "name at least one role to add or to remove"));
    }
    Ok(RolePatch { add, remove })
}

/// Reads a property to set, or to delete (`None`).
pub(super) fn read_property(key: String, value: Option<String>) -> Result<PropertyPatch, Wrong> {
    let about_value = value.is_some();
    let patch = PropertyPatch::new(BTreeMap::from([(key, value)]));
    patch.map_err(|error| {
        // Which of the two is to blame, its text says.
        let field = if about_value && error.problem.starts_with("a value") { "value" } else { "key" };
        Wrong::field(field, error.problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)]) -> Form {
        let pairs = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Form::sent(pairs.collect()).named("bulk")
    }

    fn field(act: Act, fields: &[(&str, &str)]) -> bool {
        Change::read(act, &typed(fields)).is_err()
    }

    #[test]
    fn a_change_is_read_or_it_is_said_what_is_wrong() {
        assert!(field(Act::Message, &[("text", " ")]));
        assert!(field(Act::Message, &[("text", "x"), ("lasts_min", "0")]));
        assert!(field(Act::Message, &[("text", "x"), ("lasts_min", "99999999999999999999")]));
        assert!(field(Act::Roles, &[("add", " , ")]));
        assert!(field(Act::Roles, &[("add", &"r".repeat(65))]));
        assert!(field(Act::Properties, &[("key", "$State"), ("value", "x")]));
        assert!(field(Act::Properties, &[("key", ""), ("value", "x")]));
        let change =
            Change::read(Act::Roles, &typed(&[("add", "vip, desk 2"), ("remove", "slow")])).ok().unwrap();
        assert_eq!(change.details, "add \"desk 2\",\"vip\"; remove \"slow\"; ");
        let change = Change::read(Act::Properties, &typed(&[("key", "Floor"), ("value", "2")])).ok().unwrap();
        assert_eq!(change.details, "set Floor=2; ");
    }

    #[test]
    fn what_was_done_says_how_many_and_how_many_not() {
        assert_eq!(Act::Close.done(2, 2), "Closed: 2 sessions.");
        assert_eq!(Act::Close.done(1, 3), "Closed: 1 session. 2 of those that you saw had ended by then.");
        assert_eq!(Act::from_name(Act::Roles.as_str()), Some(Act::Roles));
    }
}
