//! Free access: so much time or data for each device in each day, week or month, for a click.
//!
//! The allowance is the device's, and is counted in the store. What is left of it ends with its period; the next one needs
//! a click of its own. While the clock cannot be believed the period is that of the newest time that ever could, which no
//! boot begins anew; such an allowance ends as soon as the clock can be believed and shows another period.

use std::sync::Arc;

use super::when::until;
use crate::clock::Clock;
use crate::domain::{
    BoxFuture, ClientDevice, ClientSession, FormField, FormValues, FreeGift, FreeOffer, GrantBook, Guard,
    LocalTime, Part, Period, PeriodGrant, Phrase, PlanBook, ProviderError, ProviderFace, ProviderName,
    SessionId, SessionProvider, SessionSource, SourceData, Submitted, Text,
};

/// Free access among the session providers.
pub struct FreeProvider {
    name: ProviderName,
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
        Self { name: ProviderName::new(Self::NAME), offer, grants, plans, clock, place }
    }

    async fn give(&self, device: &ClientDevice, values: &FormValues) -> Result<Submitted, ProviderError> {
        let period = self.offer.repeat.period(self.clock.believable(), &*self.place);
        let mut data = self.gift(period).await?;
        let subject = format!("device {}", device.id);
        let plan = data.plan.clone().unwrap_or_else(|| FreeOffer::PLAN.to_owned());
        let had = self.grants.helpings(&subject, &plan, period.start).await?;
        let goes_on = |row: &ClientSession| row.device == device.id && row.is_usable();
        if had.iter().filter_map(|helping| helping.row.as_ref()).any(goes_on) {
            // It has it already: a second click is no second helping.
            return Ok(Submitted::Connect);
        }
        if !had.is_empty() {
            let more = until(period.end, &self.clock, &*self.place);
            let text = Text::ours_with(Phrase::FreeLater, vec![("when", Part::When(more))]);
            return Ok(Submitted::Refused { field: None, text });
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

/// What was filled in becomes a property of the session.
fn filled_in(field: &FormField, values: &FormValues) -> Option<(String, String)> {
    let value = Text::new(values.get(&field.name)?);
    (!value.is_empty()).then(|| (format!("free_{}", field.name), value.to_string()))
}

impl SessionProvider for FreeProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn face(&self) -> Option<ProviderFace> {
        Some(ProviderFace {
            title: self.offer.title.clone(),
            icon: Text::default(),
            text: self.offer.text.clone(),
            fields: self.offer.fields.clone(),
            button: Text::ours(Phrase::FreeButton),
        })
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
