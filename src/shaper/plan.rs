use crate::domain::{ClassMinor, ClientKey, ClientRates, Mbps, ZONE_MINORS};

/// How many zones have a class number: one of the 256 is left for trying out what the kernel can do.
pub(super) const MAX_ZONES: usize = 254;

/// The class number that is used for trying things out.
pub(super) const PROBE_MINOR: ClassMinor = 0xfffe;

/// What a class gets that nothing limits, in bytes per second: 100 Gbit/s, above any link.
const UNLIMITED: u64 = Mbps::MAX_BITS_PER_SEC / 8;

/// A client's guaranteed share of its zone. All of them together must stay below the zone's rate, or HTB lets the zone exceed
/// it; what is left is lent evenly. 8,192 clients may be busy at once.
const SHARES: u64 = 8_192;

/// The smallest guarantee, in bytes per second: HTB counts in whole ones, and a burst's time must fit 32 bits of 64 ns.
const MIN_GUARANTEE: u64 = 125;

/// Which way the traffic goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Towards the clients, shaped on the LAN devices.
    Down,
    /// From the clients, shaped on the WAN devices.
    Up,
}

/// One HTB class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassPlan {
    /// Its number.
    pub minor: ClassMinor,
    /// The number of the class above it; 0 is the root.
    pub parent: ClassMinor,
    /// What it is guaranteed, in bytes per second.
    pub rate: u64,
    /// What it never exceeds, in bytes per second.
    pub ceil: u64,
}

impl ClassPlan {
    /// Bytes that may go out at once at this speed: 10 ms of it, and two full frames at least.
    pub const fn burst(bytes_per_sec: u64) -> u64 {
        let burst = bytes_per_sec / 100;
        if burst < 2 * 1514 { 2 * 1514 } else { burst }
    }
}

/// The class number of the zone at this position of the configuration.
pub(super) fn zone_minor(position: usize) -> ClassMinor {
    ZONE_MINORS.saturating_add(u16::try_from(position).unwrap_or(u16::MAX))
}

/// The class of the zone at this position: nothing under it is faster, all of it together.
pub fn zone_class(position: usize, speed: Option<Mbps>) -> ClassPlan {
    let rate = speed.map_or(UNLIMITED, Mbps::bytes_per_sec);
    ClassPlan { minor: zone_minor(position), parent: 0, rate, ceil: rate }
}

/// A client's class under its zone's: as fast as the slower of both, with a small guarantee, the rest borrowed.
pub fn client_class(key: ClientKey, zone: ClassPlan, speed: Option<Mbps>) -> ClassPlan {
    let ceil = speed.map_or(zone.ceil, |speed| speed.bytes_per_sec().min(zone.ceil));
    let rate = (zone.rate / SHARES).max(MIN_GUARANTEE).min(ceil);
    ClassPlan { minor: key.get(), parent: zone.minor, rate, ceil }
}

/// The speed of that direction.
pub(super) const fn speed(rates: ClientRates, direction: Direction) -> Option<Mbps> {
    match direction {
        Direction::Down => rates.down,
        Direction::Up => rates.up,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mbps(speed: f64) -> Option<Mbps> {
        Mbps::from_mbps(speed).unwrap()
    }

    fn key(number: u16) -> ClientKey {
        ClientKey::new(number).unwrap()
    }

    #[test]
    fn a_client_is_as_fast_as_the_slower_of_both() {
        let zone = zone_class(1, mbps(20.0));
        assert_eq!(zone, ClassPlan { minor: 0xff01, parent: 0, rate: 2_500_000, ceil: 2_500_000 });
        assert_eq!(client_class(key(7), zone, mbps(5.0)).ceil, 625_000);
        assert_eq!(client_class(key(7), zone, mbps(50.0)).ceil, 2_500_000);
        assert_eq!(client_class(key(7), zone, None).ceil, 2_500_000);
        let open = zone_class(0, None);
        assert_eq!(client_class(key(7), open, None).ceil, 12_500_000_000);
        assert_eq!(client_class(key(0x7470), open, mbps(5.0)).minor, 0x7470);
    }

    #[test]
    fn guarantees_leave_the_zone_within_its_rate_and_no_class_beyond_its_own() {
        for zone_speed in [0.008, 1.0, 6.0, 100.0, 100_000.0, 0.0] {
            let zone = zone_class(0, mbps(zone_speed));
            for client_speed in [0.008, 1.0, 20.0, 100_000.0, 0.0] {
                let client = client_class(key(1), zone, mbps(client_speed));
                assert!(client.rate >= 1 && client.rate <= client.ceil && client.ceil <= zone.ceil);
                if zone_speed >= 8.2 {
                    assert!(client.rate * SHARES <= zone.rate);
                }
            }
        }
    }

    #[test]
    fn bursts_are_two_frames_or_ten_milliseconds() {
        assert_eq!(ClassPlan::burst(1_000), 3_028);
        assert_eq!(ClassPlan::burst(25_000_000), 250_000);
    }
}
