use std::sync::Arc;

use serde_json::{Value, json};

use super::needs_view;
use crate::domain::{Filter, Listener, Permission, Select};
use crate::plugins::connection::Peer;
use crate::plugins::feed;
use crate::plugins::rpc::{BUSY, Fault, Fields};

/// The most subscriptions of one connection.
const MAX_SUBSCRIPTIONS: u64 = 8;

/// `events.subscribe`: what happens to sessions, as notifications. Without `view_session`, to the plugin's own.
pub(super) fn subscribe(peer: &Arc<Peer>, mut fields: Fields) -> Result<Value, Fault> {
    peer.needs(&Permission::RegisterHandler)?;
    let text = fields.take::<String>("filter")?.filter(|text| !text.trim().is_empty());
    let names = fields.take::<Vec<String>>("properties")?;
    let since = fields.take::<i64>("since")?;
    fields.finish()?;
    if let Some(text) = &text {
        Filter::parse(text).map_err(|error| Fault::invalid("filter", error))?;
    }
    let own = if needs_view(peer).is_ok() {
        None
    } else {
        let held = peer.held();
        let names: Vec<String> = held.providers.iter().map(|name| format!("\"{name}\"")).collect();
        Some(format!("$Provider in [{}]", names.join(", ")))
    };
    let filter = match (own, text) {
        (None, None) => Filter::all(),
        (None, Some(text)) => Filter::parse(&text).map_err(|error| Fault::invalid("filter", error))?,
        (Some(own), None) => Filter::parse(&own).map_err(|error| Fault::invalid("filter", error))?,
        (Some(own), Some(text)) => {
            Filter::parse(&format!("{own} and ({text})")).map_err(|error| Fault::invalid("filter", error))?
        }
    };
    let chosen = match names {
        None => Select::everything(),
        Some(names) => Select::parse(&names.join(","))
            .ok_or_else(|| Fault::invalid("properties", format!("at most {} names", Select::MAX_NAMES)))?,
    };
    if since.is_some_and(|since| since < 0) {
        return Err(Fault::invalid("since", "must be the id of an event"));
    }
    let listener = Listener::new(filter, chosen, None);
    if listener.flows() {
        let text = "looks at what changes by itself (time or data used or left): ask for such sessions with session.list";
        return Err(Fault::invalid("filter", text));
    }
    let number = {
        let mut held = peer.held();
        if held.subscriptions >= MAX_SUBSCRIPTIONS {
            return Err(Fault::new(
                BUSY,
                format!("a connection has at most {MAX_SUBSCRIPTIONS} subscriptions"),
            ));
        }
        held.subscriptions += 1;
        held.subscriptions
    };
    let counted = peer.host.handle.listeners_gauge();
    let (handle, store, link) = (peer.host.handle.clone(), peer.host.store.clone(), Arc::clone(&peer.link));
    let told = handle.listen();
    peer.beside(async move {
        let _counted = counted.hold();
        feed::run(feed::Feed { handle, store, link, listener, number }, told, since).await;
    });
    Ok(json!({ "subscription": number }))
}
