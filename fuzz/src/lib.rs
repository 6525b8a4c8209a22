//! What the fuzz targets run. `tests/it` runs the same over every seed and every input that once broke something.

pub mod targets;

/// The daemon in process, as the tests have it.
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/it/support/mod.rs"]
pub mod support;

use std::cell::RefCell;

pub use libfuzzer_sys::fuzz_target;
use targets::{Opens, Target};

/// Runs a target on an input; opens it for the first.
pub fn run(open: Opens, bytes: &[u8]) {
    thread_local! {
        static OPENED: RefCell<Option<Target>> = const { RefCell::new(None) };
    }
    OPENED.with_borrow_mut(|opened| opened.get_or_insert_with(open)(bytes));
}

/// A fuzz target of that name.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        $crate::fuzz_target!(|bytes: &[u8]| $crate::run($crate::targets::$name::open, bytes));
    };
}
