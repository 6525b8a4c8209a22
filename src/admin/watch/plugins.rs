//! Plugins, as the page of providers shows them, and starting one anew.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::providers::PATH;
use crate::admin::clerk::{ADMINISTER, Clerk, Fields};
use crate::admin::page::{Confirm, say};
use crate::admin::pager::address;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::Text;
use crate::runtime::{PluginKind, PluginState, PluginStatus};

/// A plugin.
#[derive(Debug)]
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) badge: &'static str,
    pub(super) since: String,
    /// How it is there.
    pub(super) kind: &'static str,
    pub(super) pid: Option<u32>,
    pub(super) restarts: u32,
    pub(super) asked: u64,
    pub(super) failed: u64,
    pub(super) error: Option<(Name, String)>,
    pub(super) exit: Option<(Name, String)>,
    /// What it wrote last; nothing for whoever may not do everything: it may write anything there.
    pub(super) said: Vec<Text>,
    /// What it has registered.
    pub(super) has: Vec<String>,
    /// Where it is started anew; `None` for whoever may not, and where nobody can.
    pub(super) restart: Option<String>,
}

impl Plugin {
    pub(super) fn new(state: &AdminState, clerk: &Clerk, status: PluginStatus) -> Self {
        let time = |at| shown::time(at, &*state.place);
        let (word, badge) = standing(&status);
        let providers = status.providers.iter().map(|name| format!("sessions: {name}"));
        let authenticators = status.authenticators.iter().map(|name| format!("permission: {name}"));
        let may =
            clerk.administers() && status.kind == PluginKind::Child && status.state != PluginState::Stopped;
        let error_at = status.last_error_at.map(time).unwrap_or_default();
        Self {
            state: word,
            badge,
            since: time(status.since),
            kind: match status.kind {
                PluginKind::Child => "started by this box",
                PluginKind::Socket => "runs by itself",
            },
            pid: status.pid,
            restarts: status.restarts,
            asked: status.asked,
            failed: status.failed,
            error: status.last_error.map(|error| (Name::whole(error.as_str()), error_at)),
            exit: status.last_exit.map(|(at, why)| (Name::whole(why.as_str()), time(at))),
            said: status.said.into_iter().filter(|_| clerk.administers()).collect(),
            has: providers.chain(authenticators).collect(),
            restart: may.then(|| address("/admin/providers/restart", &[("plugin", &status.name)])),
            name: status.name,
        }
    }
}

/// How a plugin stands, and how that looks.
pub(super) const fn standing(status: &PluginStatus) -> (&'static str, &'static str) {
    match status.state {
        PluginState::Running | PluginState::Connected if status.left_out => ("left out: it fails", "bad"),
        PluginState::Running => ("running", "good"),
        PluginState::Connected => ("connected", "good"),
        PluginState::Starting => ("starting", "warn"),
        PluginState::WaitingToRestart => ("ended, starts again soon", "bad"),
        PluginState::Stopped => ("stopped", ""),
        PluginState::Disconnected => ("disconnected", "warn"),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    plugin: String,
}

/// The plugin that is meant, if the daemon can start it anew.
fn find(state: &AdminState, name: &str) -> Result<PluginStatus, Box<Response>> {
    let found = state.handle.registry().plugins().get(name);
    found.filter(|plugin| plugin.kind == PluginKind::Child).ok_or_else(|| {
        let text = "There is no plugin of that name that this box starts. One that runs by itself is started anew where it runs.";
        Box::new(say(state, StatusCode::NOT_FOUND, "There is no such plugin", text))
    })
}

/// `GET /admin/providers/restart`: what will happen.
pub(super) async fn ask(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let plugin = find(&state, &wanted.plugin).map_err(|answer| *answer)?;
    let page = Confirm {
        frame: clerk.frame(&state, PATH),
        heading: &format!("Start the plugin {} anew?", plugin.name),
        happens: vec![
            "Its process is ended and begins again at once. Until it has registered again it is asked nothing.".to_owned(),
            "Sessions that it sold go on. Locks that it holds for itself become free.".to_owned(),
        ],
        action: "/admin/providers/restart",
        fields: vec![("plugin", plugin.name.clone())],
        button: "Start it anew",
        back: PATH,
    };
    Ok(page.respond())
}

/// `POST /admin/providers/restart`
pub(super) async fn restart(
    clerk: Clerk,
    State(state): State<AdminState>,
    Fields(wanted): Fields<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, ADMINISTER)?;
    let plugin = find(&state, &wanted.plugin).map_err(|answer| *answer)?;
    state.handle.registry().plugins().restart(&plugin.name);
    clerk.note(&state, "plugin.restart", &plugin.name).await;
    Ok(Redirect::to(&format!("{PATH}?done=restart")).into_response())
}
