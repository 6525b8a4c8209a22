use crate::domain::{
    BoxFuture, ClientDevice, FieldKind, FormField, ProviderError, ProviderFace, ProviderName,
    SessionProvider, SessionSource, SourceData, Text,
};

/// Vouchers among the session providers.
///
/// A voucher is nobody's until its code is typed in, so there is nothing to offer to a device that merely asks. A code that
/// is redeemed becomes a session of this provider at once, in the same transaction; it lives in the store like any other,
/// and has no source elsewhere.
#[derive(Debug, Clone)]
pub struct VoucherProvider {
    name: ProviderName,
}

impl VoucherProvider {
    /// The name that sessions from vouchers carry.
    pub const NAME: &str = "voucher";
}

impl Default for VoucherProvider {
    fn default() -> Self {
        Self { name: ProviderName::new(Self::NAME) }
    }
}

impl SessionProvider for VoucherProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        _device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(async { Ok(None) })
    }

    fn fetch_sessions<'a>(
        &'a self,
        _device: &'a ClientDevice,
        _page: u32,
        _per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Its form is taken by the portal, which redeems the code.
    fn face(&self) -> Option<ProviderFace> {
        let code = FormField {
            name: "code".to_owned(),
            label: Text::new("Voucher code"),
            kind: FieldKind::Code,
            required: true,
            max_chars: 64,
        };
        Some(ProviderFace {
            title: Text::new("Voucher"),
            icon: Text::default(),
            text: Text::new("Enter the code of your voucher."),
            fields: vec![code],
            button: Text::new("Use voucher"),
        })
    }

    fn source<'a>(
        &'a self,
        _reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(async { Ok(None) })
    }
}
