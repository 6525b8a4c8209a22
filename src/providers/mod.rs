//! Where sessions come from: the registry, the outbox, and the providers that are built in.

pub mod account;
mod answer;
mod authenticators;
pub mod free;
mod outbox;
mod overview;
mod registry;
mod roster;
pub mod voucher;
mod when;

pub use authenticators::{AuthPolicy, Authenticators, OnSilence};
pub use outbox::{Delivered, Delivery, Outbox, OutboxError, OwedUsage};
use when::until;

pub use overview::{Provided, Provides};
pub use registry::{Offer, ProviderStatus, RegisterError, Registry};
pub use roster::{PluginKind, PluginState, PluginStatus, Roster};
