//! From where the box is managed once guests are on it, and that nobody who manages it now is locked out.

use std::net::IpAddr;

use super::ask::{Part, Question};
use super::{DeviceName, Facts, Listen, Manage, Refused, Topic, Wishes, guess};
use crate::domain::MacAddr;

/// The port of ssh where nobody has called.
const SSH_PORT: u16 = 22;

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Management {
    pub(super) listen: Listen,
    pub(super) trusted: Vec<MacAddr>,
    pub(super) ssh_port: u16,
}

/// The networks that it is between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between<'a> {
    pub(super) wan: &'a DeviceName,
    pub(super) guest: &'a DeviceName,
    pub(super) guest_address: Option<IpAddr>,
}

pub(super) fn decide(
    wishes: &Wishes,
    facts: &Facts,
    between: Between<'_>,
) -> Result<Part<Management>, Refused> {
    let Between { wan, guest, guest_address } = between;
    let wanted = match &wishes.manage {
        Some(wanted) => wanted.clone(),
        None if !wishes.trust.is_empty() => Manage::FromGuests,
        None => return Ok(Part::Ask(question(facts, wan, guest))),
    };
    let listen = match wanted {
        Manage::On(device) if device == *guest => {
            return Err(Refused::new(format!(
                "{device} is the guests' network: name the devices that may manage the box from there, with --trust MAC"
            )));
        }
        Manage::On(device) => on(facts, wan, device)?,
        Manage::FromGuests => Listen::Guests(guest_address.ok_or_else(|| {
            Refused::new(format!(
                "{guest} has no address that the admin pages could be reached at: give it one"
            ))
        })?),
        Manage::Loopback => Listen::Loopback,
    };
    let mut trusted = wishes.trust.clone();
    trusted.sort();
    trusted.dedup();
    keep_the_caller(facts, guest, &trusted)?;
    let ssh_port = facts.caller.as_ref().map_or(SSH_PORT, |caller| caller.ssh_port);
    Ok(Part::Done(Management { listen, trusted, ssh_port }))
}

/// The address of another device.
fn on(facts: &Facts, wan: &DeviceName, device: DeviceName) -> Result<Listen, Refused> {
    let Some(found) = facts.device(device.as_str()) else {
        return Err(Refused::new(format!("--manage: there is no network device {device}")));
    };
    if let Some(bridge) = &found.bridge {
        return Err(Refused::new(format!("--manage: {device} is a port of {bridge}, which has the address")));
    }
    let Some(address) = found.address() else {
        return Err(Refused::new(format!(
            "--manage: {device} has no address that the admin pages could be reached at: give it one"
        )));
    };
    let is_wan = device == *wan;
    if is_wan && !is_private(address) {
        return Err(Refused::new(format!(
            "--manage: {device} is on the Internet ({address}): everybody could try passwords there. \
             Take --admin-on-loopback and a tunnel of ssh"
        )));
    }
    Ok(Listen::On { device, address, is_wan })
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// Whoever called over the guests' device loses the connection when guests are kept off the router, unless trusted.
fn keep_the_caller(facts: &Facts, guest: &DeviceName, trusted: &[MacAddr]) -> Result<(), Refused> {
    let Some(caller) = facts.caller.as_ref().filter(|_| facts.called_over(guest.as_str())) else {
        return Ok(());
    };
    let from =
        format!("you called by ssh from {} over {guest}, which becomes the guests' network", caller.address);
    match caller.mac {
        Some(mac) if trusted.contains(&mac) => Ok(()),
        Some(mac) => Err(Refused::new(format!(
            "{from}: you would be cut off. Add --trust {mac}, which is the device you called from"
        ))),
        None => Err(Refused::new(format!(
            "{from}: you would be cut off, and your device cannot be told there. Call over another network, or work at the box itself"
        ))),
    }
}

fn question(facts: &Facts, wan: &DeviceName, guest: &DeviceName) -> Question {
    let text = format!(
        "From where is this box managed? Guests must not reach it. A device with a network of your own (--manage DEV), the MAC of \
         your computer on {guest} (--trust MAC), or loopback: from the box itself and through ssh (--admin-on-loopback)"
    );
    Question::new(Topic::Manage, text, guess::manage(facts, wan.as_str(), guest.as_str()))
}
