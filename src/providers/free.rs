//! Free access: so much time or data for each device in each day, week or month, for a click.
//!
//! The allowance is the device's, and is counted in the store. What is left of it ends with its period; the next one needs
//! a click of its own. While the clock cannot be believed the period is that of the newest time that ever could, which no
//! boot begins anew; such an allowance ends as soon as the clock can be believed and shows another period.

use std::sync::Arc;

use super::when::until;
use crate::clock::Clock;
use crate::domain::{
    Amount, BoxFuture, ClientDevice, ClientSession, Every, FormField, FormHint, FormValues, FreeGift,
    FreeOffer, GrantBook, Guard, LocalTime, Part, Period, PeriodGrant, Phrase, PlanBook, ProviderError,
    ProviderFace, ProviderName, SessionId, SessionProvider, SessionSource, SourceData, Submitted, Text,
};

/// Free access among the session providers.
pub struct FreeProvider {
    name: ProviderName,
    face: Arc<ProviderFace>,
    offer: FreeOffer,
    grants: Arc<dyn GrantBook>,
    plans: Arc<dyn PlanBook>,
    clock: Clock,
    place: Arc<dyn LocalTime>,
}

impl FreeProvider {
    /// The name that it registers under.
    pub const NAME: &str = "free";

    /// With this offer, these books, clocks and local time.
    pub fn new(
        offer: FreeOffer,
        grants: Arc<dyn GrantBook>,
        plans: Arc<dyn PlanBook>,
        clock: Clock,
        place: Arc<dyn LocalTime>,
    ) -> Self {
        let face = Arc::new(ProviderFace {
            title: offer.title.clone(),
            icon: Text::default(),
            text: offer.text.clone(),
            fields: offer.fields.clone(),
            button: Text::ours(Phrase::FreeButton),
        });
        Self { name: ProviderName::new(Self::NAME), face, offer, grants, plans, clock, place }
    }

    /// What a device gets now, whether it had that in this period, and whether something of it is left.
    async fn look(&self, device: &ClientDevice) -> Result<Look, ProviderError> {
        let period = self.offer.repeat.period(self.clock.believable(), &*self.place);
        let data = self.gift(period).await?;
        let subject = format!("device {}", device.id);
        let plan = data.plan.clone().unwrap_or_else(|| FreeOffer::PLAN.to_owned());
        let had = self.grants.helpings(&subject, &plan, period.start).await?;
        let goes_on = |row: &ClientSession| row.device == device.id && row.is_usable();
        let had = match had.iter().filter_map(|helping| helping.row.as_ref()).any(goes_on) {
            true => Had::Some,
            false if had.is_empty() => Had::Nothing,
            false => Had::All,
        };
        Ok(Look { period, data, subject, plan, had })
    }

    fn later(&self, period: Period) -> Text {
        let more = until(period.end, &self.clock, &*self.place);
        Text::ours_with(Phrase::FreeLater, vec![("when", Part::When(more))])
    }

    async fn say(&self, device: &ClientDevice) -> Result<Option<FormHint>, ProviderError> {
        let Look { period, data, had, .. } = self.look(device).await?;
        let grant = Amount {
            time_ms: data.terms.time_limit_ms.unwrap_or(0),
            data_bytes: data.terms.data_limit_bytes.unwrap_or(0),
        };
        let phrase = match self.offer.repeat.every {
            Every::Day => Phrase::FreeToday,
            Every::Week => Phrase::FreeThisWeek,
            Every::Month => Phrase::FreeThisMonth,
        };
        Ok(match had {
            // The page shows it as a session.
            Had::Some => None,
            Had::All => Some(FormHint { text: self.later(period), is_open: false }),
            Had::Nothing if grant.time_ms == 0 && grant.data_bytes == 0 => None,
            Had::Nothing => {
                let text = Text::ours_with(phrase, vec![("grant", Part::Grant(grant))]);
                Some(FormHint { text, is_open: true })
            }
        })
    }

    async fn give(&self, device: &ClientDevice, values: &FormValues) -> Result<Submitted, ProviderError> {
        let Look { period, mut data, subject, plan, had } = self.look(device).await?;
        match had {
            Had::Nothing => {}
            // It has it already: a second click is no second helping.
            Had::Some => return Ok(Submitted::Connect),
            Had::All => return Ok(Submitted::Refused { field: None, text: self.later(period) }),
        }
        data.properties.extend(self.offer.fields.iter().filter_map(|field| filled_in(field, values)));
        data.guards = vec![Guard::Grant(Box::new(PeriodGrant {
            subject,
            plan,
            period: period.start,
            most: 1,
            // Filled in when the session is made.
            session: SessionId::new(uuid::Uuid::nil()),
        }))];
        Ok(Submitted::Grant(Box::new(data)))
    }

    async fn gift(&self, period: Period) -> Result<SourceData, ProviderError> {
        match &self.offer.gives {
            FreeGift::Terms(terms) => Ok(SourceData {
                plan: Some(FreeOffer::PLAN.to_owned()),
                expires_at: Some(period.end),
                ..SourceData::new((**terms).clone())
            }),
            FreeGift::Plan(name) => match self.plans.find_plan(name.as_str()).await? {
                Some(plan) => Ok(plan.source_data(Some(period))),
                None => Err(ProviderError(format!("[free] plan: there is no plan {name}"))),
            },
        }
    }
}

/// How a device stands with its free access.
struct Look {
    period: Period,
    data: SourceData,
    subject: String,
    plan: String,
    had: Had,
}

/// What a device had of it in this period.
enum Had {
    Nothing,
    /// Something of it is left.
    Some,
    All,
}

/// What was filled in becomes a property of the session.
fn filled_in(field: &FormField, values: &FormValues) -> Option<(String, String)> {
    let value = Text::new(values.get(&field.name)?);
    (!value.is_empty()).then(|| (format!("free_{}", field.name), value.to_string()))
}

impl SessionProvider for FreeProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn face(&self) -> Option<Arc<ProviderFace>> {
        Some(Arc::clone(&self.face))
    }

    fn hint<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<FormHint>, ProviderError>> {
        Box::pin(self.say(device))
    }

    fn submit<'a>(
        &'a self,
        device: &'a ClientDevice,
        values: &'a FormValues,
    ) -> BoxFuture<'a, Result<Submitted, ProviderError>> {
        Box::pin(async move {
            // It has no buttons but its own: what is to be filled in cannot be left out by another.
            if values.contains_key("action") {
                let text = Text::ours(Phrase::NotHere);
                return Ok(Submitted::Refused { field: None, text });
            }
            self.give(device, values).await
        })
    }

    fn source<'a>(
        &'a self,
        _reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        // Its sessions live in the store like any other.
        Box::pin(async { Ok(None) })
    }
}
