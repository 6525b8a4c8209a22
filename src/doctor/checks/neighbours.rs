use std::io;

use crate::doctor::system::System;
use crate::doctor::{Code, Finding, Place};

/// The tables of IPv4 and IPv6.
const TABLES: [(&str, &str); 2] = [("arp_cache", "ipv4"), ("ndisc_cache", "ipv6")];

/// How full the tables of neighbours are. The kernel's own limit is 1,024 for all networks of a box together, which a large
/// hotspot reaches; what is forgotten too early is asked for again, and an answer to a guest may wait for that or be lost.
pub fn judge(place: &Place, system: System) -> Finding {
    let code = Code::NEIGHBOURS;
    let found: io::Result<Vec<Table>> =
        TABLES.into_iter().filter_map(|(cache, family)| read(place, cache, family).transpose()).collect();
    let tables = match found {
        Ok(tables) => tables,
        Err(error) => return Finding::unchecked(code, error),
    };
    let Some(fullest) = tables.iter().max_by_key(|table| table.count.saturating_mul(1_000) / table.most)
    else {
        return Finding::ok(code, "how many there may be does not show in this network namespace");
    };
    let Table { family, count, most } = fullest;
    let text = format!("{count} of {most} neighbours ({family})");
    let key = format!("net.{family}.neigh.default.gc_thresh3");
    let fix = system.sysctl(&key, &most.saturating_mul(8).to_string());
    if count >= most {
        Finding::problem(code, format!("the table of neighbours is full: {text}"))
            .because("the kernel cannot send to a device that it has no place for")
            .fix(fix)
    } else if count.saturating_mul(5) > most.saturating_mul(4) {
        Finding::warning(code, format!("the table of neighbours is nearly full: {text}"))
            .because("the kernel forgets devices that are there still, and answers to them are late or lost")
            .fix(fix)
    } else {
        Finding::ok(code, text)
    }
}

struct Table {
    family: &'static str,
    count: u64,
    most: u64,
}

/// One table; `None` where the kernel does not show it: in a network namespace that is not the first.
fn read(place: &Place, cache: &str, family: &'static str) -> io::Result<Option<Table>> {
    let most = place.read_if_there(format!("/proc/sys/net/{family}/neigh/default/gc_thresh3"))?;
    let state = place.read_if_there(format!("/proc/net/stat/{cache}"))?;
    // A line of names, then one for each processor, in hexadecimal; the first column is the same in all of them.
    let count = state.as_deref().and_then(|text| text.lines().nth(1)?.split_whitespace().next());
    let count = count.and_then(|count| u64::from_str_radix(count, 16).ok());
    let most = most.and_then(|text| text.trim().parse().ok()).filter(|most| *most > 0);
    Ok(count.zip(most).map(|(count, most)| Table { family, count, most }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;
    use crate::doctor::place::with_files;

    #[test]
    fn the_fuller_of_the_tables_counts() {
        let of = |v4: &str, v6: &str| {
            let state = |count: &str| format!("entries  allocs\n{count} 000000ff\n{count} 000000fe\n");
            let (_dir, place) = with_files(&[
                ("/proc/sys/net/ipv4/neigh/default/gc_thresh3", "1024\n"),
                ("/proc/sys/net/ipv6/neigh/default/gc_thresh3", "1024\n"),
                ("/proc/net/stat/arp_cache", &state(v4)),
                ("/proc/net/stat/ndisc_cache", &state(v6)),
            ]);
            judge(&place, System::Debian)
        };
        assert_eq!(of("00000333", "00000000").severity, Severity::Ok);
        assert_eq!(of("00000334", "00000000").severity, Severity::Warning);
        let full = of("00000010", "00000400");
        assert_eq!(full.severity, Severity::Problem);
        assert!(
            full.fix.iter().any(|line| line.contains("net.ipv6.neigh.default.gc_thresh3=8192")),
            "{full:?}"
        );
        assert_eq!(of("odd", "").severity, Severity::Ok);
    }

    #[test]
    fn what_does_not_show_is_no_fault() {
        assert_eq!(judge(&Place::below("/nonexistent"), System::Debian).severity, Severity::Ok);
    }
}
