use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::{Connection, Named, Written};
use super::request::{Request, fields, part};
use super::steer::key_value;
use super::table;
use super::terms::{Kind, Limits};

/// `turnpike plan …`.
#[derive(Debug, Subcommand)]
pub enum Plan {
    /// Make a plan: a named product
    Create(Box<Create>),
    /// List plans
    List(Connection),
    /// Show a plan
    Show(Named),
    /// Change a plan, for what is sold from now on
    Set(Box<Written<Fields>>),
    /// Delete a plan that nothing refers to
    Delete(Named),
}

/// What a plan is.
#[derive(Debug, Args)]
pub struct Fields {
    /// What guests read; the name if it is not given
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// What ends a session of it
    #[arg(long)]
    kind: Option<Kind>,
    #[command(flatten)]
    limits: Limits,
    /// What it costs, in the site's currency, as in 12.50
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// A role of its sessions; may be given again
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// A property of its sessions; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    property: Vec<(String, String)>,
    /// When it is used up, go on for so many seconds at the slow speed
    #[arg(long, value_name = "N")]
    slow_secs: Option<u64>,
    /// The slow speed towards the device, in Mbit/s
    #[arg(long, value_name = "N", requires = "slow_secs")]
    slow_down_mbps: Option<f64>,
    /// The slow speed from the device, in Mbit/s
    #[arg(long, value_name = "N", requires = "slow_secs")]
    slow_up_mbps: Option<f64>,
    /// When it is used up, cut off
    #[arg(long, conflicts_with = "slow_secs")]
    cut_off: bool,
    /// Grant it anew each day, week or month; never: once and for all
    #[arg(long, value_name = "WHEN", value_parser = ["day", "week", "month", "never"])]
    every: Option<String>,
    /// The hour at which a day begins, in the local time
    #[arg(long, value_name = "HOUR", requires = "every")]
    at_hour: Option<u8>,
    /// How many devices may use one sale of it
    #[arg(long, value_name = "N")]
    max_devices: Option<u32>,
    /// Whether it can be sold
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    on_sale: Option<bool>,
}

impl Fields {
    fn body(&self) -> Map<String, Value> {
        let at_end = match (self.slow_secs, self.cut_off) {
            (Some(secs), _) => {
                let speeds = [("down_mbps", self.slow_down_mbps), ("up_mbps", self.slow_up_mbps)];
                let mut slow = fields(speeds.map(|(name, mbps)| (name, mbps.map(|mbps| json!(mbps)))));
                slow.insert("secs".to_owned(), json!(secs));
                Some(json!({ "slow": slow }))
            }
            (None, true) => Some(json!("cut_off")),
            (None, false) => None,
        };
        let repeat = self.every.as_deref().map(|every| match every {
            "never" => Value::Null,
            every => json!({ "every": every, "at_hour": self.at_hour.unwrap_or(0) }),
        });
        let properties: Map<String, Value> =
            self.property.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let mut all = self.limits.fields();
        all.extend(fields([
            ("title", self.title.as_ref().map(|title| json!(title))),
            ("kind", self.kind.map(|kind| json!(kind.as_str()))),
            ("price", self.price.as_ref().map(|price| json!(price))),
            ("roles", (!self.role.is_empty()).then(|| json!(self.role))),
            ("properties", (!properties.is_empty()).then_some(Value::Object(properties))),
            ("at_end", at_end),
            ("repeat", repeat),
            ("max_devices", self.max_devices.map(|count| json!(count))),
            ("on_sale", self.on_sale.map(|on_sale| json!(on_sale))),
        ]));
        all
    }
}

/// `turnpike plan create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name: letters, digits, dashes, underscores and dots
    name: String,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    connection: Connection,
}

impl Plan {
    pub(super) fn request(&self) -> (&Connection, Request) {
        let all = "/api/v1/plans".to_owned();
        let one = |name: &str| format!("{all}/{}", part(name));
        match self {
            Self::Create(create) => {
                let mut body = create.fields.body();
                body.insert("name".to_owned(), json!(create.name));
                (&create.connection, Request::send(Method::POST, all, body, table::one))
            }
            Self::List(connection) => {
                let show = |answer: &Value| {
                    let columns = [
                        ("NAME", "name"),
                        ("TITLE", "title"),
                        ("PRICE", "price"),
                        ("KIND", "kind"),
                        ("SECS", "time_secs"),
                        ("MB", "data_mb"),
                        ("DEVICES", "max_devices"),
                        ("ON SALE", "on_sale"),
                    ];
                    table::list(answer, &columns)
                };
                (connection, Request::get(format!("{all}?per_page=1000"), show))
            }
            Self::Show(plan) => (&plan.connection, Request::get(one(&plan.name), table::one)),
            Self::Set(set) => {
                let request = Request::send(Method::PATCH, one(&set.name), set.fields.body(), table::one);
                (&set.connection, request)
            }
            Self::Delete(plan) => (&plan.connection, Request::delete(one(&plan.name), table::done)),
        }
    }
}
