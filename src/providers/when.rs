use crate::clock::Clock;
use crate::domain::{LocalTime, WallTime};

/// When there is more, for a guest: `tomorrow at 04:00`, on the clock on their wall. Nobody is told a time by a clock that
/// cannot be believed.
pub(super) fn until(at: WallTime, clock: &Clock, place: &dyn LocalTime) -> String {
    if !clock.is_believed() {
        return "later".to_owned();
    }
    let (local, now) = (place.local(at), place.local(clock.now().wall));
    let time = local.format("%H:%M");
    match (local.date() - now.date()).num_days() {
        0 => format!("at {time}"),
        1 => format!("tomorrow at {time}"),
        _ => format!("on {} at {time}", local.format("%-d %B")),
    }
}
