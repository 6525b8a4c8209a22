use std::collections::{BTreeMap, BTreeSet};

use super::{
    BoxFuture, ClientRates, MAX_TIME_SECS, Money, Period, ProviderError, Repeat, SessionTerms, SourceData,
    TermsError, Text,
};

/// A named product: what is sold or given, and for how much.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its name: what vouchers, accounts and plugins refer to.
    pub name: PlanName,
    /// What guests read.
    pub title: Text,
    /// What it grants.
    pub terms: SessionTerms,
    /// What it costs.
    pub price: Money,
    /// Roles of the sessions made of it.
    pub roles: BTreeSet<String>,
    /// User-defined properties of the sessions made of it.
    pub properties: BTreeMap<String, String>,
    /// What happens when it is used up.
    pub at_end: AtEnd,
    /// Whether it is granted anew each day, week or month.
    pub repeat: Option<Repeat>,
    /// How many devices may use one sale of it at the same time; at least 1.
    pub max_devices: u32,
    /// Whether it can be sold; what was sold goes on.
    pub on_sale: bool,
}

/// A plan's name: 1 to 64 letters, digits, `-`, `_` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanName(String);

impl PlanName {
    /// The longest, in characters.
    pub const MAX_CHARS: usize = 64;

    /// Reads a name.
    ///
    /// # Errors
    ///
    /// It is empty, too long, or has other characters.
    pub fn parse(name: &str) -> Result<Self, TermsError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if (1..=Self::MAX_CHARS).contains(&name.len()) && name.bytes().all(fits) {
            Ok(Self(name.to_owned()))
        } else {
            let problem =
                format!("must be 1 to {} letters, digits, dashes, underscores and dots", Self::MAX_CHARS);
            Err(TermsError { field: "name", problem })
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PlanName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happens when a session is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AtEnd {
    /// The device is captive again.
    #[default]
    CutOff,
    /// It goes on more slowly for a while: a session of its own, which runs when no other is left.
    Slow(SlowEnd),
}

/// How a session goes on when it is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlowEnd {
    /// How fast.
    pub rates: ClientRates,
    /// For how many milliseconds of running.
    pub lasts_ms: u64,
}

/// Where plans are looked up.
pub trait PlanBook: Send + Sync {
    /// The plan of that name.
    fn find_plan<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Plan>, ProviderError>>;

    /// All plans, by name; those that are not on sale too.
    fn list_plans(&self) -> BoxFuture<'_, Result<Vec<Plan>, ProviderError>>;
}

impl Plan {
    /// The most plans.
    pub const MAX_COUNT: usize = 1_000;
    /// The most devices that may use one sale.
    pub const MAX_DEVICES: u32 = 1_000;

    /// Whether its parts, each of which can be, can be together.
    ///
    /// # Errors
    ///
    /// The field by its API name.
    pub fn check(&self) -> Result<(), TermsError> {
        if self.title.is_empty() {
            return Err(TermsError { field: "title", problem: "must not be empty".to_owned() });
        }
        check_offer(self.price, self.max_devices, self.repeat, self.at_end)
    }

    /// What a provider hands out for it; in a period if it repeats: what is left then ends with the period.
    pub fn source_data(&self, period: Option<Period>) -> SourceData {
        SourceData {
            plan: Some(self.name.to_string()),
            properties: self.properties.clone(),
            roles: self.roles.clone(),
            at_end: self.at_end,
            expires_at: period.map(|period| period.end),
            ..SourceData::new(self.terms.clone())
        }
    }
}

/// Checks what a plan and a batch of vouchers have beside their terms.
pub(super) fn check_offer(
    price: Money,
    max_devices: u32,
    repeat: Option<Repeat>,
    at_end: AtEnd,
) -> Result<(), TermsError> {
    let wrong = |field, problem: String| Err(TermsError { field, problem });
    if !(Money::ZERO..=Money::MOST).contains(&price) {
        return wrong("price", "must be an amount that is not negative".to_owned());
    }
    if !(1..=Plan::MAX_DEVICES).contains(&max_devices) {
        return wrong("max_devices", format!("must be between 1 and {}", Plan::MAX_DEVICES));
    }
    if repeat.is_some_and(|repeat| repeat.at_hour > 23) {
        return wrong("repeat", "at_hour must be between 0 and 23".to_owned());
    }
    match at_end {
        AtEnd::Slow(slow) if slow.rates == ClientRates::default() => {
            wrong("at_end", "going on slowly needs down_mbps or up_mbps above 0".to_owned())
        }
        AtEnd::Slow(slow) if slow.lasts_ms == 0 || slow.lasts_ms / 1000 > MAX_TIME_SECS => {
            wrong("at_end", format!("secs must be between 1 and {MAX_TIME_SECS}"))
        }
        AtEnd::Slow(_) | AtEnd::CutOff => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain() {
        for name in ["day", "Hour-1_a.b", &"a".repeat(64)] {
            assert_eq!(PlanName::parse(name).unwrap().as_str(), name);
        }
        for name in ["", "a b", "a/b", "é", "<b>", "' OR 1=1", &"a".repeat(65)] {
            assert_eq!(PlanName::parse(name).map_err(|error| error.field), Err("name"), "{name:?}");
        }
    }
}
