use crate::domain::{ClientDevice, FormButton, FormHint, ProviderName};

use super::state::PortalState;

/// What the providers say to one device beside their forms.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Beside {
    /// What they have for it now, and whether their forms are of any use.
    pub hints: Vec<(ProviderName, FormHint)>,
    /// Buttons that stand by themselves.
    pub buttons: Vec<(ProviderName, FormButton)>,
}

impl Beside {
    /// Nothing.
    pub const NONE: Self = Self { hints: Vec::new(), buttons: Vec::new() };
}

impl PortalState {
    /// Asks the providers what they say to a device beside their forms.
    pub(super) async fn beside(&self, device: &ClientDevice) -> Beside {
        if device.blocked {
            return Beside::NONE;
        }
        Beside { buttons: self.handle.buttons(device).await, hints: self.handle.hints(device).await }
    }
}
