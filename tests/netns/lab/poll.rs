use std::thread::sleep;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(5);

/// Whether the condition came true within the time; asked every few milliseconds.
pub fn eventually(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(STEP);
    }
}

/// Whether the condition stays true for the whole time.
pub fn holds_for(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    !eventually(time, || !condition())
}
