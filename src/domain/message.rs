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

impl Message {
    /// How long one is shown unless asked otherwise, in seconds: an hour.
    pub const LASTS_SECS: u64 = 3600;
    /// The longest that one is shown, in seconds: thirty days.
    pub const MOST_SECS: u64 = 30 * 86_400;

    /// Reads a text; one with nothing in it is no message.
    ///
    /// # Errors
    ///
    /// What is wrong, in words.
    pub fn read_text(text: &str) -> Result<Text, String> {
        if text.chars().count() > Text::MAX_CHARS {
            return Err(format!("at most {} characters", Text::MAX_CHARS));
        }
        Some(Text::new(text))
            .filter(|text| !text.is_empty())
            .ok_or_else(|| "there is no text in it".to_owned())
    }

    /// Reads how many seconds one is shown; in milliseconds.
    ///
    /// # Errors
    ///
    /// What would be right, in words.
    pub fn read_lasts(secs: Option<u64>) -> Result<u64, String> {
        let secs = secs.unwrap_or(Self::LASTS_SECS);
        if !(1..=Self::MOST_SECS).contains(&secs) {
            return Err(format!("must be between 1 and {}", Self::MOST_SECS));
        }
        Ok(secs * 1000)
    }
}
