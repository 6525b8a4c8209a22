use serde_json::{Value, json};

use crate::admin::form::{Form, Wrong, commas, lines, minutes, tick};
use crate::domain::{AtEnd, Currency, Money, Plan, SlowEnd, bytes_to_mb};
use crate::wares::{PlanFields, mbps};

/// What a plan's form can choose from.
pub(in crate::admin) const KINDS: [(&str, &str); 3] =
    [("time", "Time"), ("data", "Data"), ("time_or_data", "Time or data: what ends first")];
pub(super) const REPEATS: [(&str, &str); 4] =
    [("", "No: it is had once"), ("day", "Each day"), ("week", "Each week"), ("month", "Each month")];
pub(super) const ENDS: [(&str, &str); 2] =
    [("cut_off", "The device is cut off"), ("slow", "It goes on more slowly for a while")];

/// A form without a plan.
pub(super) fn blank() -> Form {
    Form::filled([
        ("kind", "time".to_owned()),
        ("time_min", "60".to_owned()),
        ("max_devices", "1".to_owned()),
        ("at_end", "cut_off".to_owned()),
        ("at_hour", "0".to_owned()),
        ("on_sale", "on".to_owned()),
    ])
}

/// A form as a plan stands.
pub(super) fn of(plan: &Plan, currency: Currency) -> Form {
    let (terms, number) = (&plan.terms, |number: Option<f64>| number.map(|number| number.to_string()));
    let speed = |speed| number(Some(mbps(speed)).filter(|speed| *speed > 0.0)).unwrap_or_default();
    let slow: Option<SlowEnd> = match plan.at_end {
        AtEnd::CutOff => None,
        AtEnd::Slow(slow) => Some(slow),
    };
    Form::filled([
        ("title", plan.title.to_string()),
        ("kind", terms.kind.as_str().to_owned()),
        ("time_min", minutes(terms.time_limit_ms)),
        ("data_mb", number(terms.data_limit_bytes.map(bytes_to_mb)).unwrap_or_default()),
        ("exp_days", terms.exp_days.map(|days| days.to_string()).unwrap_or_default()),
        ("down_mbps", speed(terms.down)),
        ("up_mbps", speed(terms.up)),
        ("use_global_speed", tick(terms.use_global_speed)),
        (
            "price",
            Some(plan.price)
                .filter(|price| *price != Money::ZERO)
                .map_or_else(String::new, |price| currency.decimal(price)),
        ),
        ("max_devices", plan.max_devices.to_string()),
        ("on_sale", tick(plan.on_sale)),
        ("repeat", plan.repeat.map_or("", |repeat| repeat.every.as_str()).to_owned()),
        ("at_hour", plan.repeat.map_or(0, |repeat| repeat.at_hour).to_string()),
        ("at_end", if slow.is_some() { "slow" } else { "cut_off" }.to_owned()),
        ("slow_min", minutes(slow.map(|slow| slow.lasts_ms))),
        ("slow_down_mbps", speed(slow.and_then(|slow| slow.rates.down))),
        ("slow_up_mbps", speed(slow.and_then(|slow| slow.rates.up))),
        ("roles", commas(&plan.roles)),
        ("properties", lines(&plan.properties)),
    ])
}

/// The body that a form says: of a new plan, or of all that is different about `known`.
pub(super) fn read(form: &Form, known: Option<&Plan>) -> Result<PlanFields, Wrong> {
    let shown = known.map(|plan| lines(&plan.properties)).unwrap_or_default();
    let mut body = form.body();
    if known.is_none() {
        body = body.text("name");
    }
    // A new plan without a title is called by its name.
    body = if known.is_some() { body.with("title", form.get("title")) } else { body.text("title") };
    let price = if form.get("price").is_empty() { body.with("price", "0") } else { body.price("price") };
    let body = price
        .with("kind", form.get("kind"))
        .minutes_or_null("time_min", "time_secs")
        .amount_or_null("data_mb")
        .whole_or_null("exp_days")
        .with("use_global_speed", form.is("use_global_speed", "on"))
        .names("roles")
        .pairs("properties", &shown)
        .whole("max_devices")
        .flag("on_sale")
        .with("at_end", at_end(form)?)
        .with("repeat", repeat(form)?);
    // Nothing is no limit, whatever it was before.
    ["down_mbps", "up_mbps"]
        .into_iter()
        .fold(
            body,
            |body, name| if form.get(name).is_empty() { body.with(name, 0.0) } else { body.amount(name) },
        )
        .read()
}

fn at_end(form: &Form) -> Result<Value, Wrong> {
    if !form.is("at_end", "slow") {
        return Ok(json!("cut_off"));
    }
    let body = form.body().amount("slow_down_mbps").amount("slow_up_mbps").minutes("slow_min", "secs");
    let mut slow: serde_json::Map<String, Value> = body.read()?;
    for (name, field) in [("slow_down_mbps", "down_mbps"), ("slow_up_mbps", "up_mbps")] {
        if let Some(value) = slow.remove(name) {
            slow.insert(field.to_owned(), value);
        }
    }
    if !slow.contains_key("secs") {
        return Err(Wrong::field("slow_min", "say for how long"));
    }
    Ok(json!({ "slow": slow }))
}

fn repeat(form: &Form) -> Result<Value, Wrong> {
    if form.get("repeat").is_empty() {
        return Ok(Value::Null);
    }
    let hour: u32 = match form.get("at_hour") {
        "" => 0,
        text => text
            .parse()
            .ok()
            .filter(|hour| *hour < 24)
            .ok_or_else(|| Wrong::field("at_hour", "write an hour from 0 to 23"))?,
    };
    Ok(json!({ "every": form.get("repeat"), "at_hour": hour }))
}
