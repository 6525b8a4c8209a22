use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Form, Wrong};
use crate::domain::{LocalTime, WallTime};
use crate::http::Problem;
use crate::wares::rfc3339;

/// As `<input type="datetime-local">` writes a time.
const MOMENT: &str = "%Y-%m-%dT%H:%M";
/// Far beyond any time that could be granted, and far from what overflows.
const MOST_MINUTES: f64 = 1e12;

/// A body of the API, as it is put together.
pub(in crate::admin) struct Body<'f> {
    form: &'f Form,
    fields: Map<String, Value>,
    wrong: Option<Wrong>,
}

impl<'f> Body<'f> {
    pub(super) fn of(form: &'f Form) -> Self {
        Self { form, fields: Map::new(), wrong: None }
    }

    fn put(mut self, name: &str, value: Result<Value, Wrong>) -> Self {
        match value {
            Ok(value) => {
                self.fields.insert(name.to_owned(), value);
            }
            // The first is what is said.
            Err(wrong) => self.wrong = self.wrong.or(Some(wrong)),
        }
        self
    }

    /// This, whatever was typed.
    pub(in crate::admin) fn with(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.put(name, Ok(value))
    }

    /// A text; absent if nothing was typed.
    pub(in crate::admin) fn text(self, name: &str) -> Self {
        match self.form.get(name) {
            "" => self,
            text => {
                let text = text.to_owned();
                self.with(name, text)
            }
        }
    }

    /// The same, where nothing takes away what was there.
    pub(in crate::admin) fn text_or_null(self, name: &str) -> Self {
        let text = Some(self.form.get(name).to_owned()).filter(|text| !text.is_empty());
        self.with(name, text)
    }

    /// A price: a comma stands for a point.
    pub(in crate::admin) fn price(self, name: &str) -> Self {
        match self.form.get(name) {
            "" => self,
            text => {
                let text = text.replace(',', ".");
                self.with(name, text)
            }
        }
    }

    fn number<N: Into<Value>>(
        self,
        name: &str,
        field: &str,
        or_null: bool,
        read: impl Fn(&str) -> Result<N, &'static str>,
    ) -> Self {
        match self.form.get(name) {
            "" if or_null => self.with(field, Value::Null),
            "" => self,
            text => {
                let value = read(&text.replace(',', ".")).map(Into::into);
                self.put(field, value.map_err(|text| Wrong::field(name, text)))
            }
        }
    }

    /// A whole number; absent if nothing was typed.
    pub(in crate::admin) fn whole(self, name: &str) -> Self {
        self.number(name, name, false, read_whole)
    }

    /// The same, where nothing takes away what was there.
    pub(in crate::admin) fn whole_or_null(self, name: &str) -> Self {
        self.number(name, name, true, read_whole)
    }

    /// A number with decimals; absent if nothing was typed.
    pub(in crate::admin) fn amount(self, name: &str) -> Self {
        self.number(name, name, false, read_amount)
    }

    /// The same, where nothing takes away what was there.
    pub(in crate::admin) fn amount_or_null(self, name: &str) -> Self {
        self.number(name, name, true, read_amount)
    }

    /// Minutes as the seconds of another field; nothing takes away what was there.
    pub(in crate::admin) fn minutes_or_null(self, name: &str, field: &str) -> Self {
        self.number(name, field, true, read_minutes)
    }

    /// The same; absent if nothing was typed.
    pub(in crate::admin) fn minutes(self, name: &str, field: &str) -> Self {
        self.number(name, field, false, read_minutes)
    }

    /// Whether a box is ticked.
    pub(in crate::admin) fn flag(self, name: &str) -> Self {
        let is_on = self.form.is(name, "on");
        self.with(name, is_on)
    }

    /// Names between commas.
    pub(in crate::admin) fn names(self, name: &str) -> Self {
        let names: Vec<String> = role_names(self.form.get(name)).collect();
        self.with(name, names)
    }

    /// Lines as in `key = value`. Lines that stand as they were shown are left out, and so stay as they are.
    pub(in crate::admin) fn pairs(self, name: &str, shown: &str) -> Self {
        let typed = self.form.get(name).replace("\r\n", "\n");
        if typed == shown.trim() {
            return self;
        }
        let mut pairs = Map::new();
        for line in typed.lines().map(str::trim).filter(|line| !line.is_empty()) {
            // No key holds a blank; a key may hold the sign.
            let Some((key, value)) = line.split_once(" = ").or_else(|| line.split_once('=')) else {
                return self.put(name, Err(Wrong::field(name, "write a line for each, as in floor = 2")));
            };
            pairs.insert(key.trim().to_owned(), Value::from(value.trim()));
        }
        self.with(name, pairs)
    }

    /// A time of the place's clocks; nothing takes away what was there.
    pub(in crate::admin) fn moment_or_null(self, name: &str, place: &dyn LocalTime) -> Self {
        match self.form.get(name) {
            "" => self.with(name, Value::Null),
            text => {
                let at = read_moment(text, place).and_then(rfc3339).map(Value::from);
                let at =
                    at.ok_or_else(|| Wrong::field(name, "write a day and a time as in 2026-01-31T18:00"));
                self.put(name, at)
            }
        }
    }

    /// What it comes to, read as the API reads it.
    pub(in crate::admin) fn read<T: DeserializeOwned>(self) -> Result<T, Wrong> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        serde_json::from_value(Value::Object(self.fields))
            .map_err(|error| Wrong::from(&Problem::invalid(error.to_string())))
    }
}

fn read_whole(text: &str) -> Result<u32, &'static str> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) => Ok(number),
        Err(_) if is_number => Err("this is too much"),
        Err(_) => Err("write a whole number"),
    }
}

fn read_amount(text: &str) -> Result<f64, &'static str> {
    text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or("write a number")
}

fn read_minutes(text: &str) -> Result<u64, &'static str> {
    let minutes = read_amount(text)?;
    if !(0.0..=MOST_MINUTES).contains(&minutes) {
        return Err("write a number of minutes that can be");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
    Ok((minutes * 60.0).round() as u64)
}

fn read_moment(text: &str, place: &dyn LocalTime) -> Option<WallTime> {
    let local = [MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    (1970..=9999).contains(&chrono::Datelike::year(&local)).then(|| place.moment(local))
}

/// A time for a field, as the place's clocks show it.
pub(in crate::admin) fn moment(at: Option<WallTime>, place: &dyn LocalTime) -> String {
    at.map(|at| place.local(at).format(MOMENT).to_string()).unwrap_or_default()
}

/// Seconds for a field of minutes.
pub(in crate::admin) fn minutes(millis: Option<u64>) -> String {
    let Some(secs) = millis.map(|millis| millis / 1000) else { return String::new() };
    if secs.is_multiple_of(60) {
        return (secs / 60).to_string();
    }
    // Two seconds are told apart by the second decimal.
    let hundredths = (u128::from(secs) * 10_000 + 30) / 60;
    format!("{}.{:04}", hundredths / 10_000, hundredths % 10_000)
}

/// Names of roles between commas.
pub(in crate::admin) fn role_names(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Properties for a field, a line each.
pub(in crate::admin) fn lines(pairs: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    lines.join("\n")
}

/// Roles for a field.
pub(in crate::admin) fn commas(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}

/// A ticked box.
pub(in crate::admin) fn tick(is_on: bool) -> String {
    if is_on { "on".to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Utc;

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::sent(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_form_says_a_body() {
        let form = form(&[
            ("name", " day "),
            ("note", ""),
            ("price", "2,50"),
            ("count", "12"),
            ("data_mb", "1,5"),
            ("time_min", "1.5"),
            ("on_sale", "on"),
            ("roles", "vip, desk 2,"),
            ("properties", "a=b = 1\r\nfloor=2\r\n"),
            ("until", "2026-06-01T12:00"),
        ]);
        let body = form.body().text("name").text_or_null("note").price("price").whole("count");
        let body = body.amount("data_mb").minutes("time_min", "time_secs").flag("on_sale").flag("other");
        let body = body.names("roles").pairs("properties", "").moment_or_null("until", &Utc);
        let read: Value = body.whole("missing").whole_or_null("gone").read().unwrap();
        let expected = serde_json::json!({
            "name": "day", "note": null, "price": "2.50", "count": 12, "data_mb": 1.5, "time_secs": 90,
            "on_sale": true, "other": false, "roles": ["vip", "desk 2"], "gone": null,
            "properties": { "a=b": "1", "floor": "2" }, "until": "2026-06-01T12:00:00.000Z",
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn what_cannot_be_read_is_said_beside_its_field() {
        for (field, text) in [
            ("n", "x"),
            ("n", "-1"),
            ("n", "1.5"),
            ("n", "99999999999"),
            ("a", "inf"),
            ("m", "1e300"),
            ("m", "-1"),
            ("t", "tomorrow"),
            ("t", "99999-01-01T00:00"),
            ("p", "no sign"),
        ] {
            let form = form(&[(field, text)]);
            let body = form.body().whole("n").amount("a").minutes("m", "s").pairs("p", "x");
            let wrong = body.moment_or_null("t", &Utc).read::<Value>().unwrap_err();
            assert!(form.refused(wrong).error(field).is_some(), "{field} {text}");
        }
    }

    #[test]
    fn minutes_come_back_as_the_seconds_that_they_were() {
        for secs in [1_u64, 59, 60, 61, 100, 3_599, 3_600, 86_399, 3_162_240_000] {
            assert_eq!(read_minutes(&minutes(Some(secs * 1000))), Ok(secs), "{}", minutes(Some(secs * 1000)));
        }
        assert_eq!(minutes(None), "");
    }
}
