use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::{
    BoxFuture, ClientDevice, ClockGuard, DeviceId, FieldKind, FormField, Granted, Guard, Phrase,
    ProviderError, ProviderFace, ProviderName, SessionProvider, SessionSource, SourceData, Text, UseTime,
    Voucher, VoucherBook,
};

/// Vouchers among the session providers.
///
/// A voucher is nobody's until its code is typed in. A code that is redeemed becomes a session of this provider at once, in
/// the same transaction; it lives in the store like any other, and has no source elsewhere. One that comes anew each day
/// offers the device that has redeemed it a session for each period.
#[derive(Clone)]
pub struct VoucherProvider {
    name: ProviderName,
    face: Arc<ProviderFace>,
    book: Option<(Arc<dyn VoucherBook>, Clock)>,
}

impl VoucherProvider {
    /// The name that sessions from vouchers carry.
    pub const NAME: &str = "voucher";

    /// With where vouchers that come anew are looked up.
    pub fn new(book: Arc<dyn VoucherBook>, clock: Clock) -> Self {
        Self { name: ProviderName::new(Self::NAME), face: face(), book: Some((book, clock)) }
    }

    /// What a device has a place of and was not granted in this period yet.
    async fn offers(&self, device: DeviceId) -> Result<Vec<SourceData>, ProviderError> {
        let Some((book, clock)) = &self.book else { return Ok(Vec::new()) };
        let now = clock.believable();
        let mut offers = Vec::new();
        for voucher in book.repeating(device, now).await? {
            let Some(grant) = voucher.period_grant(device, now, clock) else { continue };
            if voucher.ends_at().is_some_and(|end| now >= end) || book.was_granted(&grant).await? {
                continue;
            }
            let at = time_of_use(&voucher, clock);
            let mut data = voucher.source_data(voucher.reference(), at, clock);
            // Meanwhile it may be taken back, or its place taken over.
            let holds = Guard::HoldsVoucher { voucher: voucher.id, device, at: at.noted };
            data.guards = vec![holds, Guard::Grant(Box::new(grant))];
            offers.push(data);
        }
        Ok(offers)
    }
}

/// When a voucher is used, if that is now. What comes anew each day goes by the time as far as it can be believed. Days are
/// counted from a time that can be, or not yet: then it lies before all that can.
pub fn time_of_use(voucher: &Voucher, clock: &Clock) -> UseTime {
    let (offer, wall) = (&voucher.batch.offer, clock.now().wall);
    let now = if offer.repeat.is_some() { clock.believable() } else { wall };
    let waits = offer.use_days.is_some() && !clock.is_believed();
    UseTime { now, noted: if waits { wall.min(ClockGuard::FLOOR.plus_millis(-1)) } else { now } }
}

impl Default for VoucherProvider {
    fn default() -> Self {
        Self { name: ProviderName::new(Self::NAME), face: face(), book: None }
    }
}

impl std::fmt::Debug for VoucherProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VoucherProvider")
    }
}

impl SessionProvider for VoucherProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(async move {
            let first = self.offers(device.id).await?.into_iter().next();
            Ok(first.map(|data| Box::new(Granted(data)) as Box<dyn SessionSource>))
        })
    }

    fn fetch_sessions<'a>(
        &'a self,
        device: &'a ClientDevice,
        page: u32,
        per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>> {
        Box::pin(async move {
            let size = usize::try_from(per_page).unwrap_or(usize::MAX);
            let before = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(size);
            Ok(self.offers(device.id).await?.into_iter().skip(before).take(size).collect())
        })
    }

    /// Its form is taken by the portal, which redeems the code.
    fn face(&self) -> Option<Arc<ProviderFace>> {
        Some(Arc::clone(&self.face))
    }
}

fn face() -> Arc<ProviderFace> {
    let code = FormField {
        name: "code".to_owned(),
        label: Text::ours(Phrase::VoucherCode),
        kind: FieldKind::Code,
        required: true,
        max_chars: 64,
    };
    Arc::new(ProviderFace {
        title: Text::ours(Phrase::VoucherTitle),
        icon: Text::default(),
        text: Text::ours(Phrase::VoucherText),
        fields: vec![code],
        button: Text::ours(Phrase::VoucherButton),
    })
}
