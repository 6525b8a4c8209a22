//! Vouchers: codes on paper that are redeemed once.
//!
//! # How codes are kept
//!
//! The store never holds a code. It holds a keyed digest (HMAC-SHA256), by which a typed code is found, and the code
//! encrypted (ChaCha20-Poly1305), from which a batch can be printed again. Both keys are derived from 32 random bytes in
//! a file of their own beside the database, mode 0600.
//!
//! The other way would have been to keep a digest alone: then not even the operator can print a batch again, and codes
//! as short as people will type can be searched for without a key. With a keyed digest they cannot, and with the key in
//! another file a copy of the database alone (a backup, a support request, a stolen dump) gives nothing away.
//!
//! It does not protect from somebody who has both files, or who is root on the router; nor does it hide how many codes
//! there are, what they grant, and which were redeemed by whom. Whoever loses the key file loses the unsold codes: they
//! can neither be redeemed nor printed. So a backup takes both files, to different places if it leaves the house.

mod code;
mod codes;
mod devices;
mod limiter;
mod provider;
mod secrets;
mod vault;

pub use code::VoucherCode;
pub use limiter::TryLimiter;
pub use provider::{VoucherProvider, time_of_use};
pub use vault::{VaultError, VoucherVault};
