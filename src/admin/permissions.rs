//! Permissions as a form asks for them and as a table shows them.

use serde::Deserialize;

use crate::domain::{Permission, PermissionError};

/// A permission that can be ticked.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) field: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) ticked: bool,
}

/// The permissions of a form: a box for each, and lines for the paths of locks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Ticked {
    admin: Option<String>,
    view_session: Option<String>,
    modify_session: Option<String>,
    manage_vouchers: Option<String>,
    register_handler: Option<String>,
    locks: String,
}

const TICKS: [(&str, Permission, &str, &str); 5] = [
    (
        "admin",
        Permission::Admin,
        "Everything",
        "Includes all below, and people, tokens, settings and the audit log.",
    ),
    ("view_session", Permission::ViewSession, "See guests", "Devices, sessions, messages and counts."),
    (
        "modify_session",
        Permission::ModifySession,
        "Serve guests",
        "Let devices through, change, close and block. Needs “See guests” as well.",
    ),
    (
        "manage_vouchers",
        Permission::ManageVouchers,
        "Sell",
        "Vouchers, the till, new plans and accounts. To look at plans and accounts, “See guests” as well.",
    ),
    (
        "register_handler",
        Permission::RegisterHandler,
        "Listen to events",
        "Live events and webhooks. Needs “See guests” as well.",
    ),
];

/// The boxes of a form, as they stand.
pub(super) fn ticks(held: &[Permission]) -> Vec<Tick> {
    let tick = |(field, permission, title, about): (_, Permission, _, _)| {
        let ticked = held.contains(&permission);
        Tick { field, title, about, ticked }
    };
    TICKS.into_iter().map(tick).collect()
}

/// The paths of locks among them, a line each; `*` is all locks.
pub(super) fn lock_lines(held: &[Permission]) -> String {
    let path = |permission: &Permission| match permission {
        Permission::AcquireLock(path) if path.is_empty() => Some("*".to_owned()),
        Permission::AcquireLock(path) => Some(path.clone()),
        Permission::ViewSession
        | Permission::ModifySession
        | Permission::RegisterHandler
        | Permission::ManageVouchers
        | Permission::Admin => None,
    };
    held.iter().filter_map(path).collect::<Vec<_>>().join("\n")
}

impl Ticked {
    /// The boxes as they were sent.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let boxes = Self { locks: String::new(), ..self.clone() };
        ticks(&boxes.read().unwrap_or_default())
    }

    /// The paths of locks as they were written.
    pub(super) fn lock_lines(&self) -> &str {
        &self.locks
    }

    /// What was sent, as hidden fields of another form.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let ticked = self.ticks().into_iter().filter(|tick| tick.ticked);
        let boxes = ticked.map(|tick| (tick.field, "on".to_owned()));
        boxes.chain([("locks", self.locks.clone())]).collect()
    }

    /// What was ticked and written.
    pub(super) fn read(&self) -> Result<Vec<Permission>, PermissionError> {
        let boxes = [
            (&self.admin, Permission::Admin),
            (&self.view_session, Permission::ViewSession),
            (&self.modify_session, Permission::ModifySession),
            (&self.manage_vouchers, Permission::ManageVouchers),
            (&self.register_handler, Permission::RegisterHandler),
        ];
        let ticked = boxes.into_iter().filter(|(field, _)| field.is_some()).map(|(_, permission)| permission);
        let mut all: Vec<Permission> = ticked.collect();
        for line in self.locks.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let path = if line == "*" { "" } else { line };
            all.push(format!("acquire_lock:{path}").parse()?);
        }
        Ok(all)
    }
}

/// In a few words.
pub(super) fn words(held: &[Permission]) -> String {
    if held.contains(&Permission::Admin) {
        return "everything".to_owned();
    }
    let title = |permission: &Permission| match permission {
        Permission::ViewSession => "see guests".to_owned(),
        Permission::ModifySession => "serve guests".to_owned(),
        Permission::ManageVouchers => "sell".to_owned(),
        Permission::RegisterHandler => "listen to events".to_owned(),
        Permission::AcquireLock(path) if path.is_empty() => "all locks".to_owned(),
        Permission::AcquireLock(path) => format!("lock {path}"),
        Permission::Admin => "everything".to_owned(),
    };
    held.iter().map(title).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ticked_is_what_is_held() {
        let ticked = Ticked {
            view_session: Some("on".to_owned()),
            locks: " coinslot/1 \n\n*\r\n".to_owned(),
            ..Ticked::default()
        };
        let held = ticked.read().unwrap();
        let lock = |path: &str| Permission::AcquireLock(path.to_owned());
        assert_eq!(held, [Permission::ViewSession, lock("coinslot/1"), lock("")]);
        assert_eq!(lock_lines(&held), "coinslot/1\n*");
        assert_eq!(words(&held), "see guests, lock coinslot/1, all locks");
        let boxes: Vec<&str> =
            ticks(&held).into_iter().filter(|tick| tick.ticked).map(|tick| tick.field).collect();
        assert_eq!(boxes, ["view_session"]);
        for wrong in ["a//b", &"x/".repeat(300)] {
            assert!(Ticked { locks: wrong.to_owned(), ..Ticked::default() }.read().is_err(), "{wrong}");
        }
    }
}
