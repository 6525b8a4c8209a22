//! Where sessions come from.

mod outbox;
mod registry;
pub mod voucher;

pub use outbox::{Delivered, Delivery, Outbox, OutboxError, OwedUsage};
pub use registry::{Offer, ProviderStatus, RegisterError, Registry};
