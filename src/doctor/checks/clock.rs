use crate::doctor::gather::{Known, Process};
use crate::doctor::system::System;
use crate::doctor::{Code, Finding};
use crate::domain::{ClockGuard, WallTime};

/// Programs that set the time, by the first letters of their names as the kernel keeps them.
const SETTERS: [&str; 6] = ["ntpd", "chronyd", "systemd-timesyn", "openntpd", "ptp4l", "sntp"];

/// `newest`: the newest time that the store has seen.
pub fn judge(
    now: WallTime,
    newest: Option<WallTime>,
    processes: &Known<Vec<Process>>,
    system: System,
) -> [Finding; 2] {
    [time(now, newest, system), sync(processes, system)]
}

fn time(now: WallTime, newest: Option<WallTime>, system: System) -> Finding {
    let code = Code::CLOCK;
    let shown = |at: WallTime| at.rfc3339().unwrap_or_else(|| format!("{} ms", at.0));
    let floor = newest.unwrap_or(ClockGuard::FLOOR).max(ClockGuard::FLOOR);
    if now >= floor {
        return Finding::ok(code, format!("it is {}", shown(now)));
    }
    let than = if newest == Some(floor) { "the store has seen" } else { "this program was written at" };
    Finding::warning(code, format!("the clock says {}, before {}, which {than}", shown(now), shown(floor)))
        .because("days of validity do not run, and what comes anew each day goes by the last time that was believed")
        .fix([system.say("timedatectl set-ntp true", "/etc/init.d/sysntpd restart"), "date    # until it is right"])
}

fn sync(processes: &Known<Vec<Process>>, system: System) -> Finding {
    let code = Code::TIME_SYNC;
    let processes = match processes {
        Ok(processes) => processes,
        Err(error) => return Finding::unchecked(code, error),
    };
    let setter = processes.iter().find(|process| SETTERS.iter().any(|name| process.name.starts_with(name)));
    match setter {
        Some(process) => Finding::ok(code, format!("{process} sets the time")),
        None => Finding::warning(code, "no program that sets the time was found (NTP)")
            .because("a router's clock begins anew, and wrong, with each start")
            .fix([system.say(
                "apt install systemd-timesyncd && timedatectl set-ntp true",
                "uci set system.ntp.enabled=1; uci commit system; /etc/init.d/sysntpd restart",
            )]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{self, Ok as Well, Warning};

    fn of(now: i64, newest: Option<i64>, process: &str) -> [Severity; 2] {
        let processes = Ok(vec![Process { id: 1, name: process.to_owned() }]);
        let now = WallTime(ClockGuard::FLOOR.0 + now);
        let newest = newest.map(|newest| WallTime(ClockGuard::FLOOR.0 + newest));
        judge(now, newest, &processes, System::Debian).map(|finding| finding.severity)
    }

    #[test]
    fn a_clock_that_goes_before_what_was_seen_is_wrong() {
        assert_eq!(of(5, None, "chronyd"), [Well, Well]);
        assert_eq!(of(5, Some(5), "systemd-timesyn"), [Well, Well]);
        assert_eq!(of(4, Some(5), "ntpd"), [Warning, Well]);
        assert_eq!(of(-1, None, "sh"), [Warning, Warning]);
        assert_eq!(of(-1, Some(-9), "ntpd"), [Warning, Well]);
    }
}
