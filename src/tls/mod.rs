//! Certificates of our own listeners: read from files, or made here; replaced while connections stand.
//!
//! What is served is an [`Identity`]. It holds a [`Pair`] (a certificate with its chain, and its key), which a [`Renewal`]
//! replaces when the files have changed: a renewal that cannot be used leaves the old pair in place.

mod dates;
mod identity;
mod own;
mod pair;
mod renewal;

pub use identity::Identity;
pub use own::{OwnError, own_pair};
pub use pair::{CertificateFiles, Facts, Pair, PairError};
pub use renewal::{Looked, Renewal};
