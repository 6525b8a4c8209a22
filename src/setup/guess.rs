//! What is likely meant, and why it is thought so.

use super::Facts;
use super::facts::{Device, DeviceKind};

/// A guess and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) value: String,
    pub(super) why: String,
}

impl Guess {
    pub(super) fn new(value: impl Into<String>, why: impl Into<String>) -> Self {
        Self { value: value.into(), why: why.into() }
    }
}

/// The way to the Internet.
pub(super) fn wan(facts: &Facts) -> Option<Guess> {
    let first = facts.default_routes.first()?;
    let why = match facts.default_routes.len() {
        1 => "the default route leads there".to_owned(),
        _ => format!("the first of several default routes: {}", facts.default_routes.join(", ")),
    };
    Some(Guess::new(first.clone(), why))
}

/// The devices that could be the guests': cards and bridges with an address that do not lead to the Internet, and from whose
/// network the box is not managed.
pub(super) fn guest_devices<'f>(facts: &'f Facts, wan: &str, manage: Option<&str>) -> Vec<&'f Device> {
    let could_be = |device: &&Device| {
        device.is_network()
            && device.name != wan
            && Some(device.name.as_str()) != manage
            && !facts.default_routes.contains(&device.name)
    };
    facts.devices.iter().filter(could_be).collect()
}

/// The guests' device, if only one can be meant.
pub(super) fn guest(candidates: &[&Device]) -> Option<Guess> {
    if let [one] = candidates {
        return Some(Guess::new(one.name.clone(), "the only other network with an address"));
    }
    let bridges: Vec<&&Device> = candidates.iter().filter(|one| one.kind == DeviceKind::Bridge).collect();
    match bridges.as_slice() {
        [one] => Some(Guess::new(one.name.clone(), "the only bridge with an address")),
        _ => None,
    }
}

/// The cards that can go into the guests' bridge: nothing is done with them yet.
pub(super) fn ports(facts: &Facts, wan: &str, bridge: &str, manage: Option<&str>) -> Option<Guess> {
    // Which card PPPoE and tunnels go over is not known here: it may look as free as any.
    let is_known = |device: &Device| device.kind != DeviceKind::Other || device.on.is_some();
    if !facts.device(wan).is_some_and(is_known) {
        return None;
    }
    let is_free = |device: &&Device| {
        device.kind == DeviceKind::Card
            && device.name != wan
            && Some(device.name.as_str()) != manage
            && !facts.default_routes.contains(&device.name)
            && !facts.called_over(&device.name)
            && device.address().is_none()
            && facts.made_on(&device.name).is_none()
            && device.bridge.as_deref().is_none_or(|of| of == bridge)
    };
    let free: Vec<&str> = facts.devices.iter().filter(is_free).map(|device| device.name.as_str()).collect();
    if free.is_empty() {
        return None;
    }
    Some(Guess::new(free.join(","), "no address, no bridge, not the way to the Internet"))
}

/// From where the box is managed: the network of a third device, or the guests' by whoever called over it.
pub(super) fn manage(facts: &Facts, wan: &str, guest: &str) -> Option<Guess> {
    let others = guest_devices(facts, wan, Some(guest));
    let called = others.iter().find(|device| facts.called_over(&device.name));
    if let Some(device) = called {
        return Some(Guess::new(device.name.clone(), "you called over it, and no guest is there"));
    }
    let caller = facts.caller.as_ref().filter(|_| facts.called_over(guest));
    if let Some(mac) = caller.and_then(|caller| caller.mac) {
        return Some(Guess::new(mac.to_string(), "you called from there, on the guests' network"));
    }
    let device = others.first().filter(|_| caller.is_none())?;
    Some(Guess::new(device.name.clone(), "a network of its own, where no guest is"))
}
