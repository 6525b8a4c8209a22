use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::args::{Connection, Pages};
use super::request::{Request, fields, part, query};
use super::table;

/// `turnpike sale …`.
#[derive(Debug, Subcommand)]
pub enum Sale {
    /// List the lines of the till, the newest first
    List(List),
    /// What came in
    Report(Report),
    /// Give money back; what was sold is taken back with it
    Refund(Refund),
}

/// Which lines of the till.
#[derive(Debug, Args)]
pub struct Which {
    /// From then on: a day as in 2026-01-31, or a time
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to the end of that day, or before that time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Taken by this one
    #[arg(long, value_name = "NAME")]
    seller: Option<String>,
    /// Of this plan
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
}

impl Which {
    fn parameters(&self) -> [(&'static str, Option<String>); 4] {
        let Self { from, to, seller, plan } = self;
        [("from", from), ("to", to), ("seller", seller), ("plan", plan)]
            .map(|(name, value)| (name, value.clone()))
    }
}

/// `turnpike sale list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    which: Which,
    /// As a table for spreadsheets
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike sale report`.
#[derive(Debug, Args)]
pub struct Report {
    #[command(flatten)]
    which: Which,
    /// Summed up by day, seller, plan, item: names with commas
    #[arg(long, value_name = "NAMES", default_value = "day,seller")]
    by: String,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike sale refund`.
#[derive(Debug, Args)]
pub struct Refund {
    /// The sale's id
    id: String,
    /// How much; all that was not given back yet, if it is not said
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<String>,
    /// What was sold goes on
    #[arg(long)]
    keep: bool,
    /// A remark
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike topup`.
#[derive(Debug, Args)]
pub struct Topup {
    /// A session's id; or a device: its id, MAC or IP
    #[arg(value_name = "DEV|SESSION")]
    to: String,
    /// By what this plan grants, at its price
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// By so many seconds
    #[arg(long, value_name = "N", conflicts_with = "plan")]
    add_time_secs: Option<u64>,
    /// By so many MB
    #[arg(long, value_name = "N", conflicts_with = "plan")]
    add_data_mb: Option<f64>,
    /// What it costs, in the site's currency, as in 12.50
    #[arg(long, value_name = "AMOUNT", conflicts_with = "plan")]
    price: Option<String>,
    /// A remark
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Topup {
    pub(super) fn request(&self) -> Request {
        let body = fields([
            ("to", Some(json!(self.to))),
            ("plan", self.plan.as_ref().map(|plan| json!(plan))),
            ("add_time_secs", self.add_time_secs.map(|secs| json!(secs))),
            ("add_data_mb", self.add_data_mb.map(|mb| json!(mb))),
            ("price", self.price.as_ref().map(|price| json!(price))),
            ("note", self.note.as_ref().map(|note| json!(note))),
        ]);
        Request::send(Method::POST, "/api/v1/top_ups".to_owned(), body, table::one)
    }
}

impl Sale {
    pub(super) fn request(&self) -> (&Connection, Request) {
        match self {
            Self::List(list) => {
                let path = |path| list.pages.path(path, list.which.parameters());
                let request = if list.csv {
                    Request::get_as_is(path("/api/v1/sales.csv"))
                } else {
                    Request::get(path("/api/v1/sales"), lines)
                };
                (&list.connection, request)
            }
            Self::Report(report) => {
                let by = [("by", Some(report.by.clone()))];
                let path = query("/api/v1/sales", by.into_iter().chain(report.which.parameters()));
                (&report.connection, Request::get(path, sums))
            }
            Self::Refund(refund) => {
                let body = fields([
                    ("amount", refund.amount.as_ref().map(|amount| json!(amount))),
                    ("keep", refund.keep.then_some(json!(true))),
                    ("note", refund.note.as_ref().map(|note| json!(note))),
                ]);
                let path = format!("/api/v1/sales/{}/refund", part(&refund.id));
                (&refund.connection, Request::send(Method::POST, path, body, table::one))
            }
        }
    }
}

fn lines(answer: &Value) -> String {
    let columns = [
        ("ID", "id"),
        ("AT", "at"),
        ("SELLER", "seller"),
        ("ITEM", "item"),
        ("PLAN", "plan"),
        ("AMOUNT", "amount"),
        ("NOTE", "note"),
    ];
    table::list(answer, &columns)
}

fn sums(answer: &Value) -> String {
    let columns = [
        ("DAY", "day"),
        ("SELLER", "seller"),
        ("PLAN", "plan"),
        ("ITEM", "item"),
        ("SOLD", "sold"),
        ("REFUNDED", "refunded"),
        ("AMOUNT", "amount"),
    ];
    let (amount, currency) = (table::plain(answer.get("amount")), table::plain(answer.get("currency")));
    format!("{}total {amount} {currency}\n", table::list(answer, &columns))
}
