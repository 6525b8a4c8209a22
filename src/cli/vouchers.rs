use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::args::Connection;
use super::request::{Request, fields, part, query};
use super::sessions::Terms;
use super::table;

/// `turnpike voucher …`.
#[derive(Debug, Subcommand)]
pub enum Voucher {
    /// Make a batch of vouchers and print their codes
    Create(Create),
    /// List vouchers, the newest batch first
    List(List),
    /// Take a voucher back; closes the session it made
    Revoke(Revoke),
    /// Redeem a voucher for a device
    Redeem(Redeem),
}

/// `turnpike voucher create`.
#[derive(Debug, Args)]
pub struct Create {
    /// How many
    #[arg(long, value_name = "N")]
    count: u32,
    /// A name for the batch
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Not redeemable before, as in 2026-12-31T18:00:00Z
    #[arg(long, value_name = "TIME")]
    valid_from: Option<String>,
    /// Not redeemable from then on
    #[arg(long, value_name = "TIME")]
    valid_until: Option<String>,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher list`.
#[derive(Debug, Args)]
pub struct List {
    /// Of this batch only
    #[arg(long, value_name = "N")]
    batch: Option<i64>,
    /// The page, from 1
    #[arg(long, value_name = "N")]
    page: Option<u32>,
    /// Items of a page
    #[arg(long, value_name = "N")]
    per_page: Option<u32>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike voucher revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The code, with or without its dashes
    code: String,
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
    pub(super) fn request(&self) -> (&Connection, Request) {
        match self {
            Self::Create(create) => {
                let mut body = create.terms.fields();
                body.extend(fields([
                    ("count", Some(json!(create.count))),
                    ("name", create.name.as_ref().map(|name| json!(name))),
                    ("valid_from", create.valid_from.as_ref().map(|from| json!(from))),
                    ("valid_until", create.valid_until.as_ref().map(|until| json!(until))),
                ]));
                let request = Request::send(Method::POST, "/api/v1/vouchers".to_owned(), body, codes);
                (&create.connection, request)
            }
            Self::List(list) => {
                let path = query(
                    "/api/v1/vouchers",
                    [
                        ("batch", list.batch.map(|batch| batch.to_string())),
                        ("page", list.page.map(|page| page.to_string())),
                        ("per_page", list.per_page.map(|count| count.to_string())),
                    ],
                );
                (&list.connection, Request::get(path, shown))
            }
            Self::Revoke(revoke) => {
                let path = format!("/api/v1/vouchers/{}", part(&revoke.code));
                (&revoke.connection, Request::delete(path, table::one))
            }
            Self::Redeem(redeem) => {
                let path = format!("/api/v1/vouchers/{}/redeem", part(&redeem.code));
                let body = fields([("device", Some(json!(redeem.dev)))]);
                (&redeem.connection, Request::send(Method::POST, path, body, table::one))
            }
        }
    }
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
