use std::path::PathBuf;

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::{Connection, Pages};
use super::output::Failure;
use super::request::{Request, fields, part, query};
use super::steer::key_value;
use super::table;
use super::terms::{Kind, Limits};

/// `turnpike voucher …`.
#[derive(Debug, Subcommand)]
pub enum Voucher {
    /// Make a batch of vouchers and print their codes
    Create(Box<Create>),
    /// List vouchers, the newest batch first
    List(List),
    /// Show a voucher, who used it, and its sessions
    Show(OfCode),
    /// Take a voucher or a batch back; closes the sessions that came of it
    Revoke(Revoke),
    /// Redeem a voucher for a device
    Redeem(Redeem),
    /// Sell a voucher and print its code
    Sell(Sell),
    /// List batches, the newest first
    Batches(Batches),
    /// Print a page with the vouchers of a batch, to be cut (HTML)
    Sheet(Sheet),
    /// Make a batch of codes that were made elsewhere
    Import(Box<Import>),
    /// Print the codes of a batch as a table (CSV)
    Export(Export),
}

/// What the codes of a batch are.
#[derive(Debug, Args)]
pub struct Offer {
    /// A name for the batch
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A remark
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// The plan that they are made of, instead of kind, limits and speeds
    #[arg(long, value_name = "PLAN", conflicts_with = "kind")]
    plan: Option<String>,
    /// What ends a session of it
    #[arg(long, required_unless_present = "plan")]
    kind: Option<Kind>,
    #[command(flatten)]
    limits: Limits,
    /// What one costs, in the site's currency, as in 12.50
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// How many devices may use one code
    #[arg(long, value_name = "N")]
    max_devices: Option<u32>,
    /// What becomes of one device more: it is refused, or takes the place of the one that is away the longest
    #[arg(long, value_name = "WHAT", value_parser = ["refuse", "take_over"])]
    when_full: Option<String>,
    /// It is over so many days after its first use
    #[arg(long, value_name = "N")]
    use_days: Option<u32>,
    /// Not redeemable before, as in 2026-12-31T18:00:00Z
    #[arg(long, value_name = "TIME")]
    valid_from: Option<String>,
    /// Not redeemable from then on
    #[arg(long, value_name = "TIME")]
    valid_until: Option<String>,
}

impl Offer {
    fn fields(&self) -> Map<String, Value> {
        let mut all = self.limits.fields();
        all.extend(fields([
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("note", self.note.as_ref().map(|note| json!(note))),
            ("plan", self.plan.as_ref().map(|plan| json!(plan))),
            ("kind", self.kind.map(|kind| json!(kind.as_str()))),
            ("price", self.price.as_ref().map(|price| json!(price))),
            ("max_devices", self.max_devices.map(|count| json!(count))),
            ("when_full", self.when_full.as_ref().map(|when| json!(when))),
            ("use_days", self.use_days.map(|days| json!(days))),
            ("valid_from", self.valid_from.as_ref().map(|from| json!(from))),
            ("valid_until", self.valid_until.as_ref().map(|until| json!(until))),
        ]));
        all
    }
}

/// `turnpike voucher create`.
#[derive(Debug, Args)]
pub struct Create {
    /// How many
    #[arg(long, value_name = "N")]
    count: u32,
    /// A role of the sessions that come of them; may be given again
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// A property of these sessions; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    property: Vec<(String, String)>,
    #[command(flatten)]
    offer: Offer,
    #[command(flatten)]
    connection: Connection,
}

impl Create {
    fn body(&self) -> Map<String, Value> {
        let properties: Map<String, Value> =
            self.property.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let mut body = self.offer.fields();
        body.extend(fields([
            ("count", Some(json!(self.count))),
            ("roles", (!self.role.is_empty()).then(|| json!(self.role))),
            ("properties", (!properties.is_empty()).then_some(Value::Object(properties))),
        ]));
        body
    }
}

/// `turnpike voucher show`.
#[derive(Debug, Args)]
pub struct OfCode {
    /// The code, with or without its dashes
    code: String,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher sell`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["plan", "batch", "code"]))]
pub struct Sell {
    /// This plan: a code is made for it
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// The next of this batch that was not sold
    #[arg(long, value_name = "N")]
    batch: Option<i64>,
    /// This very code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// A remark
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher batches`.
#[derive(Debug, Args)]
pub struct Batches {
    /// Of this plan only
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher sheet`.
#[derive(Debug, Args)]
pub struct Sheet {
    /// The batch's number
    batch: i64,
    /// The paper: A4, or a roll of 58 mm
    #[arg(long, value_name = "PAPER", value_parser = ["a4", "receipt58"])]
    format: Option<String>,
    /// The portal's address, as in http://10.0.0.1:2050: adds QR codes that open it with the code filled in
    #[arg(long, value_name = "URL")]
    portal: Option<String>,
    /// The page of 500 vouchers, from 1
    #[arg(long, value_name = "N")]
    page: Option<u32>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher import`.
#[derive(Debug, Args)]
pub struct Import {
    /// A table (CSV) with a column `code`, or the codes in its first one; 64 KiB at most
    file: PathBuf,
    #[command(flatten)]
    offer: Offer,
    #[command(flatten)]
    connection: Connection,
}

impl Import {
    fn request(&self) -> Result<Request, Failure> {
        let text = std::fs::read(&self.file)
            .map_err(|error| Failure(format!("{}: cannot be read: {error}", self.file.display())))?;
        let given = self.offer.fields();
        let given: Vec<String> = given
            .iter()
            .map(|(name, value)| {
                let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("{name}={}", part(&plain))
            })
            .collect();
        let path = format!("/api/v1/vouchers/import?{}", given.join("&"));
        Ok(Request::post_text(path, "text/csv", text, table::one))
    }
}

/// `turnpike voucher export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The batch's number
    batch: i64,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher list`.
#[derive(Debug, Args)]
pub struct List {
    /// Of this batch only
    #[arg(long, value_name = "N")]
    batch: Option<i64>,
    /// Only those that stand so: unsold, sold, not_yet_valid, expired, redeemed, revoked
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Of this plan only
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// Sold by this one only
    #[arg(long, value_name = "NAME")]
    seller: Option<String>,
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher revoke`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["code", "batch"]))]
pub struct Revoke {
    /// The code, with or without its dashes
    code: Option<String>,
    /// All of this batch
    #[arg(long, value_name = "N")]
    batch: Option<i64>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher redeem`.
#[derive(Debug, Args)]
pub struct Redeem {
    /// The code, with or without its dashes
    code: String,
    /// The device: its id, MAC or IP
    #[arg(value_name = "DEV")]
    dev: String,
    #[command(flatten)]
    connection: Connection,
}

impl Voucher {
    pub(super) fn request(&self) -> Result<(&Connection, Request), Failure> {
        let one = |code: &str| format!("/api/v1/vouchers/{}", part(code));
        Ok(match self {
            Self::Create(create) => {
                let path = "/api/v1/vouchers".to_owned();
                (&create.connection, Request::send(Method::POST, path, create.body(), codes))
            }
            Self::List(list) => (&list.connection, list.request()),
            Self::Show(show) => (&show.connection, Request::get(one(&show.code), table::one)),
            Self::Revoke(revoke) => {
                let path = match (&revoke.code, revoke.batch) {
                    (Some(code), _) => one(code),
                    (None, batch) => format!("/api/v1/vouchers/batches/{}", batch.unwrap_or_default()),
                };
                (&revoke.connection, Request::delete(path, table::one))
            }
            Self::Redeem(redeem) => {
                let path = format!("{}/redeem", one(&redeem.code));
                let body = fields([("device", Some(json!(redeem.dev)))]);
                (&redeem.connection, Request::send(Method::POST, path, body, table::one))
            }
            Self::Sell(sell) => {
                let body = fields([
                    ("plan", sell.plan.as_ref().map(|plan| json!(plan))),
                    ("batch", sell.batch.map(|batch| json!(batch))),
                    ("code", sell.code.as_ref().map(|code| json!(code))),
                    ("note", sell.note.as_ref().map(|note| json!(note))),
                ]);
                let path = "/api/v1/vouchers/sell".to_owned();
                (&sell.connection, Request::send(Method::POST, path, body, sold))
            }
            Self::Batches(list) => (&list.connection, list.request()),
            Self::Sheet(sheet) => {
                let path = query(
                    &format!("/api/v1/vouchers/batches/{}/sheet", sheet.batch),
                    [
                        ("format", sheet.format.clone()),
                        ("portal", sheet.portal.clone()),
                        ("page", sheet.page.map(|page| page.to_string())),
                    ],
                );
                (&sheet.connection, Request::get_as_is(path))
            }
            Self::Import(import) => (&import.connection, import.request()?),
            Self::Export(export) => {
                let path = format!("/api/v1/vouchers/batches/{}.csv", export.batch);
                (&export.connection, Request::get_as_is(path))
            }
        })
    }
}

impl List {
    fn request(&self) -> Request {
        let path = self.pages.path(
            "/api/v1/vouchers",
            [
                ("batch", self.batch.map(|batch| batch.to_string())),
                ("status", self.status.clone()),
                ("plan", self.plan.clone()),
                ("seller", self.seller.clone()),
            ],
        );
        Request::get(path, shown)
    }
}

impl Batches {
    fn request(&self) -> Request {
        let path = self.pages.path("/api/v1/vouchers/batches", [("plan", self.plan.clone())]);
        Request::get(path, |answer| {
            let columns = [
                ("BATCH", "batch"),
                ("NAME", "name"),
                ("PLAN", "plan"),
                ("PRICE", "price"),
                ("COUNT", "count"),
                ("KIND", "kind"),
                ("SECS", "time_secs"),
                ("MB", "data_mb"),
                ("MADE", "created_at"),
            ];
            table::list(answer, &columns)
        })
    }
}

/// The code, to be handed over.
fn sold(answer: &Value) -> String {
    format!("{}\n", table::plain(answer.get("voucher").and_then(|voucher| voucher.get("code"))))
}

/// The codes, a line each: to be piped into whatever prints them.
fn codes(answer: &Value) -> String {
    let none = Vec::new();
    let codes = answer.get("codes").and_then(Value::as_array).unwrap_or(&none);
    codes.iter().map(|code| format!("{}\n", table::plain(Some(code)))).collect()
}

fn shown(answer: &Value) -> String {
    let columns = [
        ("CODE", "code"),
        ("STATUS", "status"),
        ("BATCH", "batch"),
        ("KIND", "kind"),
        ("SECS", "time_secs"),
        ("MB", "data_mb"),
        ("REDEEMED", "redeemed_at"),
        ("DEVICE", "device"),
    ];
    table::list(answer, &columns)
}
