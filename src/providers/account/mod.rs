//! Accounts: a name and a password, plans attached, on so many devices at a time.
//!
//! # What an account is given, and where
//!
//! A plan that repeats is granted once in each period for each place of the account (`max_devices`), and once for each
//! device: every device has its own helping. A plan that does not repeat is granted once for each time that it was
//! attached (on so many devices as the plan says).
//!
//! A helping is on one device at a time. What is left of it when its device is logged out waits, with its usage to the
//! byte, for the next log-in, on whichever device that is. So a helping is neither lost by logging out nor had twice by
//! logging in elsewhere: the grant in the store names the one session that carries it, and changes hands in the
//! transaction that makes the next one.

mod hasher;
mod helpings;
mod provider;

pub use hasher::{HashError, Hasher};
pub use provider::AccountProvider;
