//! Coin slots, as the page of providers shows them.

use axum::response::Response;
use chrono::NaiveTime;

use crate::admin::clerk::Clerk;
use crate::admin::page::{failed, refused};
use crate::admin::shown;
use crate::admin::state::AdminState;
use crate::admin::tables::Name;
use crate::domain::{LockOwner, Text};
use crate::runtime::ProviderStatus;

/// A slot.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    /// What is wrong with it.
    pub(super) troubles: Vec<Text>,
    /// Who stands at it: name and page.
    pub(super) guest: Option<(Name, String)>,
    pub(super) waiting: usize,
    /// What it took today; `None` for whoever has no business with money.
    pub(super) today: Option<String>,
    /// What it took that nobody has got anything for; the same.
    pub(super) open: Option<String>,
}

/// All slots, as somebody may see them.
pub(super) async fn all(
    state: &AdminState,
    clerk: &Clerk,
    known: &[ProviderStatus],
) -> Result<Vec<Slot>, Response> {
    let now = state.place.local(state.handle.believable());
    let midnight = state.place.moment(now.date().and_time(NaiveTime::MIN));
    let locks = state.handle.locks();
    let mut slots = Vec::new();
    for config in state.coin_slots.iter() {
        let slot = &config.slot;
        let status = known.iter().find(|status| status.name == slot.provider());
        let source = slot.source();
        let (count, sum) =
            state.store.credits_since(&source, midnight).await.map_err(|error| failed(state, &error))?;
        let open = state.store.unclaimed_credits(Some(&source), None).await;
        let open = open.map_err(|error| failed(state, &error))?;
        let owed =
            crate::domain::Money(open.iter().map(|credit| credit.amount.0).fold(0, i64::saturating_add));
        let lock = locks.iter().find(|lock| lock.name.as_str() == source);
        let mut guest = None;
        if let Some(LockOwner::Device(id)) = lock.map(|lock| lock.owner) {
            let found =
                state.handle.devices_by_id([id].into()).await.map_err(|refusal| refused(state, refusal))?;
            let name = found.get(&id).map_or_else(|| id.to_string(), shown::device_name);
            guest = Some((Name::short(name), format!("/admin/devices/{id}")));
        }
        slots.push(Slot {
            name: slot.name.clone(),
            troubles: status.map(|status| status.troubles.clone()).unwrap_or_default(),
            guest,
            waiting: lock.map_or(0, |lock| lock.waiters.len()),
            today: clerk.sells().then(|| match count {
                0 => "nothing yet".to_owned(),
                count => format!("{} ({count} times)", state.currency.show(sum)),
            }),
            open: (clerk.sells() && !owed.is_zero()).then(|| state.currency.show(owed).to_string()),
        });
    }
    Ok(slots)
}
