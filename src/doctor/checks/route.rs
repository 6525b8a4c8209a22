use crate::doctor::gather::{Known, Network};
use crate::doctor::{Code, Finding, Sides};

/// Where the default route leads. `is_configured`: whether `[network] wan` names devices.
pub fn judge(sides: &Sides, network: &Known<Network>, is_configured: bool) -> Finding {
    let code = Code::DEFAULT_ROUTE;
    let mut devices: Vec<&str> = match network {
        Ok(network) => network.routes.iter().map(|route| route.device.as_str()).collect(),
        Err(error) => return Finding::unchecked(code, error),
    };
    devices.sort_unstable();
    devices.dedup();
    let is_wan = |device: &&str| sides.wan.iter().any(|wan| wan == device);
    if let Some(device) = devices.iter().find(|device| sides.zone_devices().any(|zone| zone == **device)) {
        return Finding::problem(code, format!("the default route leads to {device}, which is a zone's"))
            .because("guests are to pay for the way to themselves: nobody reaches the Internet by the WAN")
            .fix([
                format!("ip route del default dev {device}    # and in your network configuration"),
                "or leave that device out of [[zone]] lan".to_owned(),
            ]);
    }
    if devices.is_empty() {
        return Finding::problem(code, "there is no default route")
            .because(if is_configured {
                "guests pass, and reach nothing"
            } else {
                "[network] wan names no device, so that nobody can be let through"
            })
            .fix(["bring the uplink up: ip route show default", "name its device in [network] wan"]);
    }
    let shown = devices.join(", ");
    if devices.iter().any(is_wan) {
        return Finding::ok(code, format!("the default route leads to {shown}"));
    }
    Finding::problem(
        code,
        format!("the default route leads to {shown}, and [network] wan is {}", sides.wan.join(", ")),
    )
    .because("what guests send leaves by a device that is not listed, and is refused")
    .fix([format!("wan = [\"{}\"] in [network]", devices.join("\", \""))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use crate::doctor::gather::network;

    #[test]
    fn where_the_default_route_leads_matters() {
        let links = [("br-lan", None), ("wan", None), ("tun0", None)];
        let of = |routes: &[(&str, bool)]| {
            let sides = Sides::new([("guests", "br-lan")], ["wan"]);
            judge(&sides, &Ok(network(&links, &[], routes)), true)
        };
        assert_eq!(of(&[("wan", false), ("tun0", true)]).severity, Severity::Ok);
        for (routes, words) in [
            (&[][..], "no default route"),
            (&[("br-lan", false), ("wan", false)], "a zone's"),
            (&[("tun0", false)], "leads to tun0, and"),
        ] {
            let found = of(routes);
            assert!(found.severity == Severity::Problem && found.what.contains(words), "{found:?}");
        }
    }
}
