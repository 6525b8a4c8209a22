use super::{BoxFuture, DeviceId, PeriodGrant, ProviderError, SealedCode, Voucher, WallTime};

/// Who can make and read voucher codes: the faces ask through this, so that they need not know how codes are kept.
pub trait VoucherCodes: Send + Sync {
    /// New codes as they are printed, all different, each with what the store keeps of it. Takes a moment for many.
    fn new_codes(&self, count: u32) -> Result<Vec<(String, SealedCode)>, String>;

    /// A code that was made elsewhere, as it is printed, with what the store keeps of it; `None` if it cannot be a code.
    fn seal(&self, typed: &str) -> Option<(String, SealedCode)>;

    /// What a typed code is found by in the store; `None` if it cannot be a code.
    fn lookup(&self, typed: &str) -> Option<[u8; 32]>;

    /// A stored code as it is printed.
    fn unseal(&self, stored: &SealedCode) -> Result<String, String>;
}

/// Where the provider of vouchers looks up those that come anew.
pub trait VoucherBook: Send + Sync {
    /// Vouchers that come anew and that a device has a place of; not those that were taken back or are over.
    fn repeating(
        &self,
        device: DeviceId,
        now: WallTime,
    ) -> BoxFuture<'_, Result<Vec<Voucher>, ProviderError>>;

    /// Whether this was granted already.
    fn was_granted<'a>(&'a self, grant: &'a PeriodGrant) -> BoxFuture<'a, Result<bool, ProviderError>>;
}
