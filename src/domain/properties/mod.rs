//! What describes a session for filters, listeners and operators: keys and values.
//!
//! Fixed properties carry `$` and follow from the session, its device and the gateway. User-defined ones are set by
//! operators, providers and authenticators. A key that is not known and one that is not set look the same: absent.

mod device_view;
mod fixed;
mod patch;
mod select;
mod view;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use device_view::DeviceView;
pub use fixed::{FixedKey, is_settable};
pub use patch::{PropertyError, PropertyPatch};
pub use select::Select;
pub use view::{SessionView, millionths};

/// All properties of a session that are set.
pub type PropertyMap = BTreeMap<Cow<'static, str>, String>;
