use clap::Args;

use super::args::{Connection, Pages};
use super::request::Request;
use super::table;

/// `turnpike messages`.
#[derive(Debug, Args)]
pub struct Messages {
    /// Only this device's: its id, MAC or IP
    #[arg(long, value_name = "DEV")]
    device: Option<String>,
    /// Those that have expired as well
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Messages {
    pub(super) fn request(&self) -> Request {
        let parameters = [("device", self.device.clone()), ("all", self.all.then(|| "true".to_owned()))];
        Request::get(self.pages.path("/api/v1/messages", parameters), |answer| {
            let columns = [
                ("LEFT", "created_at"),
                ("EXPIRES", "expires_at"),
                ("SHOWN", "shown_at"),
                ("DEVICE", "device"),
                ("TEXT", "text"),
            ];
            table::list(answer, &columns)
        })
    }
}

/// `turnpike audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Only lines that mention this text
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// Only this actor's, as in 'root'
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this action, as in session.close; one that ends with a dot is all that begin so
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only changes of this: the id of a device or session
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// From this time on, as in 2026-01-31T18:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Audit {
    pub(super) fn request(&self) -> Request {
        let parameters = [
            ("q", self.q.clone()),
            ("actor", self.actor.clone()),
            ("action", self.action.clone()),
            ("subject", self.subject.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
        ];
        Request::get(self.pages.path("/api/v1/audit", parameters), |answer| {
            let columns = [
                ("AT", "at"),
                ("ACTOR", "actor"),
                ("ORIGIN", "origin"),
                ("ACTION", "action"),
                ("SUBJECT", "subject"),
                ("BEFORE", "before"),
                ("AFTER", "after"),
                ("DETAILS", "details"),
            ];
            table::list(answer, &columns)
        })
    }
}
