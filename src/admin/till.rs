use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{Days, NaiveDate, NaiveTime};
use serde::Deserialize;

use super::clerk::{Clerk, SELL};
use super::frame::Frame;
use super::page::{self, failed, html};
use super::state::AdminState;
use super::tables::Name;
use crate::domain::{Money, SaleItem, WallTime};
use crate::store::SalesQuery;

/// The most days of one report: a year, and a day more in some.
const MOST_DAYS: i64 = 366;

/// What came in, by day, seller and plan.
#[derive(Debug, Template)]
#[template(path = "admin/till.html")]
struct TillPage {
    frame: Frame,
    from: String,
    to: String,
    trouble: Option<&'static str>,
    rows: Vec<Row>,
    /// By seller, over all days.
    sellers: Vec<(Name, String)>,
    sold: u64,
    refunded: u64,
    amount: String,
}

#[derive(Debug)]
struct Row {
    day: String,
    seller: Name,
    plan: Name,
    sold: u64,
    refunded: u64,
    amount: String,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    sold: u64,
    refunded: u64,
    amount: Money,
}

impl Sum {
    fn add(&mut self, sold: u64, refunded: u64, amount: Money) {
        self.sold = self.sold.saturating_add(sold);
        self.refunded = self.refunded.saturating_add(refunded);
        self.amount = Money(self.amount.0.saturating_add(amount.0));
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

/// The days from the first to the last, both of them in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: NaiveDate,
    last: NaiveDate,
}

impl Span {
    /// Empty is today; an end that is missing is the other one.
    fn read(wanted: &Wanted, today: NaiveDate) -> Result<Self, &'static str> {
        let read = |text: &str| match text.trim() {
            "" => Ok(None),
            text => NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()
                .filter(|day| (1970..=9999).contains(&chrono::Datelike::year(day)))
                .map(Some)
                .ok_or("A day is written as in 2026-01-31."),
        };
        let (first, last) = (read(&wanted.from)?, read(&wanted.to)?);
        let span = Self { first: first.or(last).unwrap_or(today), last: last.or(first).unwrap_or(today) };
        match (span.last - span.first).num_days() {
            ..0 => Err("The last day is before the first one."),
            MOST_DAYS.. => Err("A report is of a year at most."),
            _ => Ok(span),
        }
    }
}

/// `GET /admin/till`
pub(super) async fn report(
    clerk: Clerk,
    State(state): State<AdminState>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Response> {
    clerk.must(&state, SELL)?;
    let today = state.place.local(state.handle.believable()).date();
    let (span, trouble) = match Span::read(&wanted, today) {
        Ok(span) => (span, None),
        Err(trouble) => (Span { first: today, last: today }, Some(trouble)),
    };
    let begin = |day: NaiveDate| state.place.moment(day.and_time(NaiveTime::MIN));
    let end: WallTime = begin(span.last.checked_add_days(Days::new(1)).unwrap_or(span.last));
    let query = SalesQuery { from: Some(begin(span.first)), to: Some(end), ..SalesQuery::default() };
    let sums = state.store.sum_sales(&query).await.map_err(|error| failed(&state, &error))?;
    let mut by_row: BTreeMap<(NaiveDate, String, String), Sum> = BTreeMap::new();
    let (mut by_seller, mut all) = (BTreeMap::<String, Sum>::new(), Sum::default());
    for sum in sums {
        let day = state.place.local(sum.at).date();
        let plan = sum.plan.unwrap_or_else(|| thing(sum.item).to_owned());
        let (sold, refunded, amount) = (sum.sold, sum.refunded, sum.amount);
        by_row.entry((day, sum.seller.clone(), plan)).or_default().add(sold, refunded, amount);
        by_seller.entry(sum.seller).or_default().add(sold, refunded, amount);
        all.add(sold, refunded, amount);
    }
    let shown = |money| state.currency.decimal(money);
    let row = |((day, seller, plan), sum): ((NaiveDate, String, String), Sum)| Row {
        day: day.to_string(),
        seller: Name::short(seller),
        plan: Name::short(plan),
        sold: sum.sold,
        refunded: sum.refunded,
        amount: shown(sum.amount),
    };
    let page = TillPage {
        frame: clerk.frame(&state, "/admin/till"),
        from: span.first.to_string(),
        to: span.last.to_string(),
        trouble,
        rows: by_row.into_iter().map(row).collect(),
        sellers: by_seller
            .into_iter()
            .map(|(seller, sum)| (Name::short(seller), state.currency.show(sum.amount)))
            .collect(),
        sold: all.sold,
        refunded: all.refunded,
        amount: state.currency.show(all.amount),
    };
    let status = page::status(trouble.is_some());
    Ok(html(status, page.render()))
}

/// What a line without a plan is called.
const fn thing(item: SaleItem) -> &'static str {
    match item {
        SaleItem::Voucher => "voucher",
        SaleItem::Session => "session",
        SaleItem::TopUp => "top-up",
        SaleItem::Coins => "coins",
        SaleItem::Account => "account",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_or_it_is_said_what_is_wrong() {
        let today = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap();
        let read = |from: &str, to: &str| {
            let wanted = Wanted { from: from.to_owned(), to: to.to_owned() };
            Span::read(&wanted, today).map(|span| (span.first.to_string(), span.last.to_string()))
        };
        let days = |first: &str, last: &str| Ok((first.to_owned(), last.to_owned()));
        assert_eq!(read("", ""), days("2026-06-01", "2026-06-01"));
        assert_eq!(read("2026-05-01", ""), days("2026-05-01", "2026-05-01"));
        assert_eq!(read("2026-05-01", " 2026-05-31 "), days("2026-05-01", "2026-05-31"));
        for (from, to) in [
            ("2026-05-02", "2026-05-01"),
            ("2024-01-01", "2026-01-01"),
            ("2026-02-30", ""),
            ("yesterday", ""),
            ("-262143-01-01", ""),
            ("99999-01-01", ""),
        ] {
            assert!(read(from, to).is_err(), "{from} {to}");
        }
    }
}
