use serde_json::{Value, json};

use super::once::Change;
use super::{device, needs_modify, needs_view, provider, sessions};
use crate::domain::{ClientDevice, Text, Waiting};
use crate::plugins::connection::Peer;
use crate::plugins::rpc::{Fault, Fields};
use crate::plugins::{grant, shapes};

/// A message is shown for so long, unless the plugin says otherwise: a day.
const MESSAGE_SECS: u64 = 86_400;
/// The longest wait that a page shows.
const MAX_WAIT_SECS: f64 = 3600.0;

/// `device.get`.
pub(super) async fn get(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    needs_view(peer)?;
    let device = device(peer, &mut fields).await?;
    fields.finish()?;
    let connected = peer.host.handle.is_connected(device.id).await?;
    Ok(json!({ "device": shapes::device(&device), "connected": connected }))
}

/// `device.list`.
pub(super) async fn list(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    needs_view(peer)?;
    let (first, count) = sessions::page(&mut fields)?;
    fields.finish()?;
    let mut devices: Vec<ClientDevice> = peer.host.handle.devices().await?;
    devices.sort_by_key(|device| device.id);
    let items: Vec<Value> = devices.iter().skip(first).take(count).map(shapes::device).collect();
    Ok(json!({ "items": items, "total": devices.len() }))
}

/// `connect`: on what is there for the device.
pub(super) async fn connect(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    needs_modify(peer)?;
    let device = device(peer, &mut fields).await?;
    let notify = grant::text(&mut fields, "notify")?;
    fields.finish()?;
    let change = Change::new(peer, "device.connect", &Value::Null, None)?;
    let session = change.handle(peer).connect(device.id, notify).await?;
    Ok(json!({ "session": shapes::session(&session) }))
}

/// `disconnect`.
pub(super) async fn disconnect(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    needs_modify(peer)?;
    let device = device(peer, &mut fields).await?;
    let notify = grant::text(&mut fields, "notify")?;
    fields.finish()?;
    let change = Change::new(peer, "device.disconnect", &Value::Null, None)?;
    let device = change.handle(peer).disconnect(device.id, notify).await?;
    Ok(json!({ "device": shapes::device(&device) }))
}

/// `message`: a text for the device's page.
pub(super) async fn message(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    needs_modify(peer)?;
    let device = device(peer, &mut fields).await?;
    let text = Text::new(&fields.need::<String>("text")?);
    let lasts = fields.take::<u64>("lasts_secs")?.unwrap_or(MESSAGE_SECS);
    fields.finish()?;
    if text.is_empty() {
        return Err(Fault::invalid("text", "must not be empty"));
    }
    if !(1..=30 * MESSAGE_SECS).contains(&lasts) {
        return Err(Fault::invalid("lasts_secs", format!("must be between 1 and {}", 30 * MESSAGE_SECS)));
    }
    let change = Change::new(peer, "device.message", &Value::Null, None)?;
    let message = change.handle(peer).message(device.id, None, text, lasts * 1000).await?;
    Ok(json!({ "message": message.id.to_string() }))
}

/// `waiting.set`: what the device's page shows while the plugin waits for something outside of it.
pub(super) async fn set_waiting(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let provider = provider(peer, &mut fields)?;
    let device = device(peer, &mut fields).await?;
    let text = Text::new(&fields.need::<String>("text")?);
    let secs = fields.take::<f64>("secs")?;
    let done = grant::text(&mut fields, "done")?;
    let cancel = grant::text(&mut fields, "cancel")?;
    fields.finish()?;
    if secs.is_some_and(|secs| !(0.0..=MAX_WAIT_SECS).contains(&secs)) {
        return Err(Fault::invalid("secs", format!("must be between 0 and {MAX_WAIT_SECS}")));
    }
    let now = peer.host.handle.now().boot;
    let until = secs.map(|secs| {
        let millis = std::time::Duration::from_secs_f64(secs).as_millis();
        now.plus_millis(u64::try_from(millis).unwrap_or(0))
    });
    if let Some((other, _)) = peer.host.handle.waiting(device.id)
        && other != provider
    {
        let text = format!("the page of this device waits for {other} already");
        return Err(Fault::new(crate::plugins::rpc::REFUSED, text));
    }
    peer.host.handle.set_waiting(device.id, &provider, Some(Waiting { text, until, done, cancel }));
    Ok(json!({}))
}

/// `waiting.clear`.
pub(super) async fn clear_waiting(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let provider = provider(peer, &mut fields)?;
    let device = device(peer, &mut fields).await?;
    fields.finish()?;
    peer.host.handle.set_waiting(device.id, &provider, None);
    Ok(json!({}))
}
