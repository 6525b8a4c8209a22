use std::sync::Arc;

use crate::domain::{Beside, ClientDevice};

use super::state::PortalState;

impl PortalState {
    /// Asks the providers what they say to a device beside their forms.
    pub(super) async fn beside(&self, device: &Arc<ClientDevice>) -> Beside {
        if device.blocked {
            return Beside::NONE;
        }
        self.handle.beside(device).await
    }
}
