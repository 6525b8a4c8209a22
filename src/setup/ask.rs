use std::collections::{BTreeMap, BTreeSet};

use super::guess::{self, Guess};
use super::management::{self, Between};
use super::{Choices, DeviceName, Facts, FirstPlan, Manage, Refused, Topic, Wishes, network};
use crate::domain::{AtEnd, Currency, Plan, PlanName, SessionKind, SessionTerms, Text};

/// The bridge that is made unless another name is given.
const BRIDGE: &str = "br-guest";

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Something has to be known first.
    Ask(Question),
    /// All is known.
    Ready(Box<Choices>),
}

/// A question, with what the answer would likely be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What it is about.
    pub topic: Topic,
    /// The question.
    pub text: String,
    /// The likely answer, if there is one.
    pub guess: Option<String>,
    /// Why that is likely; may be empty.
    pub why: String,
}

impl Question {
    pub(super) fn new(topic: Topic, text: impl Into<String>, guess: Option<Guess>) -> Self {
        let (guess, why) = guess.map_or((None, String::new()), |guess| (Some(guess.value), guess.why));
        Self { topic, text: text.into(), guess, why }
    }
}

/// One part of what has to be known.
#[derive(Debug)]
pub(super) enum Part<T> {
    /// This is not known yet.
    Ask(Question),
    /// It is known.
    Done(T),
}

/// Leaves with the question, if there is one.
macro_rules! known {
    ($part:expr) => {
        match $part {
            Part::Ask(question) => return Ok(Next::Ask(question)),
            Part::Done(known) => known,
        }
    };
}

/// The next question, or all that has to be known.
///
/// # Errors
///
/// What was said cannot be had on this box, or not together.
pub fn next(wishes: &Wishes, facts: &Facts) -> Result<Next, Refused> {
    let Some(wan) = wishes.wan.clone() else {
        let text = "Which device leads to the Internet?";
        return Ok(Next::Ask(Question::new(Topic::Wan, text, guess::wan(facts))));
    };
    let manage = match &wishes.manage {
        Some(Manage::On(device)) => Some(device.as_str()),
        Some(Manage::FromGuests | Manage::Loopback) | None => None,
    };
    let candidates = guess::guest_devices(facts, wan.as_str(), manage);
    let create = match wishes.create_network {
        Some(create) => create,
        None if wishes.guest.is_some() || !candidates.is_empty() => false,
        None => {
            let text = "No network for guests was found: no second card or bridge has an address. Make one of the free cards (a \
                        bridge with DHCP, and masquerading towards the Internet)? Say yes or no";
            return Ok(Next::Ask(Question::new(Topic::CreateNetwork, text, None)));
        }
    };
    let guest = match &wishes.guest {
        Some(guest) => guest.clone(),
        None if create => DeviceName::parse(BRIDGE).map_err(Refused::new)?,
        None => {
            let names: Vec<&str> = candidates.iter().map(|device| device.name.as_str()).collect();
            let text = format!("Which device is the guests' network? There are: {}", or_none(&names));
            return Ok(Next::Ask(Question::new(Topic::Guest, text, guess::guest(&candidates))));
        }
    };
    if guest == wan || facts.default_routes.iter().any(|device| device == guest.as_str()) {
        return Err(Refused::new(format!(
            "{guest} leads to the Internet: the guests' network must be another device (--guest DEV)"
        )));
    }
    let network = if create {
        Some(known!(network::decide(wishes, facts, &wan, &guest)?))
    } else {
        network::must_be_there(wishes, facts, &guest)?;
        None
    };
    let guest_address = match &network {
        Some(network) => Some(network.v4.addr().into()),
        None => facts.device(guest.as_str()).and_then(super::Device::address),
    };
    let between = Between { wan: &wan, guest: &guest, guest_address };
    let management = known!(management::decide(wishes, facts, between)?);
    let Some(name) = wishes.name.clone() else {
        let guess = Guess::new(facts.host_name.clone(), "the name of the host");
        return Ok(Next::Ask(Question::new(Topic::Name, "What is this place called?", Some(guess))));
    };
    let Some(currency) = wishes.currency else {
        let text = "In which currency are prices, as in EUR? Empty: none";
        return Ok(Next::Ask(Question::new(Topic::Currency, text, Some(Guess::new("", "")))));
    };
    let Some(admin) = wishes.admin.clone() else {
        let guess = Guess::new("admin", "the usual name");
        return Ok(Next::Ask(Question::new(Topic::Admin, "Who signs in to the admin pages?", Some(guess))));
    };
    let plan = known!(first_plan(wishes, currency)?);
    Ok(Next::Ready(Box::new(Choices {
        config: wishes.config.clone(),
        force: wishes.force,
        wan,
        guest,
        guest_address,
        network,
        listen: management.listen,
        trusted: management.trusted,
        ssh_port: management.ssh_port,
        // The host name is the default, and follows it.
        name: if name == facts.host_name { String::new() } else { name },
        currency,
        admin,
        plan,
    })))
}

fn or_none(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn first_plan(wishes: &Wishes, currency: Currency) -> Result<Part<Option<FirstPlan>>, Refused> {
    let terms = [
        (Topic::PlanTime, wishes.plan_time_secs.is_some()),
        (Topic::PlanData, wishes.plan_data_mb.is_some()),
        (Topic::PlanPrice, wishes.plan_price.is_some()),
    ];
    let Some(title) = &wishes.plan else {
        if let Some((topic, _)) = terms.iter().find(|(_, given)| *given) {
            return Err(Refused::new(format!("{} goes with --plan TITLE", topic.flag())));
        }
        let text = "What is sold first, as guests read it, for example: One hour? Empty: nothing yet";
        return Ok(Part::Ask(Question::new(Topic::Plan, text, Some(Guess::new("", "")))));
    };
    if title.is_empty() {
        return Ok(Part::Done(None));
    }
    let (time_secs, data_mb) = (wishes.plan_time_secs, wishes.plan_data_mb);
    let kind = match (time_secs, data_mb) {
        (Some(_), Some(_)) => SessionKind::TimeOrData,
        (Some(_), None) => SessionKind::Time,
        (None, Some(_)) => SessionKind::Data,
        (None, None) => {
            let guess = Guess::new("3600", "an hour");
            let text = format!("How many seconds is {title:?}?");
            return Ok(Part::Ask(Question::new(Topic::PlanTime, text, Some(guess))));
        }
    };
    let Some(price) = wishes.plan_price.clone() else {
        let text = format!("What does {title:?} cost?");
        return Ok(Part::Ask(Question::new(Topic::PlanPrice, text, Some(Guess::new("0", "")))));
    };
    let amount = currency.read(&price).ok_or_else(|| {
        let example = currency.decimal(crate::domain::Money(1250));
        Refused::new(format!("--plan-price: must be an amount that is not negative, as in {example}"))
    })?;
    let refused = |flag: &str, problem: String| Refused::new(format!("{flag}: {problem}"));
    let terms = SessionTerms::new(kind, time_secs, data_mb, None, 0.0, 0.0, false).map_err(|error| {
        let flag = if error.field == "data_mb" { Topic::PlanData } else { Topic::PlanTime };
        refused(flag.flag(), error.problem)
    })?;
    let plan = Plan {
        name: PlanName::parse(&name_of(title)).map_err(|error| refused("--plan", error.problem))?,
        title: Text::new(title),
        terms,
        price: amount,
        roles: BTreeSet::new(),
        properties: BTreeMap::new(),
        at_end: AtEnd::CutOff,
        repeat: None,
        max_devices: 1,
        on_sale: true,
    };
    plan.check().map_err(|error| refused("--plan", error.problem))?;
    Ok(Part::Done(Some(FirstPlan { plan, time_secs, data_mb, price })))
}

/// A plan's name from its title: "One hour" is `one-hour`.
fn name_of(title: &str) -> String {
    let mut name = String::new();
    for letter in title.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(PlanName::MAX_CHARS);
    let name = name.trim_end_matches('-');
    // A title without a letter of ASCII.
    if name.is_empty() { "first".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
