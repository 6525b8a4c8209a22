//! What was found and what is taken, in words.

use super::facts::DeviceKind;
use super::{Choices, Facts, Listen, NewBridge};

/// What was found on the box, a line each.
pub fn found(facts: &Facts) -> Vec<String> {
    let mut lines: Vec<String> = facts
        .devices
        .iter()
        .map(|device| {
            let kind = match device.kind {
                DeviceKind::Card => "a card",
                DeviceKind::Wireless => "a Wi-Fi card",
                DeviceKind::Bridge => "a bridge",
                DeviceKind::Other => "another device",
            };
            let mut words = vec![kind.to_owned()];
            words.push(if device.up { "up" } else { "down, or no cable" }.to_owned());
            words.extend(device.bridge.iter().map(|bridge| format!("a port of {bridge}")));
            if facts.default_routes.contains(&device.name) {
                words.push("the default route".to_owned());
            }
            if facts.called_over(&device.name) {
                words.push("you called over it".to_owned());
            }
            let addresses: Vec<String> = device.addresses.iter().map(ToString::to_string).collect();
            words.push(if addresses.is_empty() { "no address".to_owned() } else { addresses.join(" ") });
            format!("{}: {}", device.name, words.join(", "))
        })
        .collect();
    if let Some(caller) = &facts.caller {
        let mac = caller.mac.map_or_else(String::new, |mac| format!(" ({mac})"));
        let over = caller.device.as_ref().map_or_else(String::new, |device| format!(" over {device}"));
        lines.push(format!("you called by ssh from {}{mac}{over}", caller.address));
    }
    if facts.default_routes.is_empty() {
        lines.push("there is no default route now".to_owned());
    }
    lines
}

/// What is taken, a line each.
pub fn taken(choices: &Choices) -> Vec<String> {
    let mut lines = vec![format!("to the Internet: {}", choices.wan)];
    lines.push(match &choices.network {
        Some(network) => {
            let made = match &network.bridge {
                Some(NewBridge { ports, .. }) => {
                    let ports: Vec<&str> = ports.iter().map(super::DeviceName::as_str).collect();
                    format!(
                        "a new bridge of {}",
                        if ports.is_empty() { "no wired card".to_owned() } else { ports.join(", ") }
                    )
                }
                None => "there already".to_owned(),
            };
            let wifi = network.wifi.as_ref().map_or_else(String::new, |wifi| {
                format!(
                    ", Wi-Fi {:?} on {} ({})",
                    wifi.ssid,
                    wifi.device,
                    match wifi.passphrase {
                        Some(_) => "with a passphrase",
                        None => "open",
                    }
                )
            });
            let v6 = network.v6.map_or_else(String::new, |v6| format!(" {v6}"));
            format!("guests: {} ({made}{wifi}), {}{v6}", choices.guest, network.v4)
        }
        None => format!("guests: {}", choices.guest),
    });
    lines.push(match &choices.listen {
        Listen::On { device, address, .. } => format!("managed: over {device}, {address}"),
        Listen::Guests(address) => format!("managed: from the guests' network by trusted devices, {address}"),
        Listen::Loopback => "managed: from the box itself, and through ssh".to_owned(),
    });
    if !choices.trusted.is_empty() {
        let macs: Vec<String> = choices.trusted.iter().map(ToString::to_string).collect();
        lines.push(format!("trusted: {}", macs.join(", ")));
    }
    let name = if choices.name.is_empty() { "the host's name" } else { &choices.name };
    lines.push(format!("called: {name}"));
    lines.push(format!("first admin: {}", choices.admin));
    if let Some(first) = &choices.plan {
        let price = choices.currency.show(first.plan.price);
        let time = first.time_secs.map(|secs| format!("{secs} s"));
        let data = first.data_mb.map(|mb| format!("{mb} MB"));
        let terms: Vec<String> = [time, data].into_iter().flatten().collect();
        lines.push(format!(
            "first plan: {} ({}), {}, {price}",
            first.plan.title,
            first.plan.name,
            terms.join(" or ")
        ));
    }
    lines
}
