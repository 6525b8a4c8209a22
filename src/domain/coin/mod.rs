//! Coins in a slot: from the edges on a wire to pulses, from pulses to money, from money to minutes and megabytes.

mod pulses;
mod rates;
mod slot;
mod words;

pub use pulses::{Edge, MAX_TRAIN_PULSES, PulseCounter, Train};
pub use rates::{Counted, MAX_RATES, PulseTable, Purchase, Rate, Rates, TableError};
pub use slot::{CoinSlot, Sold};
pub use words::{amount, in_words, sells};
