use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::terms::NewTerms;
use super::text::{mbps, null_is_some, read_roles};
use crate::domain::{
    AtEnd, ClientRates, Currency, Every, Mbps, Money, Plan, PlanName, PropertyPatch, Refusal, Repeat,
    SessionKind, SessionTerms, SlowEnd, Text, bytes_to_mb,
};
use crate::http::Problem;

/// How a session goes on at its end.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum AtEndShape {
    CutOff,
    Slow(SlowShape),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlowShape {
    #[serde(default)]
    down_mbps: f64,
    #[serde(default)]
    up_mbps: f64,
    secs: u64,
}

impl AtEndShape {
    pub(crate) fn new(at_end: AtEnd) -> Self {
        match at_end {
            AtEnd::CutOff => Self::CutOff,
            AtEnd::Slow(SlowEnd { rates, lasts_ms }) => Self::Slow(SlowShape {
                down_mbps: mbps(rates.down),
                up_mbps: mbps(rates.up),
                secs: lasts_ms / 1000,
            }),
        }
    }

    pub(crate) fn read(value: Value) -> Result<AtEnd, Problem> {
        let shape = serde_json::from_value(value).map_err(|error| {
            Problem::invalid_field("at_end", format!("must be \"cut_off\" or {{\"slow\": …}}: {error}"))
        })?;
        Ok(match shape {
            Self::CutOff => AtEnd::CutOff,
            Self::Slow(slow) => {
                let speed =
                    |mbps| Mbps::from_mbps(mbps).map_err(|error| Problem::invalid_field("at_end", error));
                let rates = ClientRates { down: speed(slow.down_mbps)?, up: speed(slow.up_mbps)? };
                // What is beyond any session is refused with the plan.
                AtEnd::Slow(SlowEnd { rates, lasts_ms: slow.secs.saturating_mul(1000) })
            }
        })
    }
}

/// How often it comes anew.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepeatShape {
    every: String,
    #[serde(default)]
    at_hour: u8,
}

impl RepeatShape {
    pub(crate) fn new(repeat: Repeat) -> Self {
        Self { every: repeat.every.as_str().to_owned(), at_hour: repeat.at_hour }
    }

    pub(crate) fn read(value: Value) -> Result<Repeat, Problem> {
        let wrong = |problem: String| Problem::invalid_field("repeat", problem);
        let shape: Self = serde_json::from_value(value)
            .map_err(|error| wrong(format!("must be {{\"every\": …, \"at_hour\": …}}: {error}")))?;
        let every = Every::from_name(&shape.every)
            .ok_or_else(|| wrong("every must be one of day, week, month".to_owned()))?;
        Ok(Repeat { every, at_hour: shape.at_hour })
    }
}

/// Reads an amount of money in the site's currency.
pub(crate) fn read_price(field: &str, text: &str, currency: Currency) -> Result<Money, Problem> {
    currency.read(text).ok_or_else(|| {
        let example = currency.decimal(Money(1250));
        let within = currency.named().map_or_else(String::new, |code| format!(" in {code}"));
        let text = format!("must be an amount{within} that is not negative, as in {example:?}");
        Problem::invalid_field(field, text)
    })
}

/// Reads properties that sessions will have.
pub(crate) fn read_properties(
    properties: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Problem> {
    let wanted = properties.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    PropertyPatch::new(wanted)
        .map_err(|error| Problem::invalid_field("properties", Refusal::Property(error)))?;
    Ok(properties)
}

/// A new plan, or what is to be different about one; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanFields {
    pub(crate) name: Option<String>,
    title: Option<String>,
    kind: Option<String>,
    #[serde(default, deserialize_with = "null_is_some")]
    time_secs: Option<Option<u64>>,
    #[serde(default, deserialize_with = "null_is_some")]
    data_mb: Option<Option<f64>>,
    #[serde(default, deserialize_with = "null_is_some")]
    exp_days: Option<Option<u32>>,
    down_mbps: Option<f64>,
    up_mbps: Option<f64>,
    use_global_speed: Option<bool>,
    price: Option<String>,
    roles: Option<Vec<String>>,
    properties: Option<BTreeMap<String, String>>,
    at_end: Option<Value>,
    #[serde(default, deserialize_with = "null_is_some")]
    repeat: Option<Option<Value>>,
    max_devices: Option<u32>,
    on_sale: Option<bool>,
}

impl PlanFields {
    /// A plan of these fields alone.
    pub(crate) fn new_plan(self, currency: Currency) -> Result<Plan, Problem> {
        let name =
            self.name.as_deref().ok_or_else(|| Problem::invalid_field("name", "a plan needs a name"))?;
        let name = PlanName::parse(name)?;
        let blank = Plan {
            title: Text::new(name.as_str()),
            name,
            terms: self.terms(None)?,
            price: Money::ZERO,
            roles: BTreeSet::new(),
            properties: BTreeMap::new(),
            at_end: AtEnd::CutOff,
            repeat: None,
            max_devices: 1,
            on_sale: true,
        };
        self.apply(blank, currency)
    }

    /// The plan with these fields.
    pub(crate) fn apply(self, plan: Plan, currency: Currency) -> Result<Plan, Problem> {
        let terms = self.terms(Some(&plan.terms))?;
        Ok(Plan {
            terms,
            title: self.title.as_deref().map_or(plan.title, Text::new),
            price: match self.price {
                Some(text) => read_price("price", &text, currency)?,
                None => plan.price,
            },
            roles: match self.roles {
                Some(names) => read_roles("roles", names)?,
                None => plan.roles,
            },
            properties: match self.properties {
                Some(properties) => read_properties(properties)?,
                None => plan.properties,
            },
            at_end: match self.at_end {
                Some(value) => AtEndShape::read(value)?,
                None => plan.at_end,
            },
            repeat: match self.repeat {
                Some(value) => value.map(RepeatShape::read).transpose()?,
                None => plan.repeat,
            },
            max_devices: self.max_devices.unwrap_or(plan.max_devices),
            on_sale: self.on_sale.unwrap_or(plan.on_sale),
            name: plan.name,
        })
    }

    /// The terms; limits that another kind had are gone with it.
    fn terms(&self, known: Option<&SessionTerms>) -> Result<SessionTerms, Problem> {
        let kind = self.kind.clone().or_else(|| known.map(|known| known.kind.as_str().to_owned()));
        let becomes = kind.as_deref().and_then(SessionKind::from_name);
        let speed = |given: Option<f64>, known: Option<Mbps>| given.or_else(|| Some(mbps(known)));
        let secs = known.and_then(|known| known.time_limit_ms).map(|limit| limit / 1000);
        let mb = known.and_then(|known| known.data_limit_bytes).map(bytes_to_mb);
        NewTerms {
            kind,
            time_secs: self
                .time_secs
                .unwrap_or(secs.filter(|_| becomes.is_none_or(|kind| kind != SessionKind::Data))),
            data_mb: self
                .data_mb
                .unwrap_or(mb.filter(|_| becomes.is_none_or(|kind| kind != SessionKind::Time))),
            exp_days: self.exp_days.unwrap_or(known.and_then(|known| known.exp_days)),
            down_mbps: speed(self.down_mbps, known.and_then(|known| known.down)),
            up_mbps: speed(self.up_mbps, known.and_then(|known| known.up)),
            use_global_speed: self.use_global_speed.or(known.map(|known| known.use_global_speed)),
        }
        .check()
    }
}
