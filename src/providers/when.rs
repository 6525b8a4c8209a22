use chrono::{Datelike, Timelike};

use crate::clock::Clock;
use crate::domain::{LocalTime, WallTime, When};

/// When there is more, for a guest: tomorrow at 04:00, on the clock on their wall. Nobody is told a time by a clock that
/// cannot be believed.
pub(super) fn until(at: WallTime, clock: &Clock, place: &dyn LocalTime) -> When {
    if !clock.is_believed() {
        return When::Later;
    }
    let (local, now) = (place.local(at), place.local(clock.now().wall));
    let small = |number: u32| u8::try_from(number).unwrap_or_default();
    let (hour, minute) = (small(local.hour()), small(local.minute()));
    match (local.date() - now.date()).num_days() {
        0 => When::Today(hour, minute),
        1 => When::Tomorrow(hour, minute),
        _ => When::On { month: small(local.month()), day: small(local.day()), at: (hour, minute) },
    }
}
