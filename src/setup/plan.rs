use super::files::{dnsmasq, hostapd, ifupdown, nat, networkd, sysctl, write};
use super::{
    ByHand, Choices, Command, Facts, GuestNetwork, Networking, NewBridge, Refused, Step, config_file,
};
use crate::config::Config;

/// The example that the package brings; whoever has that has not said anything yet.
const EXAMPLE: &str = include_str!("../../docs/turnpike.toml");
/// Where it lies, perhaps of an earlier version.
pub(super) const EXAMPLE_PLACE: &str = "/usr/share/doc/turnpike/examples/turnpike.toml";

/// What is done, in its order, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is done.
    pub steps: Vec<Step>,
    /// What has to be done by hand.
    pub by_hand: Vec<ByHand>,
    /// What was found to be so already, and what else is worth a word.
    pub notes: Vec<String>,
}

/// The files and commands. Guests are kept out before anything brings them a network.
///
/// # Errors
///
/// Something is in the way; nothing was done.
pub fn plan(choices: &Choices, facts: &Facts) -> Result<Plan, Refused> {
    let mut plan = Plan::default();
    configure(&mut plan, choices, facts)?;
    close(&mut plan, choices, facts);
    if let Some(network) = &choices.network {
        make(&mut plan, choices, network, facts)?;
    }
    // Also after a firewall that is only installed later.
    let [nftables, firewalld, ufw] =
        ["nftables", "firewalld", "ufw"].map(|firewall| format!("turnpike-reapply@{firewall}.service"));
    plan.steps.push(Step::Run(Command::new(
        ["systemctl", "enable", "--now", &nftables, &firewalld, &ufw, "turnpike.service"],
        "the portal opens, now and at each start; the rules come back after each of these firewalls",
    )));
    if let Some(socket) = &facts.daemon {
        // Whether or not the file is another: it may be one that was not taken the last time. It was asked for just now, with
        // whom it may cut off.
        let socket = socket.to_string_lossy();
        let argv = [facts.program.as_str(), "reload", "--yes", "--socket", &socket];
        plan.steps.push(Step::Run(Command::new(argv, "the daemon takes the new configuration")));
    }
    Ok(plan)
}

fn configure(plan: &mut Plan, choices: &Choices, facts: &Facts) -> Result<(), Refused> {
    let file = config_file::file(choices);
    let shown = file.path.display().to_string();
    Config::check_text(&file.text, &file.path).map_err(|error| Refused::new(error.to_string()))?;
    let keep = match &facts.config {
        Some(text) if *text == file.text => {
            plan.notes.push(format!("{shown} says it already"));
            return Ok(());
        }
        None => false,
        Some(text) if text == EXAMPLE || facts.text(EXAMPLE_PLACE) == Some(text.as_str()) => false,
        Some(_) if choices.force => true,
        Some(_) => {
            return Err(Refused::new(format!(
                "{shown} is not the example of the package: somebody wrote it. --force puts another in its place, and keeps it \
                 beside as {shown}.before-setup"
            )));
        }
    };
    plan.steps.push(Step::Configure { file, keep });
    Ok(())
}

/// The rules stand before a bridge or an address does.
fn close(plan: &mut Plan, choices: &Choices, facts: &Facts) {
    let why = "guests are kept out until the portal runs";
    let config = choices.config.to_string_lossy();
    let command = if facts.systemd_runs() {
        Command::new(["systemctl", "enable", "--now", "turnpike-close.service"], why)
    } else {
        Command::new([facts.program.as_str(), "close", "--config", &config], why)
    };
    plan.steps.push(Step::Run(command));
}

fn make(plan: &mut Plan, choices: &Choices, network: &GuestNetwork, facts: &Facts) -> Result<(), Refused> {
    let GuestNetwork { device, bridge, v4, v6, wifi } = network;
    let mut files = Vec::new();
    let mut commands = vec![Step::Run(sysctl::apply())];
    match bridge {
        Some(NewBridge { by: Networking::Networkd, ports }) => {
            files.extend(networkd::files(device, ports, *v4, *v6));
            commands.push(Step::Run(networkd::apply()));
        }
        Some(NewBridge {
            by: Networking::Ifupdown | Networking::NetworkManager | Networking::Unknown,
            ports,
        }) => {
            files.push(ifupdown::file(device, ports, *v4, *v6));
            commands.push(Step::Run(ifupdown::apply(device)));
        }
        None => plan.notes.push(format!("{device} is there already, with {v4}: it is left as it is")),
    }
    files.push(sysctl::file(facts, &choices.wan));
    files.push(dnsmasq::file(device, *v4, *v6));
    files.extend(wifi.as_ref().map(|wifi| hostapd::file(wifi, device)));
    for file in files {
        let path = file.path.display().to_string();
        match write(facts, file)? {
            Some(step) => plan.steps.push(step),
            None => plan.notes.push(format!("{path} is there already")),
        }
    }
    plan.steps.append(&mut commands);
    let (masquerading, by_hand) = nat::steps(facts, &choices.wan, network)?;
    plan.steps.extend(masquerading);
    plan.by_hand.extend(by_hand);
    plan.steps.extend(dnsmasq::apply().map(Step::Run));
    if let Some(wifi) = wifi {
        plan.steps.push(Step::Run(hostapd::apply(wifi)));
    }
    Ok(())
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
