//! Coin slots: providers that sell minutes and megabytes for coins.
//!
//! One task has each slot (`slot`). It counts the pulses that come over the wire, has the lock of whoever stands at the slot,
//! and turns money into sessions. What comes in is on disk before anybody is shown it; what becomes of it is one transaction
//! that claims the money, makes the session and notes the sale. So a crash leaves credit, or a session, and never both.

mod coins;
mod gpio;
mod line;
mod money;
mod provider;
mod reader;
mod slot;
mod trouble;
mod window;

use std::sync::Arc;

use crate::config::CoinSlotConfig;
use crate::domain::{BoxFuture, Currency};
use crate::runtime::Handle;
use crate::store::Store;

use provider::CoinProvider;
use slot::Slot;
use trouble::Trouble;

/// Registers a provider for each slot; whoever polls the futures serves the slots. None of them ends by itself while the
/// daemon runs.
///
/// # Errors
///
/// A provider of that name is there already, or the name is none.
pub fn open(
    handle: &Handle,
    store: &Store,
    currency: Currency,
    slots: &[CoinSlotConfig],
) -> anyhow::Result<Vec<BoxFuture<'static, ()>>> {
    let trouble = Trouble::new(handle.clone());
    let mut tasks: Vec<BoxFuture<'static, ()>> = Vec::new();
    for config in slots {
        let (provider, requests) = CoinProvider::new(&config.slot, currency);
        handle.registry().register(Arc::new(provider))?;
        let (handle, store, config) = (handle.clone(), store.clone(), config.clone());
        let slot = Slot::new(handle, store, currency, config, requests, trouble.clone())?;
        tasks.push(Box::pin(slot.run()));
    }
    Ok(tasks)
}
