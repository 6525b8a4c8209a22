use std::thread::sleep;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(5);

/// What a busy machine is given on top. It costs nothing when things go well.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the condition comes true; asked every few milliseconds. `usually` is the longest that it takes where nothing else
/// runs. It is no promise of the product: what has to be fast is timed by whoever asks for it.
pub fn eventually(usually: Duration, condition: impl FnMut() -> bool) -> bool {
    comes_true(usually + PATIENCE, condition)
}

/// Whether the condition stays true for the whole time.
pub fn holds_for(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    !comes_true(time, || !condition())
}

fn comes_true(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
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
