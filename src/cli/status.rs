use clap::Args;

use super::args::Connection;
use super::request::Request;
use super::table;

/// `turnpike status`.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Status {
    pub(super) fn request(&self) -> Request {
        Request::get("/api/v1/status".to_owned(), table::one)
    }
}

/// `turnpike providers`.
#[derive(Debug, Args)]
pub struct Providers {
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Providers {
    pub(super) fn request(&self) -> Request {
        let columns = |answer: &serde_json::Value| {
            table::list(
                answer,
                &[
                    ("NAME", "name"),
                    ("PROVIDES", "provides"),
                    ("KIND", "kind"),
                    ("STATE", "state"),
                    ("SINCE", "since"),
                    ("RESTARTS", "restarts"),
                    ("ASKED", "asked"),
                    ("FAILED", "failed"),
                    ("LAST ERROR", "last_error"),
                ],
            )
        };
        Request::get("/api/v1/providers".to_owned(), columns)
    }
}
