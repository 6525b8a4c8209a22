//! What plugins ask of the daemon, a method each.

mod devices;
mod events;
mod locks;
mod once;
mod register;
mod sale;
mod sessions;

use std::sync::Arc;

use serde_json::{Value, json};

use super::connection::Peer;
use super::rpc::{Fault, Fields, UNKNOWN_METHOD};
use crate::domain::{ClientDevice, Permission, ProviderName, Text};
use crate::runtime::DeviceRef;

/// Whether a request may take long: then those behind it do not wait for it.
pub(super) fn waits(method: &str, params: &Value) -> bool {
    method == "lock.acquire" && params.get("wait_secs").is_some()
}

/// Carries out a request.
pub(super) async fn carry_out(peer: &Arc<Peer>, method: &str, params: Value) -> Result<Value, Fault> {
    let fields = Fields::of(params.clone())?;
    match method {
        "ping" => nothing(fields),
        "log" => log(peer, fields),
        "provider.register" => register::provider(peer, fields),
        "provider.unregister" => register::unregister_provider(peer, fields),
        "authenticator.register" => register::authenticator(peer, fields),
        "authenticator.unregister" => register::unregister_authenticator(peer, fields),
        "session.create" => sale::create(peer, fields, &params).await,
        "session.get" => sessions::get(peer, fields).await,
        "session.list" => sessions::list(peer, fields).await,
        "session.update" => sessions::update(peer, fields, &params).await,
        "session.close" => sessions::close(peer, fields).await,
        "device.get" => devices::get(peer, fields).await,
        "device.list" => devices::list(peer, fields).await,
        "connect" => devices::connect(peer, fields).await,
        "disconnect" => devices::disconnect(peer, fields).await,
        "message" => devices::message(peer, fields).await,
        "waiting.set" => devices::set_waiting(peer, fields).await,
        "waiting.clear" => devices::clear_waiting(peer, fields).await,
        "credit.add" => sale::add_credit(peer, fields).await,
        "credit.list" => sale::list_credits(peer, fields).await,
        "plan.list" => sale::plans(peer, fields).await,
        "lock.acquire" => locks::acquire(peer, fields).await,
        "lock.release" => locks::release(peer, fields).await,
        "events.subscribe" => events::subscribe(peer, fields),
        "hello" => Err(Fault::new(super::rpc::INVALID, "hello was said already")),
        _ => {
            let method: String = method.chars().take(40).collect();
            Err(Fault::new(UNKNOWN_METHOD, format!("there is no method {method:?}")))
        }
    }
}

fn nothing(fields: Fields) -> Result<Value, Fault> {
    fields.finish()?;
    Ok(json!({}))
}

fn log(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let level = fields.take::<String>("level")?;
    let text = Text::new(&fields.need::<String>("text")?);
    fields.finish()?;
    let (plugin, said) = (&peer.account.name, text.as_str());
    match level.as_deref().unwrap_or("info") {
        "info" => tracing::info!(plugin, said, "a plugin says"),
        "warn" => tracing::warn!(plugin, said, "a plugin warns"),
        "error" => tracing::error!(plugin, said, "a plugin reports an error"),
        _ => return Err(Fault::invalid("level", "must be one of info, warn, error")),
    }
    Ok(json!({}))
}

/// The device that a field names: by id, MAC or IP.
async fn device(peer: &Peer, fields: &mut Fields) -> Result<ClientDevice, Fault> {
    let text = fields.need::<String>("device")?;
    find_device(peer, &text).await
}

async fn find_device(peer: &Peer, text: &str) -> Result<ClientDevice, Fault> {
    let id = || text.parse().ok().map(DeviceRef::Id);
    let mac = || text.parse().ok().map(DeviceRef::Mac);
    let ip = || text.parse().ok().map(DeviceRef::Ip);
    let found = id().or_else(mac).or_else(ip);
    let found = found.ok_or_else(|| Fault::invalid("device", "must be the id, MAC or IP of a device"))?;
    Ok(peer.host.handle.find_device(found).await?)
}

/// The provider of the plugin's that is meant: the one that it names, or the only one that it has.
fn provider(peer: &Peer, fields: &mut Fields) -> Result<ProviderName, Fault> {
    let named = fields.take::<String>("provider")?;
    let held = peer.held();
    match named {
        Some(name) => held.providers.iter().find(|known| known.as_str() == name).cloned().ok_or_else(|| {
            let data = Some(json!({ "field": "provider" }));
            let message =
                format!("provider: {:?} is none of yours", name.chars().take(40).collect::<String>());
            Fault { code: super::rpc::NOT_YOURS, message, data }
        }),
        None if held.providers.len() > 1 => Err(Fault::invalid("provider", "is missing: you have several")),
        None => {
            held.providers.first().cloned().ok_or_else(|| {
                Fault::new(super::rpc::NOT_YOURS, "register a provider first: provider.register")
            })
        }
    }
}

/// Seeing what is not the plugin's own.
fn needs_view(peer: &Peer) -> Result<(), Fault> {
    peer.needs(&Permission::ViewSession)
}

/// Changing what is not the plugin's own.
fn needs_modify(peer: &Peer) -> Result<(), Fault> {
    needs_view(peer)?;
    peer.needs(&Permission::ModifySession)
}
