//! What a plugin grants, and what it says to forms and connects: parsed at the door into what the domain takes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::rpc::{Fault, Fields};
use crate::domain::sessions_mgr::RolePatch;
use crate::domain::{
    Allowed, FieldKind, FormField, PlanBook, PlanName, PropertyPatch, ProviderFace, SessionKind,
    SessionTerms, SourceData, Submitted, Text, Usage, Verdict, WallTime, mb_to_bytes,
};

/// The most roles of a grant, and the longest name of one, in characters.
const MAX_ROLES: usize = 64;
/// Usage beyond this is absurd: a hundred years.
const MAX_USED_SECS: f64 = 100.0 * 366.0 * 86_400.0;

/// Reads a grant: terms, or a plan, and what goes with the session.
pub(super) async fn grant(mut fields: Fields, plans: &dyn PlanBook) -> Result<SourceData, Fault> {
    let plan = fields.take::<String>("plan")?;
    let plan =
        plan.map(|name| PlanName::parse(&name)).transpose().map_err(|e| Fault::invalid("plan", e.problem))?;
    let mut data = match terms(&mut fields)? {
        Some(terms) => SourceData { plan: plan.map(|plan| plan.to_string()), ..SourceData::new(terms) },
        None => {
            let Some(name) = plan else {
                return Err(Fault::invalid("kind", "a grant needs a kind with its limits, or a plan"));
            };
            let found = plans.find_plan(name.as_str()).await.map_err(|error| Fault::internal(&error))?;
            let plan = found.ok_or_else(|| Fault::invalid("plan", format!("there is no plan {name}")))?;
            plan.source_data(None)
        }
    };
    data.reference = fields.take("reference")?;
    data.principal = fields.take("principal")?;
    for (field, value) in [("reference", &data.reference), ("principal", &data.principal)] {
        if let Some(value) = value
            && (value.is_empty() || value.chars().count() > 200 || value.contains(char::is_control))
        {
            return Err(Fault::invalid(
                field,
                "must be 1 to 200 characters, none of them a control character",
            ));
        }
    }
    if let Some(properties) = fields.take::<BTreeMap<String, String>>("properties")? {
        let wanted = properties.into_iter().map(|(key, value)| (key, Some(value))).collect();
        let patch = PropertyPatch::new(wanted).map_err(|error| Fault::invalid("properties", error))?;
        patch.apply(&mut data.properties).map_err(|error| Fault::invalid("properties", error))?;
    }
    data.roles.extend(roles(&mut fields, "roles")?);
    if let Some(at) = fields.take::<String>("expires_at")? {
        data.expires_at = Some(time("expires_at", &at)?);
    }
    data.usage = usage(&mut fields)?;
    fields.finish()?;
    Ok(data)
}

/// The terms, if any field of them is there.
fn terms(fields: &mut Fields) -> Result<Option<SessionTerms>, Fault> {
    let kind = fields.take::<String>("kind")?;
    let time_secs = fields.take("time_secs")?;
    let data_mb = fields.take("data_mb")?;
    let exp_days = fields.take("exp_days")?;
    let down = fields.take::<f64>("down_mbps")?;
    let up = fields.take::<f64>("up_mbps")?;
    let global = fields.take::<bool>("use_global_speed")?;
    let any_other = time_secs.is_some()
        || data_mb.is_some()
        || exp_days.is_some()
        || down.is_some()
        || up.is_some()
        || global.is_some();
    let Some(kind) = kind else {
        let text = "must be there if any limit or speed is";
        return if any_other { Err(Fault::invalid("kind", text)) } else { Ok(None) };
    };
    let kind = SessionKind::from_name(&kind)
        .ok_or_else(|| Fault::invalid("kind", "must be one of time, data, time_or_data"))?;
    let (down, up, global) = (down.unwrap_or(0.0), up.unwrap_or(0.0), global.unwrap_or(false));
    Ok(Some(SessionTerms::new(kind, time_secs, data_mb, exp_days, down, up, global)?))
}

fn usage(fields: &mut Fields) -> Result<Usage, Fault> {
    let mut usage = Usage::default();
    if let Some(secs) = fields.take::<f64>("time_used_secs")? {
        if !(0.0..=MAX_USED_SECS).contains(&secs) {
            return Err(Fault::invalid("time_used_secs", "must be between 0 and a hundred years"));
        }
        usage.time_ms = u64::try_from(std::time::Duration::from_secs_f64(secs).as_millis()).unwrap_or(0);
    }
    for (field, bytes) in [("sent_mb", &mut usage.sent_bytes), ("received_mb", &mut usage.received_bytes)] {
        if let Some(mb) = fields.take::<f64>(field)? {
            *bytes =
                mb_to_bytes(mb).ok_or_else(|| Fault::invalid(field, "must be between 0 and 1000000000"))?;
        }
    }
    Ok(usage)
}

/// Role names.
pub(super) fn roles(fields: &mut Fields, field: &str) -> Result<BTreeSet<String>, Fault> {
    let roles = fields.take::<BTreeSet<String>>(field)?.unwrap_or_default();
    let fits = |role: &String| {
        (1..=MAX_ROLES).contains(&role.chars().count())
            && !role.contains(char::is_control)
            && role.trim() == role
    };
    if roles.len() <= MAX_ROLES && roles.iter().all(fits) {
        Ok(roles)
    } else {
        Err(Fault::invalid(field, format!("at most {MAX_ROLES} names of 1 to {MAX_ROLES} characters")))
    }
}

/// RFC 3339.
pub(super) fn time(field: &str, text: &str) -> Result<WallTime, Fault> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| WallTime(at.timestamp_millis()))
        .map_err(|_| Fault::invalid(field, "must be a time as in 2026-12-31T18:00:00Z"))
}

/// A text for people, which may be absent.
pub(super) fn text(fields: &mut Fields, field: &str) -> Result<Option<Text>, Fault> {
    Ok(fields.take::<String>(field)?.map(|text| Text::new(&text)).filter(|text| !text.is_empty()))
}

/// What a plugin says to a form: `{"grant": …}`, `{"done": …}`, `{"connect": {}}` or `{"refuse": …}`.
pub(super) async fn submitted(answer: Value, plans: &dyn PlanBook) -> Result<Submitted, Fault> {
    let (what, value) = Fields::of(answer)?.only()?;
    let mut fields = Fields::of(value)?;
    Ok(match what.as_str() {
        "grant" => Submitted::Grant(Box::new(grant(fields, plans).await?)),
        "done" => {
            let done = Submitted::Done(text(&mut fields, "text")?);
            fields.finish()?;
            done
        }
        "connect" => {
            fields.finish()?;
            Submitted::Connect
        }
        "refuse" => {
            let field = fields.take::<String>("field")?;
            let refused = text(&mut fields, "text")?;
            fields.finish()?;
            let text = refused.ok_or_else(|| Fault::invalid("text", "is missing"))?;
            Submitted::Refused { field, text }
        }
        _ => return Err(Fault::invalid(&what, "must be one of grant, done, connect, refuse")),
    })
}

/// What an authenticator says: `{"allow": …}`, `{"deny": {"text": …}}` or `{"abstain": {}}`.
pub(super) fn verdict(answer: Value) -> Result<Verdict, Fault> {
    let (what, value) = Fields::of(answer)?.only()?;
    let mut fields = Fields::of(value)?;
    let verdict = match what.as_str() {
        "allow" => {
            let add = roles(&mut fields, "roles_add")?;
            let remove = roles(&mut fields, "roles_remove")?;
            let wanted = fields.take::<BTreeMap<String, Option<String>>>("properties")?.unwrap_or_default();
            let properties =
                PropertyPatch::new(wanted).map_err(|error| Fault::invalid("properties", error))?;
            Verdict::Allow(Allowed { roles: RolePatch { add, remove }, properties })
        }
        "deny" => {
            let why = text(&mut fields, "text")?;
            Verdict::Deny(why.ok_or_else(|| Fault::invalid("text", "is missing"))?)
        }
        "abstain" => Verdict::Abstain,
        _ => return Err(Fault::invalid(&what, "must be one of allow, deny, abstain")),
    };
    fields.finish()?;
    Ok(verdict)
}

/// What a provider shows on the portal; `None` if it gives no title.
pub(super) fn face(fields: &mut Fields) -> Result<Option<ProviderFace>, Fault> {
    let title = text(fields, "title")?;
    let icon = text(fields, "icon")?.unwrap_or_default();
    let sentence = text(fields, "text")?.unwrap_or_default();
    let button = text(fields, "button")?.unwrap_or_default();
    let form = fields.take::<Vec<Value>>("fields")?.unwrap_or_default();
    let Some(title) = title else {
        let is_empty = icon.is_empty() && sentence.is_empty() && button.is_empty() && form.is_empty();
        return if is_empty { Ok(None) } else { Err(Fault::invalid("title", "is missing")) };
    };
    let form = form.into_iter().map(field).collect::<Result<Vec<FormField>, Fault>>()?;
    let face = ProviderFace { title, icon, text: sentence, fields: form, button };
    face.check().map_err(|problem| Fault::invalid("fields", problem))?;
    Ok(Some(face))
}

fn field(value: Value) -> Result<FormField, Fault> {
    let mut fields = Fields::of(value)?;
    let name = fields.need::<String>("name")?;
    let label = text(&mut fields, "label")?.unwrap_or_default();
    let kind = fields.take::<String>("kind")?;
    let required = fields.take::<bool>("required")?.unwrap_or(true);
    let max_chars = fields.take::<u16>("max_chars")?.unwrap_or(100);
    let choices = fields.take::<Vec<(String, String)>>("choices")?;
    fields.finish()?;
    let kind = match (kind.as_deref().unwrap_or("text"), choices) {
        ("choice", Some(choices)) => {
            let fits = |value: &str| (1..=100).contains(&value.len()) && !value.contains(char::is_control);
            if !choices.iter().all(|(value, _)| fits(value)) {
                return Err(Fault::invalid("choices", "a value has 1 to 100 bytes, no control characters"));
            }
            FieldKind::Choice(choices.into_iter().map(|(value, label)| (value, Text::new(&label))).collect())
        }
        ("choice", None) => return Err(Fault::invalid("choices", "is missing")),
        (_, Some(_)) => return Err(Fault::invalid("choices", "is for kind choice only")),
        ("text", None) => FieldKind::Text,
        ("password", None) => FieldKind::Password,
        ("email", None) => FieldKind::Email,
        ("telephone", None) => FieldKind::Telephone,
        ("code", None) => FieldKind::Code,
        ("checkbox", None) => FieldKind::Checkbox,
        _ => {
            let kinds = "must be one of text, password, email, telephone, code, checkbox, choice";
            return Err(Fault::invalid("kind", kinds));
        }
    };
    Ok(FormField { name, label, kind, required, max_chars })
}
