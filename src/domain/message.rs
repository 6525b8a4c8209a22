use super::{DeviceId, Text, WallTime};

/// A text for one device's portal page: shown at once if the page is open, else when it is next opened, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: uuid::Uuid,
    /// Whose page.
    pub device: DeviceId,
    /// The text.
    pub text: Text,
    /// When it was left.
    pub created_at: WallTime,
    /// Not shown from then on.
    pub expires_at: WallTime,
}
