use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::MacAddr;

/// Who was found at the other end of one connection, and when. The serve loop puts one into every request's extensions
/// (`Extension<PeerMac>`), the same for all requests of a connection.
///
/// Whoever shook hands on a connection is the one who goes on with it: for as long as the answers are young, the kernel need
/// not be asked again.
#[derive(Debug, Clone, Default)]
pub struct PeerMac(Arc<Mutex<Option<(MacAddr, Instant)>>>);

impl PeerMac {
    /// Who it was, if that is no older.
    pub fn get(&self, age: Duration) -> Option<MacAddr> {
        let found = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.filter(|(_, at)| at.elapsed() < age).map(|(mac, _)| mac)
    }

    /// The kernel was asked just now.
    pub fn put(&self, mac: MacAddr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((mac, Instant::now()));
    }
}
