use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::plots::Slots;
use super::{long, shown};
use crate::admin::plot::{Bars, Plot, Tick, Unit};
use crate::admin::state::AdminState;
use crate::domain::samples::Span;
use crate::domain::{Currency, Money, SaleItem, WallTime};
use crate::store::{SalesQuery, SalesSum, SoldAmounts, StoreError};

/// So many ways in are told apart; the smallest of more are one.
const MOST_WAYS: usize = 6;

/// Money that came in, by the way it came and by day. From the till, to the smallest unit.
#[derive(Debug)]
pub(super) struct Taken {
    /// Today, up to now.
    pub(super) today: String,
    /// In the days that are shown.
    pub(super) total: String,
    /// How many days those are.
    pub(super) days: usize,
    /// Each way in, and what came by it.
    pub(super) ways: Vec<(String, String)>,
    /// Time that was sold in the span.
    pub(super) time_sold: String,
    /// Data that was sold in the span.
    pub(super) data_sold: String,
    /// Sales in the span of which it is not known how much they were.
    pub(super) unknown: i64,
    names: Vec<String>,
    /// By way, then by day.
    amounts: Vec<Vec<Money>>,
    currency: Currency,
}

impl Taken {
    pub(super) async fn gather(
        state: &AdminState,
        span: Span,
        now: WallTime,
        slots: &Slots,
    ) -> Result<Self, StoreError> {
        let (first, after) = slots.days_bounds();
        let wanted = SalesQuery { from: Some(first), to: Some(after), ..SalesQuery::default() };
        let sums = state.store.sum_sales(&wanted).await?;
        let sold = state.store.sold_amounts(now.plus_millis(-span.millis()), now.plus_millis(1)).await?;
        let days: Vec<NaiveDate> = slots.days().to_vec();
        let day_of = |sum: &SalesSum| state.place.local(sum.at).date();
        Ok(Self::new(&sums, &days, day_of, sold, state.currency))
    }

    fn new(
        sums: &[SalesSum],
        days: &[NaiveDate],
        day_of: impl Fn(&SalesSum) -> NaiveDate,
        sold: SoldAmounts,
        currency: Currency,
    ) -> Self {
        let mut by_way: BTreeMap<String, Vec<Money>> = BTreeMap::new();
        for sum in sums {
            let Some(day) = days.iter().position(|day| *day == day_of(sum)) else { continue };
            let amounts = by_way.entry(way(sum)).or_insert_with(|| vec![Money::ZERO; days.len()]);
            if let Some(amount) = amounts.get_mut(day) {
                *amount = plus(*amount, sum.amount);
            }
        }
        let mut ways: Vec<(String, Vec<Money>)> = by_way.into_iter().collect();
        ways.sort_by_key(|(_, amounts)| std::cmp::Reverse(total(amounts)));
        if ways.len() > MOST_WAYS {
            let mut rest = vec![Money::ZERO; days.len()];
            for (_, amounts) in ways.drain(MOST_WAYS - 1..) {
                for (sum, amount) in rest.iter_mut().zip(amounts) {
                    *sum = plus(*sum, amount);
                }
            }
            ways.push(("others".to_owned(), rest));
        }
        let all = ways.iter().fold(Money::ZERO, |sum, (_, amounts)| plus(sum, total(amounts)));
        let today = ways.iter().filter_map(|(_, amounts)| amounts.last().copied()).fold(Money::ZERO, plus);
        Self {
            today: currency.show(today),
            total: currency.show(all),
            days: days.len(),
            ways: ways.iter().map(|(name, amounts)| (name.clone(), currency.show(total(amounts)))).collect(),
            time_sold: long(sold.time_ms.max(0).unsigned_abs()),
            data_sold: shown::data(sold.data_bytes.max(0).unsigned_abs()),
            unknown: sold.unknown.max(0),
            names: ways.iter().map(|(name, _)| name.clone()).collect(),
            amounts: ways.into_iter().map(|(_, amounts)| amounts).collect(),
            currency,
        }
    }

    pub(super) fn plot(&self, slots: &Slots) -> Plot {
        let title = format!("Money by day ({})", self.currency.code());
        let about = format!("{} in the last {} days, {} of that today.", self.total, self.days, self.today);
        let unit = 10_f64.powi(i32::from(self.currency.digits()));
        #[expect(clippy::cast_precision_loss, reason = "the length of a bar; the table is exact")]
        let length = |amount: &Money| amount.0 as f64 / unit;
        let series: Vec<Vec<f64>> =
            self.amounts.iter().map(|amounts| amounts.iter().map(length).collect()).collect();
        let ticks: Vec<Tick<usize>> = slots.day_ticks();
        let bars = Bars {
            id: "money",
            title: &title,
            about: &about,
            unit: Unit::Money,
            series: &series,
            slots: self.days,
            stacked: true,
            ticks: &ticks,
        };
        let mut head = vec!["Day".to_owned()];
        head.extend(self.names.iter().cloned());
        head.push("Together".to_owned());
        let row = |(day, name): (usize, String)| {
            let of_day: Vec<Money> =
                self.amounts.iter().map(|amounts| amounts.get(day).copied().unwrap_or_default()).collect();
            let mut row = vec![name];
            row.extend(of_day.iter().map(|amount| self.currency.decimal(*amount)));
            row.push(self.currency.decimal(total(&of_day)));
            row
        };
        Plot {
            id: "money",
            svg: bars.svg(),
            legend: self.names.clone(),
            is_bars: true,
            has_gaps: false,
            head,
            rows: slots.day_names().into_iter().enumerate().map(row).collect(),
            title,
            about,
        }
    }
}

fn plus(one: Money, other: Money) -> Money {
    Money(one.0.saturating_add(other.0))
}

fn total(amounts: &[Money]) -> Money {
    amounts.iter().copied().fold(Money::ZERO, plus)
}

/// By which way money came in: the coin slot or plugin that took it, else what was sold.
fn way(sum: &SalesSum) -> String {
    if sum.seller.starts_with("coinslot/") || sum.seller.starts_with("plugin/") {
        return sum.seller.clone();
    }
    match sum.item {
        SaleItem::Voucher => "vouchers",
        SaleItem::Session | SaleItem::TopUp => "counter",
        SaleItem::Coins => "coins",
        SaleItem::Account => "accounts",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(day: i64, seller: &str, item: SaleItem, amount: i64) -> SalesSum {
        let (at, amount) = (WallTime(day * 86_400_000), Money(amount));
        SalesSum { at, seller: seller.to_owned(), plan: None, item, sold: 1, refunded: 0, amount }
    }

    #[test]
    fn money_is_told_apart_by_way_and_day_to_the_cent() {
        let day = |number: u64| NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + chrono::Days::new(number);
        let mut sums = vec![
            sum(0, "ana", SaleItem::Voucher, 1_001),
            sum(1, "ben", SaleItem::Voucher, 2),
            sum(1, "coinslot/door", SaleItem::Coins, 500),
            sum(1, "ana", SaleItem::TopUp, -300),
            sum(9, "ana", SaleItem::Voucher, 7),
        ];
        let euro = Currency::parse("EUR").unwrap();
        let of_day = |sum: &SalesSum| day((sum.at.0 / 86_400_000).unsigned_abs());
        let taken = Taken::new(&sums, &[day(0), day(1)], of_day, SoldAmounts::default(), euro);
        assert_eq!((taken.total.as_str(), taken.today.as_str()), ("12.03 EUR", "2.02 EUR"));
        let said = |taken: &Taken| {
            taken.ways.iter().map(|(name, amount)| format!("{name} {amount}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(said(&taken), "vouchers 10.03 EUR, coinslot/door 5.00 EUR, counter -3.00 EUR");
        sums.extend((0..20).map(|number| sum(0, &format!("plugin/p{number}"), SaleItem::Session, 1)));
        let taken = Taken::new(&sums, &[day(0), day(1)], of_day, SoldAmounts::default(), euro);
        assert_eq!((taken.ways.len(), taken.total.as_str()), (MOST_WAYS, "12.23 EUR"));
        assert_eq!(taken.ways.last().unwrap().0, "others");
    }
}
