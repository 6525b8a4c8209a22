use std::net::{IpAddr, SocketAddr};

use super::{ADMIN_PORT, Choices, Facts, Listen, PORTAL_PORT};

/// What comes next, a line each.
pub fn ending(choices: &Choices, facts: &Facts) -> Vec<String> {
    let url = |scheme: &str, address: IpAddr, port| format!("{scheme}://{}", SocketAddr::new(address, port));
    let mut lines = Vec::new();
    match &choices.listen {
        Listen::On { address, .. } => {
            lines.push(format!(
                "Admin pages: {}/admin, as {}",
                url("https", *address, ADMIN_PORT),
                choices.admin
            ));
            lines.push(
                "    (the certificate was made here: browsers ask once whether you mean it)".to_owned(),
            );
        }
        Listen::Guests(address) => {
            let macs: Vec<String> = choices.trusted.iter().map(ToString::to_string).collect();
            lines.push(format!(
                "Admin pages: {}/admin, as {}",
                url("https", *address, ADMIN_PORT),
                choices.admin
            ));
            lines.push(format!(
                "    from {} only; browsers ask once whether you mean the certificate",
                macs.join(", ")
            ));
        }
        Listen::Loopback => {
            let host = &facts.host_name;
            lines.push(format!(
                "Admin pages: on your computer  ssh -L {ADMIN_PORT}:127.0.0.1:{ADMIN_PORT} {host}"
            ));
            lines.push(format!("    and then https://127.0.0.1:{ADMIN_PORT}/admin, as {}", choices.admin));
        }
    }
    match &choices.plan {
        Some(first) => {
            lines.push(format!("Vouchers: turnpike voucher create --plan {} --count 10", first.plan.name));
        }
        None => {
            let plan = "turnpike plan create hour --title 'One hour' --kind time --time-secs 3600 --price 2";
            lines.push(format!("Vouchers: {plan}"));
            lines.push("    turnpike voucher create --plan hour --count 10".to_owned());
        }
    }
    match choices.guest_address {
        Some(address) => {
            lines.push(format!("Portal: {}/ on the guests' network", url("http", address, PORTAL_PORT)))
        }
        None => lines
            .push(format!("Portal: port {PORTAL_PORT} of this box, once {} has an address", choices.guest)),
    }
    lines.push("    phones that join open it by themselves".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::sample::{choices, plain_box};

    #[test]
    fn it_says_where_to_go() {
        let mut choices = choices();
        let said = ending(&choices, &plain_box()).join("\n");
        assert!(said.contains("ssh -L 2051:127.0.0.1:2051 harbour"), "{said}");
        assert!(said.contains("voucher create --plan hour --count 10"), "{said}");
        assert!(said.contains("http://192.168.77.1:2050/ on"), "{said}");
        choices.listen =
            Listen::On { device: choices.wan.clone(), address: "fd00::7".parse().unwrap(), is_wan: true };
        let said = ending(&choices, &plain_box()).join("\n");
        assert!(said.contains("https://[fd00::7]:2051/admin, as admin"), "{said}");
    }
}
