use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::answer::within;
use super::{Authenticators, Roster};
use crate::clock::Clock;
use crate::domain::{
    Beside, ClientDevice, Enter, FormButton, FormValues, PropertyPatch, ProviderError, ProviderFace,
    ProviderName, SessionKind, SessionProvider, SourceData, SourceUsage, Submitted, Text, WallTime, ZoneName,
    roles,
};

/// The session providers, in the order in which they are asked.
///
/// A provider may hang, lie or panic: each is asked in a task of its own, with a deadline, and what it offers is checked
/// before anybody sees it.
#[derive(Clone)]
pub struct Registry {
    deadline: Duration,
    providers: Arc<RwLock<Vec<Arc<dyn SessionProvider>>>>,
    standing: Arc<Mutex<HashMap<ProviderName, Standing>>>,
    /// For each zone that says which providers it has, and in which order.
    orders: Arc<HashMap<ZoneName, Vec<ProviderName>>>,
    authenticators: Authenticators,
    plugins: Roster,
    /// Says when something failed.
    clock: Option<Clock>,
}

/// A session that a provider offers.
pub struct Offer {
    /// Whose it is.
    pub provider: ProviderName,
    /// What it grants, checked.
    pub data: SourceData,
}

/// How a provider is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderStatus {
    /// Its name.
    pub name: ProviderName,
    /// How often it was asked for anything.
    pub asked: u64,
    /// How often it did not answer, or not with anything that could be used.
    pub failed: u64,
    /// What it said last when it failed; `None` if it has answered since.
    pub last_error: Option<Text>,
    /// The same, also if it has answered since; and when that was.
    pub last_failure: Option<(WallTime, Text)>,
    /// How long its answers took, all together, in microseconds.
    pub took_us: u64,
    /// What it says of itself that is wrong.
    pub troubles: Vec<Text>,
}

#[derive(Debug, Clone, Default)]
struct Standing {
    asked: u64,
    failed: u64,
    last_error: Option<Text>,
    last_failure: Option<(WallTime, Text)>,
    took_us: u64,
    troubles: BTreeMap<&'static str, Text>,
}

/// Why a provider was not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a session provider named {0} is registered already")]
pub struct RegisterError(pub ProviderName);

/// The longest reference, plan and principal, in characters.
const MAX_NAME_CHARS: usize = 200;
/// The most roles of one session.
const MAX_ROLES: usize = 64;
/// The most pages that one provider is asked for: one that never ends does not hold anybody up for ever.
const MAX_PAGES: u32 = 100;

impl Registry {
    /// No providers yet; each answer is waited for so long.
    pub fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            providers: Arc::default(),
            standing: Arc::default(),
            orders: Arc::default(),
            authenticators: Authenticators::default(),
            plugins: Roster::default(),
            clock: None,
        }
    }

    /// The same with a clock, by which it says when something failed.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The same with zones that say which providers they have, in the order in which these are asked and shown. A zone
    /// that says nothing has all, as they registered.
    #[must_use]
    pub fn with_orders(mut self, orders: impl IntoIterator<Item = (ZoneName, Vec<ProviderName>)>) -> Self {
        self.orders = Arc::new(orders.into_iter().collect());
        self
    }

    /// The same with authenticators.
    #[must_use]
    pub fn with_authenticators(mut self, authenticators: Authenticators) -> Self {
        self.authenticators = authenticators;
        self
    }

    /// Those who are asked before a device is let through.
    pub const fn authenticators(&self) -> &Authenticators {
        &self.authenticators
    }

    /// The plugins that register here.
    pub const fn plugins(&self) -> &Roster {
        &self.plugins
    }

    /// The providers of a zone, in its order.
    fn in_zone(&self, zone: Option<&ZoneName>) -> Vec<Arc<dyn SessionProvider>> {
        let providers = self.providers.read().unwrap_or_else(PoisonError::into_inner);
        match zone.and_then(|zone| self.orders.get(zone)) {
            Some(order) => order
                .iter()
                .filter_map(|name| providers.iter().find(|provider| provider.name() == name).cloned())
                .collect(),
            None => providers.clone(),
        }
    }

    /// The providers of a zone, in its order, each with whether it is there.
    pub fn order_in(&self, zone: &ZoneName) -> Vec<(ProviderName, bool)> {
        let there: Vec<ProviderName> = self.status().into_iter().map(|status| status.name).collect();
        match self.orders.get(zone) {
            Some(order) => order.iter().map(|name| (name.clone(), there.contains(name))).collect(),
            None => there.into_iter().map(|name| (name, true)).collect(),
        }
    }

    /// A provider says what is wrong with it, or with one part of it that this names, or that it is no longer.
    pub fn set_trouble(&self, name: &ProviderName, part: &'static str, text: Option<Text>) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let troubles = &mut standing.entry(name.clone()).or_default().troubles;
        match text {
            Some(text) => drop(troubles.insert(part, text)),
            None => drop(troubles.remove(part)),
        }
    }

    /// What the providers of a zone show on its portal, in order.
    pub fn faces(&self, zone: &ZoneName) -> Vec<(ProviderName, Arc<ProviderFace>)> {
        let with_face =
            |provider: Arc<dyn SessionProvider>| Some((provider.name().clone(), provider.face()?));
        self.in_zone(Some(zone)).into_iter().filter_map(with_face).collect()
    }

    /// What the providers of a device's zone say to it beside their forms. One that fails says nothing.
    pub async fn beside(&self, device: &Arc<ClientDevice>) -> Beside {
        let mut beside = Beside::NONE;
        for provider in self.in_zone(device.zone.as_ref()) {
            let name = provider.name().clone();
            let device = Arc::clone(device);
            let asked = self.ask(&name, async move {
                Ok((provider.hint(&device).await?, provider.button(&device).await?))
            });
            let Ok((hint, button)) = asked.await else { continue };
            beside.hints.extend(hint.map(|hint| (name.clone(), hint)));
            beside.buttons.extend(button.map(|button| (name, button)));
        }
        beside
    }

    /// The button that a provider of a device's zone shows to it.
    pub async fn button(&self, name: &ProviderName, device: &Arc<ClientDevice>) -> Option<FormButton> {
        let mut there = self.in_zone(device.zone.as_ref()).into_iter();
        let provider = there.find(|provider| provider.name() == name)?;
        let device = Arc::clone(device);
        self.ask(name, async move { provider.button(&device).await }).await.ok().flatten()
    }

    /// Hands a guest's form to a provider of the device's zone; what it grants is checked. `None`: there is no such
    /// provider there.
    pub async fn submit(
        &self,
        name: &ProviderName,
        device: &ClientDevice,
        values: FormValues,
    ) -> Option<Result<Submitted, ProviderError>> {
        let provider =
            self.in_zone(device.zone.as_ref()).into_iter().find(|provider| provider.name() == name)?;
        let device = device.clone();
        let answer = self.ask(name, async move {
            let submitted = provider.submit(&device, &values).await?;
            match &submitted {
                Submitted::Grant(data) => checked(data)?,
                Submitted::LogIn(log_in) => {
                    if let Enter::Grant(data) = &log_in.enter {
                        checked(data)?;
                    }
                }
                Submitted::Done(_)
                | Submitted::Connect
                | Submitted::LogOut { .. }
                | Submitted::Refused { .. } => {}
            }
            Ok(submitted)
        });
        Some(answer.await)
    }

    /// Adds a provider behind the others.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn register(&self, provider: Arc<dyn SessionProvider>) -> Result<(), RegisterError> {
        let mut providers = self.providers.write().unwrap_or_else(PoisonError::into_inner);
        if providers.iter().any(|known| known.name() == provider.name()) {
            return Err(RegisterError(provider.name().clone()));
        }
        providers.push(provider);
        Ok(())
    }

    /// Takes a provider out, with its standing; whether it was there.
    pub fn unregister(&self, name: &ProviderName) -> bool {
        let mut providers = self.providers.write().unwrap_or_else(PoisonError::into_inner);
        let before = providers.len();
        providers.retain(|known| known.name() != name);
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        providers.len() < before
    }

    /// The provider of that name.
    pub fn provider(&self, name: &ProviderName) -> Option<Arc<dyn SessionProvider>> {
        let providers = self.providers.read().unwrap_or_else(PoisonError::into_inner);
        providers.iter().find(|known| known.name() == name).cloned()
    }

    /// All providers, in order, and how they are doing.
    pub fn status(&self) -> Vec<ProviderStatus> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let providers = self.providers.read().unwrap_or_else(PoisonError::into_inner);
        providers
            .iter()
            .map(|provider| {
                let Standing { asked, failed, last_error, last_failure, took_us, troubles } =
                    standing.get(provider.name()).cloned().unwrap_or_default();
                let (name, troubles) = (provider.name().clone(), troubles.into_values().collect());
                ProviderStatus { name, asked, failed, last_error, last_failure, took_us, troubles }
            })
            .collect()
    }

    /// A session that the device could use: the first that any provider offers. One that fails is passed over.
    pub async fn get_session(&self, device: &Arc<ClientDevice>) -> Option<Offer> {
        for provider in self.in_zone(device.zone.as_ref()) {
            let name = provider.name().clone();
            let device = Arc::clone(device);
            let asked = self.ask(&name, async move {
                let Some(source) = provider.get_session(&device).await? else { return Ok(None) };
                let data = source.data();
                checked(&data)?;
                // One that has nothing left does not keep the others from being asked.
                Ok((!is_used_up(&data)).then_some(data))
            });
            if let Ok(Some(data)) = asked.await {
                return Some(Offer { provider: name, data });
            }
        }
        None
    }

    /// A page (from 1) of what one provider has for the device.
    pub async fn fetch_sessions(
        &self,
        name: &ProviderName,
        device: &ClientDevice,
        page: u32,
        per_page: u32,
    ) -> Result<Vec<SourceData>, ProviderError> {
        let provider = self.provider(name).ok_or_else(|| not_registered(name))?;
        let device = device.clone();
        self.ask(name, async move {
            let sessions = provider.fetch_sessions(&device, page, per_page).await?;
            if sessions.len() > usize::try_from(per_page).unwrap_or(usize::MAX) {
                return Err(ProviderError(format!("{} sessions on a page of {per_page}", sessions.len())));
            }
            sessions.iter().try_for_each(checked)?;
            Ok(sessions)
        })
        .await
    }

    /// A page (from 1) of what all providers of the device's zone have for it, one after the other, and how many were
    /// seen up to its end: all there are on the last page. One that fails is passed over.
    pub async fn fetch_all(
        &self,
        device: &ClientDevice,
        page: u32,
        per_page: u32,
    ) -> (Vec<(ProviderName, SourceData)>, u64) {
        let wanted = u64::from(per_page);
        let before = wanted.saturating_mul(u64::from(page.saturating_sub(1)));
        let mut seen = 0;
        let mut found = Vec::new();
        for provider in self.in_zone(device.zone.as_ref()) {
            let name = provider.name();
            for page in 1..=MAX_PAGES {
                let Ok(sessions) = self.fetch_sessions(name, device, page, per_page).await else { break };
                let is_last = (sessions.len() as u64) < wanted;
                for data in sessions {
                    seen += 1;
                    if seen > before {
                        found.push((name.clone(), data));
                    }
                    if found.len() as u64 == wanted {
                        return (found, seen);
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        (found, seen)
    }

    /// Has a source take totals.
    pub(super) async fn save(&self, name: &ProviderName, usage: SourceUsage) -> Result<(), ProviderError> {
        let provider = self.provider(name).ok_or_else(|| not_registered(name))?;
        self.ask(name, async move {
            match provider.source(&usage.reference).await? {
                Some(source) => source.save(&usage).await,
                None => Err(ProviderError(format!("does not know its session {:?}", usage.reference))),
            }
        })
        .await
    }

    /// Asks a source anew what it grants, checked.
    pub async fn reload(&self, name: &ProviderName, reference: &str) -> Result<SourceData, ProviderError> {
        let provider = self.provider(name).ok_or_else(|| not_registered(name))?;
        let reference = reference.to_owned();
        self.ask(name, async move {
            let source = provider.source(&reference).await?;
            let source =
                source.ok_or_else(|| ProviderError(format!("does not know its session {reference:?}")))?;
            let data = source.reload().await?;
            checked(&data)?;
            Ok(data)
        })
        .await
    }

    /// Runs a question in its own task until the deadline, and remembers how it went.
    async fn ask<T: Send + 'static>(
        &self,
        name: &ProviderName,
        question: impl Future<Output = Result<T, ProviderError>> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let began = Instant::now();
        let answer = within(self.deadline, question).await;
        let took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = standing.entry(name.clone()).or_default();
        entry.asked = entry.asked.saturating_add(1);
        entry.took_us = entry.took_us.saturating_add(took_us);
        match &answer {
            Ok(_) => entry.last_error = None,
            Err(error) => {
                entry.failed = entry.failed.saturating_add(1);
                tracing::warn!(provider = %name, %error, "a session provider failed");
                entry.last_error = Some(Text::new(&error.0));
                entry.last_failure = self.clock.as_ref().map(|clock| (clock.now().wall, Text::new(&error.0)));
            }
        }
        answer
    }
}

fn is_used_up(data: &SourceData) -> bool {
    data.terms.time_limit_ms.is_some_and(|limit| data.usage.time_ms >= limit)
        || data.terms.data_limit_bytes.is_some_and(|limit| data.usage.data_bytes() >= limit)
}

fn not_registered(name: &ProviderName) -> ProviderError {
    ProviderError(format!("no session provider named {name} is registered"))
}

/// Whether what a provider says can be: its terms fit their kind, nothing is beyond what can be counted or kept.
fn checked(data: &SourceData) -> Result<(), ProviderError> {
    let wrong = |problem: &str| Err(ProviderError(format!("offered what cannot be: {problem}")));
    let terms = &data.terms;
    let fits = match terms.kind {
        SessionKind::Time => terms.time_limit_ms.is_some() && terms.data_limit_bytes.is_none(),
        SessionKind::Data => terms.time_limit_ms.is_none() && terms.data_limit_bytes.is_some(),
        SessionKind::TimeOrData => terms.time_limit_ms.is_some() && terms.data_limit_bytes.is_some(),
    };
    if !fits {
        return wrong("the limits are not those of its kind");
    }
    // The domain's own bounds: a hundred years, a petabyte.
    let longest_ms = 100 * 366 * 86_400_000;
    let most_bytes = 1_000_000_000_000_000;
    if terms.time_limit_ms.is_some_and(|limit| limit == 0 || limit > longest_ms)
        || terms.data_limit_bytes.is_some_and(|limit| limit == 0 || limit > most_bytes)
        || terms.exp_days.is_some_and(|days| days == 0 || days > 36_600)
    {
        return wrong("a limit is 0 or absurd");
    }
    let usage = &data.usage;
    if usage.time_ms > longest_ms || usage.sent_bytes > most_bytes || usage.received_bytes > most_bytes {
        return wrong("the usage is absurd");
    }
    let set = data.properties.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    if let Err(error) = PropertyPatch::new(set) {
        return wrong(&error.to_string());
    }
    if data.roles.len() > MAX_ROLES || data.roles.iter().any(|role| roles::check(role).is_err()) {
        return wrong("a role has no name that roles can have, or there are too many");
    }
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().count() <= MAX_NAME_CHARS && !text.contains(char::is_control)
    };
    let names = [data.reference.as_ref(), data.plan.as_ref(), data.principal.as_ref()];
    if names.into_iter().flatten().all(|name| is_name(name)) {
        Ok(())
    } else {
        wrong("a reference, plan or principal is empty, over 200 characters, or has control characters")
    }
}
