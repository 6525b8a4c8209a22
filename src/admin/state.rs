use std::sync::{Arc, MutexGuard};

use tokio::sync::broadcast;

use super::logins::{Logins, SignIns};
use super::vouchers::Searches;
use super::zones::Drafts;
use crate::config::{CoinSlotConfig, ZoneConfig};
use crate::domain::{Currency, LocalTime, Text, VoucherCodes};
use crate::events::EventHub;
use crate::hooks::Hooks;
use crate::portal::Themes;
use crate::runtime::Handle;
use crate::store::Store;
use crate::upkeep::Upkeep;

/// What the admin pages work with.
#[derive(Clone)]
pub struct AdminState {
    /// The sessions manager.
    pub handle: Handle,
    /// Plans, vouchers, sales, tokens.
    pub store: Store,
    /// For making and reading voucher codes.
    pub codes: Arc<dyn VoucherCodes>,
    /// The local time of the place.
    pub place: Arc<dyn LocalTime>,
    /// This box's name.
    pub gateway: Text,
    /// What money is counted in.
    pub currency: Currency,
    /// The zones of the configuration.
    pub zones: Arc<[ZoneConfig]>,
    /// How their portals look.
    pub themes: Themes,
    /// Looks that somebody is at work on.
    pub(super) drafts: Drafts,
    /// What was found by the beginning of a code.
    pub(super) searches: Searches,
    /// Who listens to what happens to sessions; `None` where nobody can.
    pub(super) events: Option<EventHub>,
    /// What tells webhooks; `None` where nothing does.
    pub(super) hooks: Option<Hooks>,
    /// Tokens that are revoked, as it happens: what they opened is closed.
    pub(super) revoked: broadcast::Sender<i64>,
    /// What takes coins.
    pub(super) coin_slots: Arc<[CoinSlotConfig]>,
    sign_ins: SignIns,
    upkeep: Option<Upkeep>,
}

impl AdminState {
    /// Nobody is logged in yet.
    pub fn new(
        handle: Handle,
        store: Store,
        codes: Arc<dyn VoucherCodes>,
        place: Arc<dyn LocalTime>,
        gateway: Text,
        currency: Currency,
    ) -> Self {
        let zones: Arc<[ZoneConfig]> = Vec::new().into();
        let (themes, drafts) = (Themes::default(), Drafts::default());
        Self {
            handle,
            store,
            codes,
            place,
            gateway,
            currency,
            zones,
            themes,
            drafts,
            searches: Searches::default(),
            events: None,
            hooks: None,
            revoked: broadcast::channel(64).0,
            coin_slots: Arc::default(),
            sign_ins: SignIns::default(),
            upkeep: None,
        }
    }

    /// With live events.
    #[must_use]
    pub fn with_events(self, events: EventHub) -> Self {
        Self { events: Some(events), ..self }
    }

    /// With webhooks that are told what happens.
    #[must_use]
    pub fn with_hooks(self, hooks: Hooks) -> Self {
        Self { hooks: Some(hooks), ..self }
    }

    /// With somebody else who wants to know of tokens that are revoked.
    #[must_use]
    pub fn with_revoked(self, revoked: broadcast::Sender<i64>) -> Self {
        Self { revoked, ..self }
    }

    /// With coin slots.
    #[must_use]
    pub fn with_coin_slots(self, slots: &[CoinSlotConfig]) -> Self {
        Self { coin_slots: slots.into(), ..self }
    }

    /// With those who are signed in already.
    #[must_use]
    pub fn with_sign_ins(self, sign_ins: SignIns) -> Self {
        Self { sign_ins, ..self }
    }

    /// The same, where people are signed in no longer than that: without doing anything, and in all.
    #[must_use]
    pub fn with_sign_in_times(self, idle_secs: u64, longest_secs: u64) -> Self {
        self.logins().last(idle_secs.saturating_mul(1000), longest_secs.saturating_mul(1000));
        self
    }

    /// With what the daemon knows of itself: without it there are no settings, back-ups or log.
    #[must_use]
    pub fn with_upkeep(self, upkeep: Upkeep) -> Self {
        Self { upkeep: Some(upkeep), ..self }
    }

    /// The same with the zones of the configuration, and how their portals look.
    #[must_use]
    pub fn with_zones(self, zones: Vec<ZoneConfig>, themes: Themes) -> Self {
        Self { zones: zones.into(), themes, ..self }
    }

    pub(super) fn logins(&self) -> MutexGuard<'_, Logins> {
        self.sign_ins.lock()
    }

    pub(super) const fn upkeep(&self) -> Option<&Upkeep> {
        self.upkeep.as_ref()
    }
}

impl std::fmt::Debug for AdminState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminState")
    }
}
