//! What the box says of itself in `/proc`; a piece that cannot be read is zero.

use crate::domain::samples::MachineReading;

/// What the box says now.
pub(super) fn read() -> MachineReading {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let ticks_per_sec = rustix::param::clock_ticks_per_second();
    let page_kb = u64::try_from(rustix::param::page_size() / 1024).unwrap_or(4);
    let millis = |ticks: u64| ticks.saturating_mul(1000).checked_div(ticks_per_sec).unwrap_or(0);
    let (busy, all) = box_ticks(&read("/proc/stat"));
    let (free, total) = memory_kb(&read("/proc/meminfo"));
    MachineReading {
        own_cpu_ms: millis(own_ticks(&read("/proc/self/stat"))),
        box_cpu_ms: millis(busy),
        box_cpu_of_ms: millis(all),
        own_memory_kb: resident_pages(&read("/proc/self/statm")).saturating_mul(page_kb),
        box_memory_kb: total.saturating_sub(free),
        box_memory_of_kb: total,
    }
}

/// Ticks that all processors were busy, and that there were: the first line of `/proc/stat`. Waiting for a disk is not busy,
/// and guests' time is in the user's already.
fn box_ticks(stat: &str) -> (u64, u64) {
    let Some(line) = stat.lines().find_map(|line| line.strip_prefix("cpu ")) else { return (0, 0) };
    let ticks: Vec<u64> =
        line.split_ascii_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let all = ticks.iter().fold(0_u64, |sum, ticks| sum.saturating_add(*ticks));
    let idle = ticks.iter().skip(3).take(2).fold(0_u64, |sum, ticks| sum.saturating_add(*ticks));
    (all.saturating_sub(idle), all)
}

/// Ticks of this process, in user space and in the kernel. Its name may hold anything, and ends at the last parenthesis.
fn own_ticks(stat: &str) -> u64 {
    let Some((_, fields)) = stat.rsplit_once(')') else { return 0 };
    // Fields 14 and 15 of proc(5); the first after the name is the third.
    fields.split_ascii_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn resident_pages(statm: &str) -> u64 {
    statm.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0)
}

/// What could be used, and what there is, in KiB.
fn memory_kb(meminfo: &str) -> (u64, u64) {
    let field = |name: &str| {
        let rest = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let free = field("MemAvailable").or_else(|| field("MemFree")).unwrap_or(0);
    (free, field("MemTotal").unwrap_or(free))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_the_kernel_writes_it() {
        let stat = "cpu  100 5 50 1000 20 1 4 0 7 0\ncpu0 1 2 3 4\nbtime 1\n";
        assert_eq!(box_ticks(stat), (160, 1_180));
        assert_eq!(own_ticks("42 (a) b) c) S 1 2 3 4 5 6 7 8 9 10 30 12 99 98 0"), 42);
        assert_eq!(resident_pages("5000 1234 800 1 0 200 0\n"), 1_234);
        let meminfo = "MemTotal:  2000 kB\nMemFree:  100 kB\nMemAvailable:   1500 kB\n";
        assert_eq!(memory_kb(meminfo), (1_500, 2_000));
        for nothing in ["", "cpu", "x) y", "cpu  a b", "MemTotal"] {
            assert_eq!((box_ticks(nothing), own_ticks(nothing)), ((0, 0), 0), "{nothing:?}");
            assert_eq!((resident_pages(""), memory_kb(nothing)), (0, (0, 0)), "{nothing:?}");
        }
    }

    #[test]
    fn this_box_says_something() {
        let now = read();
        assert!(now.own_memory_kb > 0 && now.box_memory_kb <= now.box_memory_of_kb, "{now:?}");
        assert!(now.box_cpu_ms <= now.box_cpu_of_ms && now.box_cpu_of_ms > 0, "{now:?}");
    }
}
