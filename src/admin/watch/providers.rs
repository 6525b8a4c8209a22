use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::coins::{self, Slot};
use super::plugins::{Plugin, standing};
use super::roles::quoted;
use crate::admin::clerk::{Clerk, VIEW};
use crate::admin::frame::Frame;
use crate::admin::page::{html, refused};
use crate::admin::pager::address;
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::ProviderName;
use crate::runtime::{PluginStatus, Provided, ProviderStatus, Provides};

pub(super) const PATH: &str = "/admin/providers";

/// Who provides sessions, who is asked about them, and how they are doing.
#[derive(Debug, Template)]
#[template(path = "admin/providers.html")]
struct ProvidersPage {
    frame: Frame,
    zones: Vec<Zone>,
    providers: Vec<Provider>,
    authenticators: Vec<Provider>,
    plugins: Vec<Plugin>,
    slots: Vec<Slot>,
    /// Sessions of those that are not there: name, how many, the list of them.
    others: Vec<(Name, usize, String)>,
    done: Option<&'static str>,
}

/// A zone and its providers in their order, each with whether it is there.
#[derive(Debug)]
struct Zone {
    name: String,
    order: Vec<(ProviderName, bool)>,
}

/// A provider or authenticator.
#[derive(Debug)]
struct Provider {
    name: String,
    kind: &'static str,
    state: &'static str,
    badge: &'static str,
    title: Option<Name>,
    /// How often it was asked, how often in vain, and how long an answer took.
    asked: Option<String>,
    error: Option<(Name, String)>,
    /// How many sessions it has and how many of them run; the list of them.
    sessions: Option<(usize, usize, String)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    done: Option<String>,
}

/// `GET /admin/providers`
pub(super) async fn show(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, VIEW)?;
    let registry = state.handle.registry();
    let now = state.handle.snapshot().await.map_err(|refusal| refused(&state, refusal))?;
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (session, _) in &now.sessions {
        let count = counts.entry(session.provider.as_str()).or_default();
        count.0 += 1;
        count.1 += usize::from(session.is_running());
    }
    let zones = now.policies.zones.keys().map(|zone| {
        let order = registry.order_in(zone);
        Zone { name: zone.to_string(), order }
    });
    let zones = zones.collect();
    let slots = coins::all(&state, &clerk, &registry.status()).await?;
    let (mut providers, mut authenticators) = (Vec::new(), Vec::new());
    for provided in registry.overview() {
        let provides = provided.provides;
        let shown = provider(&state, provided, &slots, &mut counts);
        match provides {
            Provides::Sessions => providers.push(shown),
            Provides::Authentication => authenticators.push(shown),
            // Below, with the other plugins.
            Provides::Nothing => {}
        }
    }
    let others = counts.into_iter().map(|(name, (count, _))| (Name::short(name), count, sessions_of(name)));
    let plugins = registry.plugins().all().into_iter();
    let page = ProvidersPage {
        frame: clerk.frame(&state, PATH),
        zones,
        providers,
        authenticators,
        plugins: plugins.map(|plugin| Plugin::new(&state, &clerk, plugin)).collect(),
        slots,
        others: others.collect(),
        done: match wanted.done.as_deref() {
            Some("restart") => {
                Some("The plugin is being started anew. Load this page again to see how it stands.")
            }
            Some(_) | None => None,
        },
    };
    Ok(html(StatusCode::OK, page.render()))
}

/// The list of a provider's sessions.
fn sessions_of(name: &str) -> String {
    address("/admin/sessions", &[("q", &format!("$Provider is {}", quoted(name)))])
}

fn provider(
    state: &AdminState,
    provided: Provided,
    slots: &[Slot],
    counts: &mut BTreeMap<&str, (usize, usize)>,
) -> Provider {
    let Provided { name, provides, title, is_there, status, plugin } = provided;
    let is_slot = slots.iter().any(|slot| name == format!("coin-{}", slot.name));
    let time = |at| shown::time(at, &*state.place);
    let (word, badge) = stands(is_there, status.as_ref(), plugin.as_ref());
    let error = match (&status, &plugin) {
        (Some(ProviderStatus { last_failure: Some((at, error)), .. }), _) => {
            Some((Name::whole(error.as_str()), time(*at)))
        }
        (_, Some(PluginStatus { last_error: Some(error), last_error_at: Some(at), .. })) => {
            Some((Name::whole(error.as_str()), time(*at)))
        }
        _ => None,
    };
    let counted = counts.remove(name.as_str()).unwrap_or_default();
    let sessions = (provides == Provides::Sessions).then(|| (counted.0, counted.1, sessions_of(&name)));
    Provider {
        kind: match (is_there, plugin.is_some(), is_slot) {
            (false, ..) => "not here",
            (true, true, _) => "plugin",
            (true, false, true) => "coin slot",
            (true, false, false) => "built in",
        },
        state: word,
        badge,
        title: title.map(|title| Name::short(title.as_str())),
        asked: status.as_ref().map(asked),
        error,
        sessions,
        name,
    }
}

/// How something that provides stands, and how that looks.
fn stands(
    is_there: bool,
    status: Option<&ProviderStatus>,
    plugin: Option<&PluginStatus>,
) -> (&'static str, &'static str) {
    match (is_there, plugin, status) {
        (false, ..) => ("has not come", "bad"),
        (true, Some(plugin), _) if standing(plugin).1 != "good" => standing(plugin),
        (true, _, Some(status)) if !status.troubles.is_empty() => ("has trouble", "bad"),
        (true, _, Some(status)) if status.last_error.is_some() => ("did not answer last", "bad"),
        (true, _, Some(status)) if status.asked == 0 => ("not asked yet", ""),
        (true, ..) => ("answers", "good"),
    }
}

/// `12 times, 2 of them in vain; 3 ms each`
fn asked(status: &ProviderStatus) -> String {
    let mut said = match status.asked {
        0 => return "never since the start".to_owned(),
        1 => "once".to_owned(),
        asked => format!("{asked} times"),
    };
    match status.failed {
        0 => {}
        failed => said.push_str(&format!(", {failed} in vain")),
    }
    let each = status.took_us / status.asked.max(1);
    match each {
        0..1_000 => said.push_str("; under 1 ms each"),
        each => said.push_str(&format!("; {} ms each", each / 1_000)),
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(asked: u64, failed: u64, took_us: u64) -> ProviderStatus {
        let name = ProviderName::new("x");
        ProviderStatus {
            name,
            asked,
            failed,
            last_error: None,
            last_failure: None,
            took_us,
            troubles: Vec::new(),
        }
    }

    #[test]
    fn what_was_asked_is_said_in_words() {
        assert_eq!(asked(&status(0, 0, 0)), "never since the start");
        assert_eq!(asked(&status(1, 0, 900)), "once; under 1 ms each");
        assert_eq!(asked(&status(4, 2, 12_000)), "4 times, 2 in vain; 3 ms each");
        assert_eq!(stands(true, Some(&status(0, 0, 0)), None).0, "not asked yet");
        assert_eq!(stands(false, None, None).0, "has not come");
    }
}
