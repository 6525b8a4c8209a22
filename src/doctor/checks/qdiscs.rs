use crate::doctor::gather::Known;
use crate::doctor::system::System;
use crate::doctor::{Code, Finding};
use crate::shaper::RootQdisc;

/// What shapes each device of a zone or of the WAN.
pub fn judge(roots: &[(String, Known<Option<RootQdisc>>)], system: System) -> Vec<Finding> {
    let code = Code::FOREIGN_QDISC;
    let mut found = Vec::new();
    for (device, root) in roots {
        match root {
            Ok(Some(RootQdisc { kind, is_ours: false, is_default: false })) => {
                let remove = format!("tc qdisc del dev {device} root");
                let fix = match system {
                    System::Debian => vec![format!("{remove}    # and in what puts it there at each start")],
                    System::OpenWrt(_) => {
                        vec!["/etc/init.d/sqm stop".to_owned(), "/etc/init.d/sqm disable".to_owned(), remove]
                    }
                };
                found.push(
                    Finding::warning(code, format!("{device} has a root qdisc of somebody else: {kind}"))
                        .because("it is left as it is: Turnpike limits no speed there, while data and time limits hold")
                        .fix(fix),
                );
            }
            Ok(_) => {}
            Err(error) => found.push(Finding::unchecked(code, format!("{device}: {error}"))),
        }
    }
    if found.is_empty() {
        found.push(Finding::ok(code, "nobody else shapes the devices of zones and WAN"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn only_what_somebody_put_there_is_foreign() {
        let root = |is_ours, is_default| Ok(Some(RootQdisc { kind: "cake".to_owned(), is_ours, is_default }));
        let of = |root| judge(&[("wan".to_owned(), root)], System::OpenWrt("apk add")).remove(0);
        assert_eq!(of(root(true, false)).severity, Severity::Ok);
        assert_eq!(of(root(false, true)).severity, Severity::Ok);
        assert_eq!(of(Ok(None)).severity, Severity::Ok);
        let foreign = of(root(false, false));
        assert!(foreign.severity == Severity::Warning && foreign.what.ends_with("cake"), "{foreign:?}");
        assert!(of(Err("denied".to_owned())).what.contains("wan: denied"));
    }
}
