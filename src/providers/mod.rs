//! Where sessions come from: the registry, the outbox, and the providers that are built in.

mod answer;
mod authenticators;
mod outbox;
mod registry;
pub mod voucher;

pub use authenticators::{AuthPolicy, Authenticators, OnSilence};
pub use outbox::{Delivered, Delivery, Outbox, OutboxError, OwedUsage};
pub use registry::{Offer, ProviderStatus, RegisterError, Registry};
