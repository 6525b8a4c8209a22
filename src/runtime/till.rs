use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, NaiveTime};

use super::handle::Handle;
use super::vouchers::store_failed;
use crate::domain::{LocalTime, Money, Refusal, WallTime};
use crate::store::{SalesQuery, SalesSum};

/// What a report of the till is made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SalesBy {
    /// The day of the place.
    Day,
    /// Who took the money.
    Seller,
    /// The plan.
    Plan,
    /// What was sold.
    Item,
}

impl SalesBy {
    /// Every one, with its name in API and CLI.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Day, "day"), (Self::Seller, "seller"), (Self::Plan, "plan"), (Self::Item, "item")];
}

/// What came in, of one day, seller, plan or sort of thing, whatever was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SalesKey {
    /// The day of the place.
    pub day: Option<NaiveDate>,
    /// Who took the money.
    pub seller: Option<String>,
    /// The plan; `None` also if there was none.
    pub plan: Option<String>,
    /// What was sold.
    pub item: Option<&'static str>,
}

/// How much came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SalesTotal {
    /// How many were sold.
    pub sold: u64,
    /// How many were given back.
    pub refunded: u64,
    /// How much money, less what was given back.
    pub amount: Money,
}

impl SalesTotal {
    fn add(&mut self, sum: &SalesSum) {
        self.sold = self.sold.saturating_add(sum.sold);
        self.refunded = self.refunded.saturating_add(sum.refunded);
        self.amount = Money(self.amount.0.saturating_add(sum.amount.0));
    }
}

/// A report of the till.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SalesReport {
    /// Its lines, in the order of their keys.
    pub lines: Vec<(SalesKey, SalesTotal)>,
    /// Of all of them.
    pub total: SalesTotal,
}

impl Handle {
    /// What came in, by days of the place, sellers, plans and sorts of things.
    pub async fn sales_report(&self, wanted: &SalesQuery, by: &[SalesBy]) -> Result<SalesReport, Refusal> {
        let sums = self.shared.store.sum_sales(wanted).await.map_err(store_failed)?;
        let mut lines: BTreeMap<SalesKey, SalesTotal> = BTreeMap::new();
        let mut total = SalesTotal::default();
        for sum in &sums {
            let has = |wanted| by.contains(&wanted);
            let key = SalesKey {
                day: has(SalesBy::Day).then(|| self.local_day(sum.at)),
                seller: has(SalesBy::Seller).then(|| sum.seller.clone()),
                plan: sum.plan.clone().filter(|_| has(SalesBy::Plan)),
                item: has(SalesBy::Item).then(|| sum.item.as_str()),
            };
            lines.entry(key).or_default().add(sum);
            total.add(sum);
        }
        Ok(SalesReport { lines: lines.into_iter().collect(), total })
    }

    /// The day of the place at a moment.
    pub fn local_day(&self, at: WallTime) -> NaiveDate {
        self.shared.clock.local(at).date()
    }

    /// When a day of the place begins.
    pub fn day_begins(&self, day: NaiveDate) -> WallTime {
        self.shared.clock.moment(day.and_time(NaiveTime::MIN))
    }

    /// When a day of the place is over.
    pub fn day_ends(&self, day: NaiveDate) -> WallTime {
        self.day_begins(day.checked_add_days(Days::new(1)).unwrap_or(day))
    }
}
