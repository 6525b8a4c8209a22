use super::handle::{DeviceRef, Handle};
use crate::domain::{DeviceId, Money, Refusal};
use crate::store::Credit;

/// Money that machines take.
impl Handle {
    /// Notes money that came in at a source (`coinslot/NAME`, `plugin/NAME`); on disk when this returns. The same
    /// reference of the same source counts once: whether it was new.
    pub async fn add_credit(
        &self,
        source: &str,
        reference: &str,
        amount: Money,
        device: Option<DeviceId>,
    ) -> Result<bool, Refusal> {
        if let Some(device) = device {
            self.find_device(DeviceRef::Id(device)).await?;
        }
        let at = self.believable();
        let added = self.shared.store.add_credit(source, reference, amount, device, at).await;
        added.map_err(Refusal::from)
    }

    /// What came in at a source and nobody has got anything for, oldest first; of one device, or of all.
    pub async fn unclaimed_credits(
        &self,
        source: &str,
        device: Option<DeviceId>,
    ) -> Result<Vec<Credit>, Refusal> {
        let found = self.shared.store.unclaimed_credits(Some(source), device).await;
        found.map_err(Refusal::from)
    }
}
