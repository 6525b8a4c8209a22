use std::cmp::Reverse;

use crate::domain::{MAX_TIME_SECS, Money, SessionKind, mb_to_bytes};

/// The most rows of a table.
pub const MAX_RATES: usize = 64;
/// The most steps (the common measure of all prices) of one sale: what is beyond stays as credit.
const MAX_STEPS: u64 = 100_000;
/// The most time and data of one sale: the bounds of a session.
const MAX_TIME_MS: u64 = MAX_TIME_SECS * 1_000;
const MAX_BYTES: u64 = 1_000_000_000_000_000;

/// What is wrong with a row of a table: the field, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct TableError {
    /// The field, by its name in the configuration.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl TableError {
    fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// A row of the price list: so much for so much time, data, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    price: Money,
    time_ms: u64,
    data_bytes: u64,
    plan: Option<String>,
}

impl Rate {
    /// Checks a row; seconds and MB.
    ///
    /// # Errors
    ///
    /// It costs nothing, gives nothing, or more than a session can hold.
    pub fn new(
        price: Money,
        time_secs: Option<u64>,
        data_mb: Option<f64>,
        plan: Option<String>,
    ) -> Result<Self, TableError> {
        if price <= Money::ZERO {
            return Err(TableError::new("amount", "must be above 0"));
        }
        if time_secs.is_none() && data_mb.is_none() {
            return Err(TableError::new("amount", "must buy something: time_secs, data_mb, or both"));
        }
        if time_secs.is_some_and(|secs| secs == 0 || secs > MAX_TIME_SECS) {
            return Err(TableError::new("time_secs", format!("must be between 1 and {MAX_TIME_SECS}")));
        }
        let data_bytes = data_mb.map(|mb| mb_to_bytes(mb).filter(|bytes| *bytes > 0));
        let Some(data_bytes) = data_bytes.unwrap_or(Some(0)) else {
            return Err(TableError::new("data_mb", "must be between 0.000001 and 1000000000"));
        };
        Ok(Self { price, time_ms: time_secs.unwrap_or(0) * 1_000, data_bytes, plan })
    }

    /// What it costs.
    pub const fn price(&self) -> Money {
        self.price
    }

    /// Milliseconds that it gives; 0 if it is no matter of time.
    pub const fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Bytes that it gives; 0 if it is no matter of data.
    pub const fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// What ends a session that was bought by it.
    pub const fn kind(&self) -> SessionKind {
        match (self.time_ms, self.data_bytes) {
            (_, 0) => SessionKind::Time,
            (0, _) => SessionKind::Data,
            _ => SessionKind::TimeOrData,
        }
    }
}

/// What an amount buys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// How much of the amount is spent; the rest stays with the guest.
    pub spent: Money,
    /// What ends the session.
    pub kind: SessionKind,
    /// Milliseconds in all.
    pub time_ms: u64,
    /// Bytes in all.
    pub data_bytes: u64,
    /// The plan, if all rows that were taken name the same one.
    pub plan: Option<String>,
    /// How many rows were taken.
    pub rows: u32,
}

/// A slot's price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates(Vec<Rate>);

/// The best that can be had for exactly so many steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Best {
    time_ms: u64,
    data_bytes: u64,
    rows: Reverse<u32>,
    /// The row that was taken last.
    last: Reverse<usize>,
}

impl Rates {
    /// Checks a list.
    ///
    /// # Errors
    ///
    /// It is empty or too long.
    pub fn new(rows: Vec<Rate>) -> Result<Self, TableError> {
        if (1..=MAX_RATES).contains(&rows.len()) {
            Ok(Self(rows))
        } else {
            Err(TableError::new("rates", format!("must have between 1 and {MAX_RATES} rows")))
        }
    }

    /// Its rows.
    pub fn rows(&self) -> &[Rate] {
        &self.0
    }

    /// What kinds of sessions can be bought, in the order of the list. Time and data are never mixed in one sale: a session
    /// that ends with whichever is used up first would be worth less than either.
    pub fn kinds(&self) -> Vec<SessionKind> {
        let mut kinds = Vec::new();
        for rate in &self.0 {
            if !kinds.contains(&rate.kind()) {
                kinds.push(rate.kind());
            }
        }
        kinds
    }

    /// The best that an amount buys of a kind (`None`: of the first kind of the list that it buys anything of): the most
    /// time, then the most data; of equals the cheapest, and then the one of fewest rows. `None`: it buys nothing.
    pub fn best(&self, kind: Option<SessionKind>, amount: Money) -> Option<Purchase> {
        match kind {
            Some(kind) => self.best_of(kind, amount),
            None => self.kinds().into_iter().find_map(|kind| self.best_of(kind, amount)),
        }
    }

    fn best_of(&self, kind: SessionKind, amount: Money) -> Option<Purchase> {
        let rows: Vec<&Rate> =
            self.0.iter().filter(|rate| rate.kind() == kind && rate.price <= amount).collect();
        let cents = |money: Money| u64::try_from(money.0).unwrap_or(0);
        let step = rows.iter().map(|rate| cents(rate.price)).fold(0, gcd);
        let steps = usize::try_from((cents(amount).checked_div(step)?).min(MAX_STEPS)).ok()?;
        // The best for each number of steps, spent to the last one.
        let mut best: Vec<Option<Best>> = Vec::with_capacity(steps + 1);
        best.push(Some(Best { time_ms: 0, data_bytes: 0, rows: Reverse(0), last: Reverse(0) }));
        for spent in 1..=steps {
            let with = |(place, rate): (usize, &&Rate)| {
                let price = usize::try_from(cents(rate.price) / step).ok()?;
                let before = (*best.get(spent.checked_sub(price)?)?)?;
                let (time_ms, data_bytes) =
                    (before.time_ms + rate.time_ms, before.data_bytes + rate.data_bytes);
                let fits = time_ms <= MAX_TIME_MS && data_bytes <= MAX_BYTES;
                let rows = Reverse(before.rows.0 + 1);
                fits.then_some(Best { time_ms, data_bytes, rows, last: Reverse(place) })
            };
            best.push(rows.iter().enumerate().filter_map(with).max());
        }
        let worth =
            |(spent, best): &(usize, Best)| (best.time_ms, best.data_bytes, Reverse(*spent), best.rows);
        let reached = best.iter().enumerate().skip(1).filter_map(|(spent, best)| Some((spent, (*best)?)));
        let (spent, found) = reached.max_by_key(worth)?;
        let taken = taken(&rows, &best, spent, |rate| usize::try_from(cents(rate.price) / step).ok());
        let plan = taken.first().and_then(|rate| rate.plan.clone());
        Some(Purchase {
            spent: Money(i64::try_from(u64::try_from(spent).ok()? * step).ok()?),
            kind,
            time_ms: found.time_ms,
            data_bytes: found.data_bytes,
            plan: plan.filter(|plan| taken.iter().all(|rate| rate.plan.as_ref() == Some(plan))),
            rows: found.rows.0,
        })
    }
}

/// The rows by which so many steps were reached.
fn taken<'r>(
    rows: &[&'r Rate],
    best: &[Option<Best>],
    mut spent: usize,
    price: impl Fn(&Rate) -> Option<usize>,
) -> Vec<&'r Rate> {
    let mut taken = Vec::new();
    while spent > 0 {
        let last = best.get(spent).copied().flatten().and_then(|best| rows.get(best.last.0));
        let Some((rate, price)) = last.and_then(|rate| Some((rate, price(rate)?))) else { break };
        taken.push(*rate);
        spent = spent.saturating_sub(price.max(1));
    }
    taken
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// How much so many pulses are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulseTable(Vec<(u32, Money)>);

/// What a train of pulses is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// How much.
    pub amount: Money,
    /// Pulses that no row, and no sum of rows, explains.
    pub unknown: u32,
}

impl PulseTable {
    /// Checks a table: numbers of pulses, each once, and what they are worth.
    ///
    /// # Errors
    ///
    /// It is empty or too long, or a row cannot be.
    pub fn new(rows: Vec<(u32, Money)>) -> Result<Self, TableError> {
        let wrong = |problem: String| Err(TableError::new("pulses", problem));
        if !(1..=MAX_RATES).contains(&rows.len()) {
            return wrong(format!("must have between 1 and {MAX_RATES} rows"));
        }
        for (place, (pulses, amount)) in rows.iter().enumerate() {
            if !(1..=super::MAX_TRAIN_PULSES).contains(pulses) {
                return wrong(format!("a coin has between 1 and {} pulses", super::MAX_TRAIN_PULSES));
            }
            if *amount <= Money::ZERO {
                return wrong(format!("{pulses} pulses must be worth more than 0"));
            }
            if rows.iter().take(place).any(|(other, _)| other == pulses) {
                return wrong(format!("there are two rows of {pulses} pulses"));
            }
        }
        Ok(Self(rows))
    }

    /// What a train is worth: its row; without one it was several coins in quick succession, as few as possible, and of
    /// equals the most valuable.
    pub fn worth(&self, pulses: u32) -> Counted {
        let mut best: Vec<Option<(Reverse<u32>, Money)>> = vec![Some((Reverse(0), Money::ZERO))];
        for sum in 1..=pulses.min(super::MAX_TRAIN_PULSES) {
            let with = |(count, amount): &(u32, Money)| {
                let before = usize::try_from(sum.checked_sub(*count)?).ok()?;
                let (coins, money) = (*best.get(before)?)?;
                Some((Reverse(coins.0 + 1), Money(money.0.saturating_add(amount.0))))
            };
            best.push(self.0.iter().filter_map(with).max());
        }
        let explained = (0_u32..).zip(&best).filter_map(|(sum, best)| Some((sum, (*best)?)));
        let (explained, (_, amount)) = explained.last().unwrap_or((0, (Reverse(0), Money::ZERO)));
        Counted { amount, unknown: pulses.saturating_sub(explained) }
    }
}

#[cfg(test)]
#[path = "rates_tests.rs"]
mod tests;
