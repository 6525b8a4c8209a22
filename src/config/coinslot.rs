use std::collections::BTreeSet;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::report::Report;
use super::section::{Section, expected};
use super::values;
use crate::domain::coin::{CoinSlot, PulseTable, Rate, Rates};
use crate::domain::{Currency, Money, Phrase, PlanName, Text};

/// The most coin slots.
const MAX_SLOTS: usize = 16;
const DEFAULT_DEBOUNCE_MS: u32 = 10;
const DEFAULT_TRAIN_GAP_MS: u32 = 300;
const DEFAULT_WINDOW_SECS: u64 = 60;

/// One `[[coinslot]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct CoinSlotConfig {
    /// What guests know of it.
    pub slot: CoinSlot,
    /// Where its pulses come from.
    pub input: CoinInput,
    /// How long a level stands still until it counts, in milliseconds.
    pub debounce_ms: u32,
    /// After so many milliseconds without a pulse a coin is complete.
    pub train_gap_ms: u32,
    /// How long the slot waits for a coin, in seconds; each coin begins it anew.
    pub window_secs: u64,
}

/// Where pulses come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoinInput {
    /// A line of a GPIO chip.
    Gpio(GpioInput),
    /// A named pipe that a program writes edges to.
    Pipe(PathBuf),
}

/// A line of a GPIO chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpioInput {
    /// The chip's device, as `/dev/gpiochip0`.
    pub chip: PathBuf,
    /// The line that pulses come in on.
    pub line: u32,
    /// Whether a pulse pulls the line down.
    pub active_low: bool,
    /// The resistor that holds the line while there is no pulse.
    pub bias: GpioBias,
    /// The line that is active while somebody has the slot: the acceptor takes no coins otherwise.
    pub enable_line: Option<u32>,
}

/// The resistor of a GPIO line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GpioBias {
    /// As the hardware has it.
    #[default]
    AsIs,
    /// None.
    Disabled,
    /// Towards the supply.
    PullUp,
    /// Towards ground.
    PullDown,
}

/// Reads every `[[coinslot]]`.
pub(super) fn read(
    report: &mut Report<'_>,
    tables: Vec<(usize, &DeTable<'_>)>,
    currency: Currency,
) -> Vec<CoinSlotConfig> {
    if let Some((at, _)) = tables.get(MAX_SLOTS) {
        report.mistake(*at, "coinslot", format!("there can be at most {MAX_SLOTS} coin slots"));
    }
    if let Some((at, _)) = tables.first().filter(|_| cfg!(not(feature = "coin-slot"))) {
        report.mistake(
            *at,
            "coinslot",
            "this turnpike was built without coin slots (feature coin-slot)".to_owned(),
        );
    }
    let mut names = BTreeSet::new();
    let mut pipes = BTreeSet::new();
    let mut slots = Vec::new();
    for (at, table) in tables {
        let mut section = Section::new(report, "coinslot", at, table);
        let name = section.required("name", "\"1\"", slot_name);
        if let Some(name) = &name
            && !names.insert(name.value.clone())
        {
            section.mistake(name.at, "name", format!("there are two coin slots named {}", name.value));
        }
        let input = read_input(&mut section, at);
        if let Some(CoinInput::Pipe(path)) = &input
            && !pipes.insert(path.clone())
        {
            section.mistake(at, "pipe", format!("there are two coin slots at {}", path.display()));
        }
        let debounce = section.read("debounce_ms", millis(1, 1_000));
        let gap = section.read("train_gap_ms", millis(10, 10_000));
        let debounce_ms = debounce.map_or(DEFAULT_DEBOUNCE_MS, |found| found.value);
        let train_gap_ms = gap.as_ref().map_or(DEFAULT_TRAIN_GAP_MS, |found| found.value);
        if train_gap_ms <= debounce_ms {
            let at = gap.map_or(at, |found| found.at);
            section.mistake(at, "train_gap_ms", format!("must be above debounce_ms ({debounce_ms})"));
        }
        let pulses = read_pulses(&mut section, at, currency);
        let window = section.read("window_secs", values::secs(5, 3_600));
        let title = section.read("title", values::line).map(|found| found.value);
        let down = section.read("down_mbps", values::speed).and_then(|found| found.value);
        let up = section.read("up_mbps", values::speed).and_then(|found| found.value);
        let global = section.read("use_global_speed", values::boolean);
        let rate_tables = section.tables("rates");
        section.finish();
        let rates = read_rates(report, at, rate_tables, currency);
        if let (Some(name), Some(input), Some(pulses), Some(rates)) = (name, input, pulses, rates) {
            let slot = CoinSlot {
                name: name.value,
                title: title
                    .filter(|title| !title.is_empty())
                    .unwrap_or_else(|| Text::ours(Phrase::CoinTitle)),
                pulses,
                rates,
                down,
                up,
                use_global_speed: global.is_some_and(|found| found.value),
            };
            let window_secs = window.map_or(DEFAULT_WINDOW_SECS, |found| found.value);
            slots.push(CoinSlotConfig { slot, input, debounce_ms, train_gap_ms, window_secs });
        }
    }
    slots
}

fn read_input(section: &mut Section<'_, '_, '_>, at: usize) -> Option<CoinInput> {
    let pipe = section.read("pipe", values::path);
    let chip = section.read("gpio_chip", values::path);
    let line = section.read("gpio_line", gpio_line);
    let enable = section.read("gpio_enable_line", gpio_line);
    let active_low = section.read("active_low", values::boolean).map(|found| found.value);
    let bias = section.read("bias", bias).map(|found| found.value);
    match (pipe, chip, line) {
        (Some(pipe), None, None) => {
            if enable.is_some() || active_low.is_some() || bias.is_some() {
                let text = "active_low, bias and gpio_enable_line belong to gpio_chip, not to a pipe";
                section.mistake(pipe.at, "pipe", text);
            }
            Some(CoinInput::Pipe(pipe.value))
        }
        (None, Some(chip), Some(line)) => {
            if let Some(enable) = enable.as_ref().filter(|enable| enable.value == line.value) {
                section.mistake(enable.at, "gpio_enable_line", "is the same line as gpio_line");
            }
            Some(CoinInput::Gpio(GpioInput {
                chip: chip.value,
                line: line.value,
                active_low: active_low.unwrap_or(false),
                bias: bias.unwrap_or_default(),
                enable_line: enable.map(|found| found.value),
            }))
        }
        _ => {
            let text = "needs either gpio_chip and gpio_line, or pipe: where the pulses come from";
            section.mistake(at, "name", text);
            None
        }
    }
}

fn read_pulses(section: &mut Section<'_, '_, '_>, at: usize, currency: Currency) -> Option<PulseTable> {
    let rows = section.list("pulses", |row| pulse_row(row, currency));
    let (at, rows) = match rows {
        Some(rows) => (rows.at, rows.value.into_iter().map(|row| row.value).collect()),
        // A pulse is one of whatever the money is counted in.
        None => (at, vec![(1, currency.read("1")?)]),
    };
    match PulseTable::new(rows) {
        Ok(table) => Some(table),
        Err(error) => {
            section.mistake(at, error.field, error.problem);
            None
        }
    }
}

fn read_rates(
    report: &mut Report<'_>,
    at: usize,
    tables: Vec<(usize, &DeTable<'_>)>,
    currency: Currency,
) -> Option<Rates> {
    let mut rows = Vec::new();
    let wanted = tables.len();
    for (at, table) in tables {
        let mut section = Section::new(report, "coinslot.rates", at, table);
        let price = section.required("amount", "\"5\"", |value| money(value, currency));
        let time = section.read("time_secs", values::secs(1, crate::domain::MAX_TIME_SECS));
        let data = section.read("data_mb", values::megabytes);
        let plan = section.read("plan", plan);
        if let Some(price) = price {
            let rate = Rate::new(
                price.value,
                time.map(|found| found.value),
                data.map(|found| found.value),
                plan.map(|found| found.value),
            );
            match rate {
                Ok(rate) => rows.push(rate),
                Err(error) => section.mistake(at, error.field, error.problem),
            }
        }
        section.finish();
    }
    let are_all = rows.len() == wanted;
    match Rates::new(rows) {
        Ok(rates) => Some(rates),
        // What is wrong with a row was said already.
        Err(_) if !are_all => None,
        Err(error) => {
            let example = "for example rates = [{ amount = \"5\", time_secs = 3600 }]";
            report.mistake(at, "coinslot.rates", format!("{}; {example}", error.problem));
            None
        }
    }
}

/// A slot's name: part of a provider's, a lock's and a path.
fn slot_name(value: &DeValue<'_>) -> Result<String, String> {
    let name = value.as_str().ok_or_else(|| expected("a string", value))?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if (1..=32).contains(&name.len()) && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err("must be 1 to 32 lower-case letters, digits, - and _".to_owned())
    }
}

fn millis(least: u32, most: u32) -> impl FnOnce(&DeValue<'_>) -> Result<u32, String> {
    move |value| {
        u32::try_from(values::integer(value)?)
            .ok()
            .filter(|millis| (least..=most).contains(millis))
            .ok_or_else(|| format!("must be between {least} and {most} milliseconds"))
    }
}

fn gpio_line(value: &DeValue<'_>) -> Result<u32, String> {
    u32::try_from(values::integer(value)?).map_err(|_| "must be the number of a line, from 0".to_owned())
}

fn bias(value: &DeValue<'_>) -> Result<GpioBias, String> {
    match value.as_str() {
        Some("as_is") => Ok(GpioBias::AsIs),
        Some("disabled") => Ok(GpioBias::Disabled),
        Some("pull_up") => Ok(GpioBias::PullUp),
        Some("pull_down") => Ok(GpioBias::PullDown),
        Some(_) | None => Err("must be \"as_is\", \"disabled\", \"pull_up\" or \"pull_down\"".to_owned()),
    }
}

/// An amount of the site's currency, as `"0.50"`.
fn money(value: &DeValue<'_>, currency: Currency) -> Result<Money, String> {
    let written = match value {
        DeValue::Integer(_) => values::integer(value)?.to_string(),
        DeValue::String(text) => text.to_string(),
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => return Err(expected("an amount in quotes, as in \"5\"", value)),
    };
    currency.read(&written).filter(|amount| *amount > Money::ZERO).ok_or_else(|| {
        format!("must be an amount above 0 with at most {} decimals, as in \"5\"", currency.digits())
    })
}

/// `[PULSES, "AMOUNT"]`.
fn pulse_row(value: &DeValue<'_>, currency: Currency) -> Result<(u32, Money), String> {
    let wrong = || "must be rows of pulses and amount, as in [[1, \"1\"], [5, \"5\"]]".to_owned();
    let row = value.as_array().ok_or_else(wrong)?;
    let mut items = row.iter();
    let (Some(count), Some(amount), None) = (items.next(), items.next(), items.next()) else {
        return Err(wrong());
    };
    let count = u32::try_from(values::integer(count.get_ref())?).map_err(|_| wrong())?;
    Ok((count, money(amount.get_ref(), currency)?))
}

fn plan(value: &DeValue<'_>) -> Result<String, String> {
    let name = value.as_str().ok_or_else(|| expected("a string", value))?;
    PlanName::parse(name).map(|name| name.to_string()).map_err(|error| error.problem)
}
