use crate::doctor::gather::Nft;
use crate::doctor::system::System;
use crate::doctor::{Code, Finding};

/// The oldest that the tests run with.
const TESTED: [u32; 3] = [1, 0, 6];

pub fn judge(nft: &Nft, system: System) -> Finding {
    let code = Code::NFT;
    let install = system.install("nftables", "nftables-json");
    let version = match &nft.version {
        Ok(version) => version,
        Err(error) => {
            return Finding::problem(code, error)
                .because("Turnpike loads its rules with it: without them the daemon does not start")
                .fix([install]);
        }
    };
    let has_json = version.lines().find_map(|line| line.trim().strip_prefix("json:"));
    if has_json.is_some_and(|answer| answer.trim() == "no") {
        return Finding::problem(code, "nft was built without JSON")
            .because("Turnpike speaks JSON with it: the daemon does not start")
            .fix([install]);
    }
    if let Err(error) = &nft.ruleset {
        return Finding::unchecked(code, error);
    }
    let shown = version.lines().next().unwrap_or_default();
    match numbers(shown) {
        Some(version) if version < TESTED => Finding::warning(code, format!("{shown} is old"))
            .because("Turnpike is tested with nftables 1.0.6 and newer")
            .fix([install]),
        Some(_) | None => Finding::ok(code, format!("{shown}, with JSON")),
    }
}

/// `nftables v1.0.6 (Lester Gooch #5)`.
fn numbers(line: &str) -> Option<[u32; 3]> {
    let version = line.split_whitespace().find_map(|word| word.strip_prefix('v'))?;
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    Some([parts.next()?, parts.next()?, parts.next().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use crate::doctor::ruleset::Ruleset;

    #[test]
    fn an_nft_that_cannot_do_is_told_apart_from_an_old_one() {
        let of = |version: Result<&str, &str>, listed: Result<Ruleset, String>| {
            let version = version.map(str::to_owned).map_err(str::to_owned);
            judge(&Nft { version, ruleset: listed }, System::OpenWrt("opkg install"))
        };
        let listed = || Ok(Ruleset::default());
        let good = of(Ok("nftables v1.1.0 (x)\n  json:\t\tyes\n"), listed());
        assert_eq!(good.severity, Severity::Ok, "{good:?}");
        assert_eq!(of(Ok("nftables v1.0.2 (x)"), listed()).severity, Severity::Warning);
        assert_eq!(
            of(Ok("nftables v1.1.0 (x)"), Err("not permitted".to_owned())).severity,
            Severity::Warning
        );
        let mute = of(Ok("nftables v1.1.0 (x)\n  json:\t\tno\n"), Err("no JSON".to_owned()));
        assert_eq!(
            (mute.severity, mute.fix),
            (Severity::Problem, vec!["opkg install nftables-json".to_owned()])
        );
        assert_eq!(of(Err("nft cannot be run"), listed()).severity, Severity::Problem);
    }
}
