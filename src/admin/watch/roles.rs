use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::admin::clerk::{Clerk, VIEW};
use crate::admin::frame::Frame;
use crate::admin::page::{failed, html, refused};
use crate::admin::pager::address;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{Mbps, RolePolicy};

const PATH: &str = "/admin/roles";

/// The roles of the configuration and those in use.
#[derive(Debug, Template)]
#[template(path = "admin/roles.html")]
struct RolesPage {
    frame: Frame,
    /// Of the configuration.
    known: Vec<Row>,
    /// In use, and not in the configuration.
    unknown: Vec<Row>,
}

/// A role.
#[derive(Debug)]
struct Row {
    name: Name,
    /// What it changes, a few words each.
    changes: Vec<String>,
    sessions: usize,
    sessions_link: String,
    devices: usize,
    devices_link: String,
    /// The plans that give it.
    plans: Vec<Name>,
}

/// Who has a role.
#[derive(Debug, Default)]
struct Holders {
    sessions: usize,
    devices: usize,
    plans: Vec<String>,
}

/// `GET /admin/roles`
pub(super) async fn list(clerk: Clerk, State(state): State<AdminState>) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let sessions = state.handle.snapshot().await.map_err(|refusal| refused(&state, refusal))?;
    let devices = state.handle.device_snapshot().await.map_err(|refusal| refused(&state, refusal))?;
    let plans = state.store.list_plans().await.map_err(|error| failed(&state, &error))?;
    let mut holders: BTreeMap<&str, Holders> = BTreeMap::new();
    for role in sessions.sessions.iter().flat_map(|(session, _)| &session.roles) {
        holders.entry(role).or_default().sessions += 1;
    }
    for role in devices.devices.iter().flat_map(|(device, _)| &device.roles) {
        holders.entry(role).or_default().devices += 1;
    }
    for plan in &plans {
        for role in &plan.roles {
            holders.entry(role).or_default().plans.push(plan.name.to_string());
        }
    }
    let configured = &sessions.policies.roles;
    let row = |name: &str, policy: Option<&RolePolicy>| {
        let none = Holders::default();
        let of = holders.get(name).unwrap_or(&none);
        let filter = format!("hasRoles [{}]", quoted(name));
        Row {
            name: Name::short(name),
            changes: policy.map(changes).unwrap_or_default(),
            sessions: of.sessions,
            sessions_link: address("/admin/sessions", &[("q", &filter)]),
            devices: of.devices,
            devices_link: address("/admin/devices", &[("q", &filter)]),
            plans: of.plans.iter().map(|plan| Name::short(plan.as_str())).collect(),
        }
    };
    let strangers: BTreeSet<&str> =
        holders.keys().copied().filter(|name| !configured.contains_key(*name)).collect();
    let page = RolesPage {
        frame: clerk.frame(&state, PATH),
        known: configured.iter().map(|(name, policy)| row(name, Some(policy))).collect(),
        unknown: strangers.into_iter().map(|name| row(name, None)).collect(),
    };
    Ok(html(StatusCode::OK, page.render()))
}

/// A text of the filter language.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

/// What a role changes.
fn changes(policy: &RolePolicy) -> Vec<String> {
    let speed = |speed: Option<Mbps>| speed.map_or_else(|| "no limit".to_owned(), |speed| speed.to_string());
    let mut said = Vec::new();
    said.extend(policy.down.map(|down| format!("{} down", speed(down))));
    said.extend(policy.up.map(|up| format!("{} up", speed(up))));
    said.extend(policy.idle_timeout_secs.map(|idle| match idle {
        Some(secs) => format!("paused after {} without traffic", shown::duration(secs.saturating_mul(1000))),
        None => "never paused for being idle".to_owned(),
    }));
    said.extend(policy.unmetered.then(|| "what is used is counted, not taken".to_owned()));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_role_changes_is_said_in_words() {
        let policy = RolePolicy {
            down: Some(Mbps::from_mbps(5.0).unwrap()),
            up: Some(None),
            idle_timeout_secs: Some(Some(900)),
            unmetered: true,
        };
        let said = changes(&policy);
        assert_eq!(said.len(), 4);
        assert!(said.contains(&"no limit up".to_owned()), "{said:?}");
        assert!(said.contains(&"paused after 15 min without traffic".to_owned()), "{said:?}");
        assert!(changes(&RolePolicy::default()).is_empty());
        assert_eq!(quoted(r#"a"\"#), r#""a\"\\""#);
    }
}
