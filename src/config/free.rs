use toml::de::{DeTable, DeValue};

use super::report::Report;
use super::section::{Found, Section, expected};
use super::values;
use crate::domain::{
    Every, FieldKind, FormField, FreeGift, FreeOffer, Mbps, Part, Phrase, PlanName, Repeat, SessionKind,
    SessionTerms, Text,
};

/// Which field of [`FreeOffer::FIELDS`] the terms of use are accepted by.
const TERMS: &str = "terms";
/// The most that a guest writes into a field, in characters.
const FIELD_CHARS: u16 = 200;
/// What gives the allowance here, if no plan does.
const OWN: [&str; 6] = ["kind", "time_secs", "data_mb", "down_mbps", "up_mbps", "use_global_speed"];

/// Reads `[free]`: that it is there is what offers free access. `None` if it has mistakes, which are reported.
pub(super) fn read(report: &mut Report<'_>, (at, table): (usize, &DeTable<'_>)) -> Option<FreeOffer> {
    let mut section = Section::new(report, "free", at, table);
    let title = section.read("title", values::line).map(|found| found.value);
    let text = section.read("text", words).map(|found| found.value);
    let gives = read_gift(&mut section, at, table);
    let every = section.read("every", every).map_or(Every::Day, |found| found.value);
    let at_hour = section.read("at_hour", hour).map_or(0, |found| found.value);
    let terms = section.read("terms", words);
    let terms_url = section.read("terms_url", url);
    let fields = section.list("fields", field_name);
    let required = section.list("required", field_name);
    let fields = read_fields(&mut section, fields, required, terms_url.as_ref());
    for found in
        [terms.as_ref().map(|found| (found.at, "terms")), terms_url.map(|found| (found.at, "terms_url"))]
            .into_iter()
            .flatten()
    {
        if !fields.iter().any(|field| field.name == TERMS) {
            section.warning(found.0, found.1, "nobody is asked to accept it: fields has no \"terms\"");
        }
    }
    section.finish();
    let text = [text, terms.map(|found| found.value)].into_iter().flatten();
    let text = text.map(|part| part.to_string()).collect::<Vec<_>>().join(" ");
    Some(FreeOffer {
        title: title.filter(|title| !title.is_empty()).unwrap_or_else(|| Text::ours(Phrase::FreeTitle)),
        text: Text::new(&text),
        gives: gives?,
        repeat: Repeat { every, at_hour },
        fields,
    })
}

/// A plan, or kind, time, data and speeds; not both.
fn read_gift(section: &mut Section<'_, '_, '_>, at: usize, table: &DeTable<'_>) -> Option<FreeGift> {
    let plan = section.read("plan", plan);
    let kind = section.read("kind", kind);
    let time_secs = section.read("time_secs", number);
    let data_mb = section.read("data_mb", values::amount);
    let down = section.read("down_mbps", values::speed).and_then(|found| found.value);
    let up = section.read("up_mbps", values::speed).and_then(|found| found.value);
    let global = section.read("use_global_speed", values::boolean).is_some_and(|found| found.value);
    if let Some(plan) = plan {
        if let Some(own) = OWN.into_iter().find(|key| table.contains_key(*key)) {
            section.mistake(plan.at, "plan", format!("the plan says what {own} is; leave one of them out"));
            return None;
        }
        return Some(FreeGift::Plan(plan.value));
    }
    if table.contains_key("plan") {
        return None;
    }
    let (secs, mb) = (time_secs.as_ref().map(|found| found.value), data_mb.as_ref().map(|found| found.value));
    let meant = match (secs, mb) {
        (Some(_), Some(_)) => SessionKind::TimeOrData,
        (None, Some(_)) => SessionKind::Data,
        (Some(_) | None, None) => SessionKind::Time,
    };
    if kind.is_none() && secs.is_none() && mb.is_none() {
        if !OWN.iter().take(3).any(|key| table.contains_key(*key)) {
            section.mistake(at, "plan", "must say what is free: plan, or time_secs or data_mb or both");
        }
        return None;
    }
    let speed = |speed: Option<Mbps>| speed.map_or(0.0, Mbps::as_mbps);
    let kind_at = kind.as_ref().map(|found| found.at);
    let kind = kind.map_or(meant, |found| found.value);
    match SessionTerms::new(kind, secs, mb, None, speed(down), speed(up), global) {
        Ok(terms) => Some(FreeGift::Terms(Box::new(terms))),
        Err(error) => {
            let place = match error.field {
                "time_secs" => time_secs.map(|found| found.at),
                "data_mb" => data_mb.map(|found| found.at),
                _ => None,
            };
            section.mistake(place.or(kind_at).unwrap_or(at), error.field, error.problem);
            None
        }
    }
}

fn read_fields(
    section: &mut Section<'_, '_, '_>,
    fields: Option<Found<Vec<Found<&'static str>>>>,
    required: Option<Found<Vec<Found<&'static str>>>>,
    terms_url: Option<&Found<String>>,
) -> Vec<FormField> {
    let required = required.map(|found| found.value).unwrap_or_default();
    let mut read: Vec<FormField> = Vec::new();
    for found in fields.map(|found| found.value).unwrap_or_default() {
        let name = found.value;
        if read.iter().any(|field| field.name == name) {
            section.mistake(found.at, "fields", format!("{name} is named twice"));
        }
        let label = match terms_url {
            Some(url) if name == TERMS => {
                Text::ours_with(Phrase::FreeTermsAt, vec![("url", Part::Text(Text::new(&url.value)))])
            }
            _ => FreeOffer::FIELDS
                .iter()
                .find(|(known, _)| *known == name)
                .map_or_else(Text::default, |(_, label)| Text::ours(*label)),
        };
        read.push(FormField {
            name: name.to_owned(),
            label,
            kind: match name {
                "email" => FieldKind::Email,
                "phone" => FieldKind::Telephone,
                TERMS => FieldKind::Checkbox,
                _ => FieldKind::Text,
            },
            // To accept terms if one likes is not to accept them.
            required: name == TERMS || required.iter().any(|found| found.value == name),
            max_chars: FIELD_CHARS,
        });
    }
    for found in required {
        if !read.iter().any(|field| field.name == found.value) {
            section.mistake(found.at, "required", format!("{} is not among the fields", found.value));
        }
    }
    read
}

fn string<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| expected("a string", value))
}

/// A sentence or two; may have line breaks, which become blanks.
fn words(value: &DeValue<'_>) -> Result<Text, String> {
    let written = string(value)?;
    if written.chars().count() > 240 {
        return Err("must be at most 240 characters".to_owned());
    }
    Ok(Text::new(written))
}

fn url(value: &DeValue<'_>) -> Result<String, String> {
    let written = string(value)?;
    let is_address = written.starts_with("https://") || written.starts_with("http://");
    if is_address && written.len() <= 200 && written.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(written.to_owned())
    } else {
        Err("must be an address of at most 200 characters, as in \"https://example.org/terms\"".to_owned())
    }
}

fn plan(value: &DeValue<'_>) -> Result<PlanName, String> {
    PlanName::parse(string(value)?).map_err(|error| error.problem)
}

fn kind(value: &DeValue<'_>) -> Result<SessionKind, String> {
    SessionKind::from_name(string(value)?)
        .ok_or_else(|| "must be one of \"time\", \"data\", \"time_or_data\"".to_owned())
}

fn every(value: &DeValue<'_>) -> Result<Every, String> {
    Every::from_name(string(value)?).ok_or_else(|| "must be one of \"day\", \"week\", \"month\"".to_owned())
}

fn hour(value: &DeValue<'_>) -> Result<u8, String> {
    let hour = values::whole(value)?;
    u8::try_from(hour)
        .ok()
        .filter(|hour| *hour <= 23)
        .ok_or_else(|| "must be an hour of the day, 0 to 23".to_owned())
}

fn number(value: &DeValue<'_>) -> Result<u64, String> {
    u64::try_from(values::whole(value)?).map_err(|_| "must not be negative".to_owned())
}

fn field_name(value: &DeValue<'_>) -> Result<&'static str, String> {
    let written = string(value)?;
    let names = FreeOffer::FIELDS.map(|(name, _)| name);
    names
        .into_iter()
        .find(|name| *name == written)
        .ok_or_else(|| format!("must be one of {}", names.join(", ")))
}
