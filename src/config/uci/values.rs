//! Values of UCI, which are texts, as the values of TOML that a key wants.

use super::super::keys::Kind;
use super::super::section::printable;
use super::lines::{key, quoted};
use super::parse::{Place, Value, Word};

/// The value that is one, by its kind. What is none of its kind comes back as text, with what is wrong.
pub(super) fn single(kind: Kind, text: &str) -> Result<String, String> {
    match kind {
        Kind::Integer(..) => integer(text),
        Kind::Number(..) | Kind::Speed => number(text),
        Kind::Boolean => boolean(text),
        Kind::Text
        | Kind::Choice(_)
        | Kind::Amount
        | Kind::Texts
        | Kind::Ports
        | Kind::Choices(_)
        | Kind::Prose
        | Kind::Pulses
        | Kind::Variables
        | Kind::Table(_)
        | Kind::Tables(_) => Ok(quoted(text)),
    }
}

/// An item of a list, by the list's kind.
pub(super) fn item(kind: Kind, text: &str) -> Result<String, String> {
    match kind {
        Kind::Ports => return integer(text),
        Kind::Pulses => {}
        Kind::Text
        | Kind::Choice(_)
        | Kind::Integer(..)
        | Kind::Number(..)
        | Kind::Speed
        | Kind::Boolean
        | Kind::Amount
        | Kind::Texts
        | Kind::Choices(_)
        | Kind::Prose
        | Kind::Variables
        | Kind::Table(_)
        | Kind::Tables(_) => return Ok(quoted(text)),
    }
    let wrong = || format!("must be pulses and amount, as in '5=5.00', not '{}'", printable(text));
    let (pulses, amount) = text.split_once('=').ok_or_else(wrong)?;
    let pulses = integer(pulses.trim()).map_err(|_| wrong())?;
    Ok(format!("[{pulses}, {}]", quoted(amount.trim())))
}

/// A variable: `NAME=VALUE`, as name and value.
pub(super) fn variable(text: &str) -> Result<(&str, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, format!("{} = {}", key(name), quoted(value)))),
        Some(_) | None => {
            Err(format!("must be a name and a value, as in 'PRICE=5', not '{}'", printable(text)))
        }
    }
}

/// The items: those of a list, or the words of an option.
pub(super) fn items(value: &Value) -> Vec<(&str, Place)> {
    match value {
        Value::One(Word { text, at }) => text.split_ascii_whitespace().map(|word| (word, *at)).collect(),
        Value::Many(words) => words.iter().map(|word| (word.text.as_str(), word.at)).collect(),
    }
}

/// `true` and `false`, as OpenWrt's scripts read them.
pub(super) fn boolean(text: &str) -> Result<String, String> {
    match text {
        "1" | "on" | "true" | "yes" | "enabled" => Ok("true".to_owned()),
        "0" | "off" | "false" | "no" | "disabled" => Ok("false".to_owned()),
        other => Err(format!("must be 1 or 0, not '{}'", printable(other))),
    }
}

fn integer(text: &str) -> Result<String, String> {
    let wrong = || format!("must be a whole number, not '{}'", printable(text));
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if let Some(digits) = hexadecimal {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        return i64::from_str_radix(digits, 16).map(|number| format!("{number:#x}")).map_err(|_| wrong());
    }
    text.parse::<i64>().map(|number| number.to_string()).map_err(|_| wrong())
}

fn number(text: &str) -> Result<String, String> {
    if let Ok(whole) = text.parse::<i64>() {
        return Ok(whole.to_string());
    }
    let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    let number = match text {
        "nan" | "inf" | "-inf" => return Ok(text.to_owned()),
        text if text.bytes().all(is_number) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
        _ => None,
    };
    // Debug writes what can be read back, with a point or an exponent.
    number
        .map(|number| format!("{number:?}"))
        .ok_or_else(|| format!("must be a number, not '{}'", printable(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_typed_as_toml_has_them() {
        for (text, toml) in [("7", "7"), ("007", "7"), ("-3", "-3"), ("0xFF", "0xff"), ("+5", "5")] {
            assert_eq!(integer(text).as_deref(), Ok(toml));
        }
        for text in ["", "0x", "0x-1", "1.0", "1 ", "ten", "99999999999999999999", "0x1ffffffffffffffff"] {
            assert!(integer(text).is_err(), "{text}");
        }
        for (text, toml) in [
            ("7", "7"),
            ("007", "7"),
            ("12.5", "12.5"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("1e21", "1e21"),
            ("nan", "nan"),
            ("-0.25", "-0.25"),
        ] {
            assert_eq!(number(text).as_deref(), Ok(toml));
        }
        for text in ["", "infinity", "NaN", "1e999", "1,5", "5M", "e", "--1"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn truth_is_what_the_scripts_take_for_it() {
        for text in ["1", "on", "true", "yes", "enabled"] {
            assert_eq!(boolean(text).as_deref(), Ok("true"));
        }
        for text in ["0", "off", "false", "no", "disabled"] {
            assert_eq!(boolean(text).as_deref(), Ok("false"));
        }
        assert_eq!(boolean("maybe").unwrap_err(), "must be 1 or 0, not 'maybe'");
    }
}
