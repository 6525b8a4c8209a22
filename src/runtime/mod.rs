//! The task that owns the sessions manager; its mailbox; what it asks of the kernel and the store.

mod handle;

pub use handle::{DevicePatch, DeviceRef, Handle, Ping, PortalNotice, ServiceStatus};
