use crate::doctor::gather::Known;
use crate::doctor::system::System;
use crate::doctor::{Code, Finding};
use crate::gate::Capabilities;
use crate::shaper::Queues;

/// The oldest that is supported.
const OLDEST: (u32, u32) = (5, 15);

/// `has_speeds`: whether any speed is configured.
pub fn judge(
    release: &Known<String>,
    capabilities: &Known<Capabilities>,
    queues: &Known<Queues>,
    has_speeds: bool,
    system: System,
) -> Vec<Finding> {
    let mut found = vec![version(release)];
    found.extend(sets(capabilities, system));
    found.push(queue(queues, has_speeds, system));
    found
}

fn version(release: &Known<String>) -> Finding {
    let code = Code::KERNEL_VERSION;
    let read = release.as_ref().map(|release| (release.trim(), numbers(release)));
    match read {
        Ok((release, Some(version))) if version < OLDEST => {
            Finding::warning(code, format!("this is Linux {release}; Turnpike is made for 5.15 and newer"))
                .because("pieces that it relies on may be missing or behave otherwise")
                .fix(["update the kernel, or the whole system"])
        }
        Ok((release, Some(_))) => Finding::ok(code, format!("Linux {release}")),
        Ok((release, None)) => Finding::unchecked(code, format!("{release:?} is no version")),
        Err(error) => Finding::unchecked(code, error),
    }
}

fn numbers(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.trim().split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn sets(capabilities: &Known<Capabilities>, system: System) -> Vec<Finding> {
    let code = Code::KERNEL_SETS;
    let found = match capabilities {
        Ok(found) => found,
        Err(error) => return vec![Finding::unchecked(code, error)],
    };
    let missing = found.shortcomings();
    if missing.is_empty() {
        return vec![Finding::ok(
            code,
            "sets whose elements carry a time-out, a quota and a counter were made",
        )];
    }
    let fix = [
        system.install("linux-image-amd64", "kmod-nft-core kmod-nft-nat"),
        "if the kernel is your own: NF_TABLES, NF_TABLES_INET, NFT_CT, NFT_NAT, NFT_QUOTA, NFT_COUNTER"
            .to_owned(),
    ];
    let problem = |text| {
        Finding::problem(code, text)
            .because("sessions cannot be enforced: the daemon does not start")
            .fix(&fix)
    };
    missing.into_iter().map(problem).collect()
}

fn queue(queues: &Known<Queues>, has_speeds: bool, system: System) -> Finding {
    let code = Code::KERNEL_QUEUES;
    let package = |name: &str| match system {
        System::Debian => format!("modprobe sch_{name}; where that fails: apt install linux-image-amd64"),
        System::OpenWrt(_) => {
            system.install("", if name == "htb" { "kmod-sched-core" } else { "kmod-sched" })
        }
    };
    match queues {
        Ok(Queues { htb: false, .. }) => {
            let text = "the kernel has no HTB";
            let found = if has_speeds { Finding::problem(code, text) } else { Finding::warning(code, text) };
            found.because("no speed is limited").fix([package("htb")])
        }
        Ok(Queues { fq_codel: false, tbf, .. }) => {
            let instead = if *tbf { "tbf" } else { "bfifo" };
            Finding::warning(code, format!("the kernel has no fq_codel; {instead} queues what waits instead"))
                .because("speeds hold, but who downloads waits longer for everything else")
                .fix([package("fq_codel")])
        }
        Ok(_) => Finding::ok(code, "HTB and fq_codel are there"),
        Err(error) => Finding::unchecked(code, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{Ok as Well, Problem, Warning};

    const ALL: Capabilities =
        Capabilities { sets: true, quota: true, counter: true, timeout_update: false, destroy: false };
    const BEST: Queues = Queues { htb: true, fq_codel: true, tbf: true };

    #[test]
    fn versions_are_compared_as_numbers() {
        for (release, severity) in
            [("6.18.44-x\n", Well), ("5.15.0", Well), ("5.9.1", Warning), ("4.19", Warning), ("odd", Warning)]
        {
            assert_eq!(version(&Ok(release.to_owned())).severity, severity, "{release}");
        }
    }

    #[test]
    fn what_is_missing_is_told_by_what_it_comes_to() {
        assert_eq!(sets(&Ok(ALL), System::Debian)[0].severity, Well);
        let none = sets(&Ok(Capabilities { quota: false, counter: false, ..ALL }), System::Debian);
        assert!(none.len() == 2 && none.iter().all(|finding| finding.severity == Problem), "{none:?}");
        let openwrt = System::OpenWrt("apk add");
        assert_eq!(queue(&Ok(BEST), true, openwrt).severity, Well);
        let no_htb = Queues { htb: false, ..BEST };
        assert_eq!([true, false].map(|has| queue(&Ok(no_htb), has, openwrt).severity), [Problem, Warning]);
        let slow = queue(&Ok(Queues { fq_codel: false, ..BEST }), true, openwrt);
        assert!(slow.severity == Warning && slow.fix == ["apk add kmod-sched"], "{slow:?}");
    }
}
