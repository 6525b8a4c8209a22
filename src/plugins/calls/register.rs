use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::RESERVED_PLUGIN_NAMES;
use crate::domain::{Permission, ProviderName};
use crate::plugins::connection::Peer;
use crate::plugins::grant;
use crate::plugins::provider::{PluginAuthenticator, PluginProvider};
use crate::plugins::rpc::{Fault, Fields, REFUSED};

/// The most providers, and the most authenticators, of one plugin.
const MAX_REGISTERED: usize = 8;

fn name(fields: &mut Fields) -> Result<String, Fault> {
    let name = fields.need::<String>("name")?;
    if !ProviderName::is_name(&name) {
        return Err(Fault::invalid("name", "must be 1 to 32 small letters, digits, - and _"));
    }
    Ok(name)
}

fn taken(what: &str, name: &str) -> Fault {
    let data = Some(json!({ "field": "name", "refusal": "name_taken" }));
    Fault { code: REFUSED, message: format!("name: there is {what} named {name} already"), data }
}

/// `provider.register`.
pub(super) fn provider(peer: &Arc<Peer>, mut fields: Fields) -> Result<Value, Fault> {
    peer.needs(&Permission::RegisterHandler)?;
    let name = name(&mut fields)?;
    let face = grant::face(&mut fields)?;
    fields.finish()?;
    if RESERVED_PLUGIN_NAMES.contains(&name.as_str()) {
        return Err(taken("a provider that is built in", &name));
    }
    let provider = ProviderName::new(&name);
    let mut held = peer.held();
    if held.providers.contains(&provider) {
        // Registering anew changes what is shown.
        peer.host.handle.registry().unregister(&provider);
    } else if held.providers.len() >= MAX_REGISTERED {
        return Err(Fault::invalid("name", format!("a plugin registers at most {MAX_REGISTERED} providers")));
    }
    let (link, account) = (Arc::clone(&peer.link), Arc::clone(&peer.account));
    let made = PluginProvider::new(provider.clone(), face, link, account, Arc::clone(&peer.host.plans));
    if peer.host.handle.registry().register(Arc::new(made)).is_err() {
        return Err(taken("a provider", &name));
    }
    held.providers.insert(provider.clone());
    drop(held);
    peer.account.registered(|status| {
        status.providers.insert(provider);
    });
    Ok(json!({ "name": name }))
}

/// `provider.unregister`.
pub(super) fn unregister_provider(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let name = name(&mut fields)?;
    fields.finish()?;
    let provider = ProviderName::new(&name);
    if !peer.held().providers.remove(&provider) {
        return Err(Fault::invalid("name", "is no provider of yours"));
    }
    peer.host.handle.registry().unregister(&provider);
    peer.host.handle.end_waits(&provider);
    peer.account.registered(|status| {
        status.providers.remove(&provider);
    });
    Ok(json!({}))
}

/// `authenticator.register`.
pub(super) fn authenticator(peer: &Arc<Peer>, mut fields: Fields) -> Result<Value, Fault> {
    peer.needs(&Permission::RegisterHandler)?;
    let name = name(&mut fields)?;
    fields.finish()?;
    let mut held = peer.held();
    if held.authenticators.contains(&name) {
        return Ok(json!({ "name": name }));
    }
    if held.authenticators.len() >= MAX_REGISTERED {
        let text = format!("a plugin registers at most {MAX_REGISTERED} authenticators");
        return Err(Fault::invalid("name", text));
    }
    let (link, account) = (Arc::clone(&peer.link), Arc::clone(&peer.account));
    let made = PluginAuthenticator { name: name.clone(), link, account };
    if !peer.host.handle.registry().authenticators().register(Arc::new(made)) {
        return Err(taken("an authenticator", &name));
    }
    held.authenticators.insert(name.clone());
    drop(held);
    peer.account.registered(|status| {
        status.authenticators.insert(name.clone());
    });
    Ok(json!({ "name": name }))
}

/// `authenticator.unregister`.
pub(super) fn unregister_authenticator(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let name = name(&mut fields)?;
    fields.finish()?;
    if !peer.held().authenticators.remove(&name) {
        return Err(Fault::invalid("name", "is no authenticator of yours"));
    }
    peer.host.handle.registry().authenticators().unregister(&name);
    peer.account.registered(|status| {
        status.authenticators.remove(&name);
    });
    Ok(json!({}))
}
