use crate::doctor::system::System;
use crate::doctor::{Code, Finding, Place};

/// How full the table of connections is.
pub fn judge(place: &Place, system: System) -> Finding {
    let code = Code::CONNTRACK;
    let number =
        |name: &str| match place.read_if_there(format!("/proc/sys/net/netfilter/nf_conntrack_{name}")) {
            Ok(text) => Ok(text.and_then(|text| text.trim().parse::<u64>().ok())),
            Err(error) => Err(error),
        };
    let (count, most) = match (number("count"), number("max")) {
        (Ok(Some(count)), Ok(Some(most))) => (count, most),
        (Ok(_), Ok(_)) => {
            return Finding::ok(code, "connections are not tracked yet: nothing has asked for it");
        }
        (Err(error), _) | (_, Err(error)) => return Finding::unchecked(code, error),
    };
    let text = format!("{count} of {most} connections");
    let fix = system.sysctl("net.netfilter.nf_conntrack_max", &most.saturating_mul(4).to_string());
    if count >= most {
        Finding::problem(code, format!("the table of connections is full: {text}"))
            .because("the kernel drops every new connection")
            .fix(fix)
    } else if count.saturating_mul(5) > most.saturating_mul(4) {
        Finding::warning(code, format!("the table of connections is nearly full: {text}"))
            .because("when it is full the kernel drops every new connection")
            .fix(fix)
    } else {
        Finding::ok(code, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use crate::doctor::place::with_files;

    #[test]
    fn a_full_table_is_a_problem_and_a_nearly_full_one_a_warning() {
        let of = |count: &str, most: &str| {
            let (_dir, place) = with_files(&[
                ("/proc/sys/net/netfilter/nf_conntrack_count", count),
                ("/proc/sys/net/netfilter/nf_conntrack_max", most),
            ]);
            judge(&place, System::Debian).severity
        };
        assert_eq!(of("80\n", "100\n"), Severity::Ok);
        assert_eq!(of("81\n", "100\n"), Severity::Warning);
        assert_eq!(of("100\n", "100\n"), Severity::Problem);
        assert_eq!(judge(&Place::below("/nonexistent"), System::Debian).severity, Severity::Ok);
    }
}
