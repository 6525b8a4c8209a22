use crate::doctor::gather::{Known, Network};
use crate::doctor::sides::device_setting;
use crate::doctor::system::System;
use crate::doctor::{Code, Finding, Place, Sides};

/// The kernel's switches for what passes through this box.
pub fn judge(place: &Place, sides: &Sides, network: &Known<Network>, system: System) -> Vec<Finding> {
    vec![
        forwarding_v4(place, sides, system),
        forwarding_v6(place, sides, network, system),
        router_advertisements(place, sides, network, system),
        rp_filter(place, sides, system),
    ]
}

fn forwarding_v4(place: &Place, sides: &Sides, system: System) -> Finding {
    let code = Code::FORWARDING_V4;
    let on = match place.read("/proc/sys/net/ipv4/ip_forward") {
        Ok(text) => text.trim() == "1",
        Err(error) => return Finding::unchecked(code, error),
    };
    let off = |device: &&str| device_setting(place, "ipv4", device, "forwarding") == Some(0);
    let why = "no IPv4 packet of a guest leaves this box";
    if !on {
        return Finding::problem(code, "the kernel does not forward IPv4 (net.ipv4.ip_forward = 0)")
            .because(why)
            .fix(system.sysctl("net.ipv4.ip_forward", "1"));
    }
    let off: Vec<&str> = sides.devices().filter(off).collect();
    if off.is_empty() {
        return Finding::ok(code, "IPv4 is forwarded");
    }
    let fix = off.iter().flat_map(|device| system.sysctl(&format!("net.ipv4.conf.{device}.forwarding"), "1"));
    Finding::problem(code, format!("IPv4 is not forwarded from {}", off.join(", "))).because(why).fix(fix)
}

fn forwarding_v6(place: &Place, sides: &Sides, network: &Known<Network>, system: System) -> Finding {
    let code = Code::FORWARDING_V6;
    let on = match place.read_if_there("/proc/sys/net/ipv6/conf/all/forwarding") {
        Ok(Some(text)) => text.trim() != "0",
        Ok(None) => return Finding::ok(code, "this kernel has no IPv6"),
        Err(error) => return Finding::unchecked(code, error),
    };
    let network = match network {
        _ if on => return Finding::ok(code, "IPv6 is forwarded, and gated like IPv4"),
        Ok(network) => network,
        Err(error) => return Finding::unchecked(code, error),
    };
    let routed: Vec<&str> = sides.zone_devices().filter(|device| network.has_routed_ipv6(device)).collect();
    if routed.is_empty() {
        return Finding::ok(code, "IPv6 is not forwarded, and no zone has addresses of it");
    }
    let note = "forwarding stops the kernel's own hearing of router advertisements: where the WAN lives on them, also set";
    let accept =
        sides.wan.iter().flat_map(|wan| system.sysctl(&format!("net.ipv6.conf.{wan}.accept_ra"), "2"));
    let fix = system.sysctl("net.ipv6.conf.all.forwarding", "1").into_iter();
    Finding::warning(
        code,
        format!("{} has IPv6 addresses, and the kernel does not forward IPv6", routed.join(", ")),
    )
    .because("phones that get IPv6 try it first, and wait until it fails")
    .fix(fix.chain((!sides.wan.is_empty()).then(|| format!("# {note}"))).chain(accept))
}

fn router_advertisements(place: &Place, sides: &Sides, network: &Known<Network>, system: System) -> Finding {
    let code = Code::ROUTER_ADVERTISEMENTS;
    let routes = match network {
        Ok(network) => &network.routes,
        Err(error) => return Finding::unchecked(code, error),
    };
    // 1 is "unless it forwards"; 0 is left to a program that does it instead (netifd, systemd-networkd).
    let deaf = |device: &&String| {
        device_setting(place, "ipv6", device, "accept_ra") == Some(1)
            && device_setting(place, "ipv6", device, "forwarding").is_some_and(|on| on != 0)
    };
    let deaf: Vec<&String> = sides.wan.iter().filter(deaf).collect();
    if deaf.is_empty() || routes.iter().any(|route| route.is_ipv6) {
        return Finding::ok(code, "nothing keeps the WAN from its IPv6 default route");
    }
    let fix = deaf.iter().flat_map(|device| system.sysctl(&format!("net.ipv6.conf.{device}.accept_ra"), "2"));
    let names: Vec<&str> = deaf.iter().map(|device| device.as_str()).collect();
    Finding::warning(code, format!("the kernel hears no router advertisements on {}", names.join(", ")))
        .because("it forwards IPv6 (accept_ra = 1 means: only hosts), and there is no IPv6 default route")
        .fix(fix)
}

fn rp_filter(place: &Place, sides: &Sides, system: System) -> Finding {
    let code = Code::RP_FILTER;
    if sides.wan.len() < 2 {
        return Finding::ok(code, "there is one way out at most: a strict filter does no harm");
    }
    let of = |device: &str| device_setting(place, "ipv4", device, "rp_filter").unwrap_or(0);
    // The stricter of the two holds, and 2 (loose) beats 1 (`net/ipv4/fib_frontend.c`).
    let strict: Vec<&String> = sides.wan.iter().filter(|device| of("all").max(of(device)) == 1).collect();
    if strict.is_empty() {
        return Finding::ok(code, "no WAN device has a strict reverse path filter");
    }
    let fix =
        strict.iter().flat_map(|device| system.sysctl(&format!("net.ipv4.conf.{device}.rp_filter"), "2"));
    let names: Vec<&str> = strict.iter().map(|device| device.as_str()).collect();
    Finding::warning(code, format!("the reverse path filter is strict on {}", names.join(", ")))
        .because("answers that come back on another WAN than the default route's are dropped")
        .fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{Ok as Well, Problem, Warning};
    use crate::doctor::gather::network;
    use crate::doctor::place::with_files;

    #[test]
    fn switches_are_read_for_the_box_and_for_each_device() {
        let sides = Sides::new([("guests", "br-lan")], ["wan", "wan2"]);
        let links = [("br-lan", None), ("wan", None), ("wan2", None)];
        let there = Ok(network(&links, &[("br-lan", "fd77::1")], &[("wan", false)]));
        let of = |files: &[(&str, &str)]| {
            let (_dir, place) = with_files(files);
            let found = judge(&place, &sides, &there, System::Debian);
            <[_; 4]>::try_from(found.iter().map(|finding| finding.severity).collect::<Vec<_>>()).unwrap()
        };
        let v4 = "/proc/sys/net/ipv4/ip_forward";
        let v6 = "/proc/sys/net/ipv6/conf/all/forwarding";
        assert_eq!(of(&[]), [Warning, Well, Well, Well], "what cannot be read");
        assert_eq!(of(&[(v4, "1\n"), (v6, "1\n")]), [Well; 4]);
        assert_eq!(of(&[(v4, "0\n"), (v6, "0\n")]), [Problem, Warning, Well, Well]);
        assert_eq!(of(&[(v4, "1"), ("/proc/sys/net/ipv4/conf/wan2/forwarding", "0")])[0], Problem);
        let deaf = ["/proc/sys/net/ipv6/conf/wan/accept_ra", "/proc/sys/net/ipv6/conf/wan/forwarding"];
        assert_eq!(of(&[(v4, "1"), (v6, "1"), (deaf[0], "1"), (deaf[1], "1")]), [Well, Well, Warning, Well]);
        assert_eq!(of(&[(v4, "1"), (v6, "1"), (deaf[0], "2"), (deaf[1], "1")]), [Well; 4]);
        let filter = "/proc/sys/net/ipv4/conf/all/rp_filter";
        let own = "/proc/sys/net/ipv4/conf/wan2/rp_filter";
        assert_eq!(of(&[(v4, "1"), (filter, "1"), (own, "2")])[3], Warning, "the other is strict");
        let (_dir, place) = with_files(&[(filter, "1"), (own, "2")]);
        assert!(rp_filter(&place, &sides, System::Debian).what.ends_with("strict on wan"));
    }

    #[test]
    fn without_ipv6_addresses_nobody_misses_forwarding() {
        let sides = Sides::new([("guests", "br-lan")], ["wan"]);
        let there = Ok(network(&[("br-lan", None)], &[("br-lan", "fe80::1")], &[]));
        let (_dir, place) = with_files(&[("/proc/sys/net/ipv6/conf/all/forwarding", "0")]);
        assert_eq!(forwarding_v6(&place, &sides, &there, System::Debian).severity, Well);
    }
}
