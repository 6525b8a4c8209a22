use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::Connection;
use super::request::{Request, fields, part};
use super::table;

/// `turnpike hook …`.
#[derive(Debug, Subcommand)]
pub enum Hook {
    /// Make a webhook and print it with its secret, which is not shown again
    Create(Create),
    /// List webhooks and how they are doing
    List(Connection),
    /// Delete a webhook with all that waits for it
    Delete(One),
    /// Send a ping and say what came back
    Test(One),
    /// Tell a webhook what happens, beginning where it was left
    Enable(One),
    /// Tell a webhook nothing until it is enabled again
    Disable(One),
}

/// `turnpike hook create`.
#[derive(Debug, Args)]
pub struct Create {
    /// A name for it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where the events go: http or https
    #[arg(long, value_name = "URL")]
    url: String,
    /// What the requests are signed with; made unless given. Better in the environment: arguments are seen by everyone
    #[arg(long, value_name = "SECRET", env = "TURNPIKE_HOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Only of sessions that this filter selects, as in '$Zone is "guests"'
    #[arg(long, value_name = "E")]
    filter: Option<String>,
    /// Which events: open, update, disconnected, reconnected, close; all if not given
    #[arg(long = "kind", value_name = "KIND", num_args = 1..)]
    kinds: Option<Vec<String>>,
    /// Which properties, between commas: names, ALL_FIXED_PROPERTIES, ALL_USER_PROPERTIES; all if not given
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    properties: Option<Vec<String>>,
    #[command(flatten)]
    connection: Connection,
}

/// About one hook.
#[derive(Debug, Args)]
pub struct One {
    /// The hook's id
    id: String,
    #[command(flatten)]
    connection: Connection,
}

impl Hook {
    pub(super) fn request(&self) -> (&Connection, Request) {
        let all = "/api/v1/hooks".to_owned();
        let place = |one: &One| format!("{all}/{}", part(&one.id));
        match self {
            Self::Create(create) => {
                let body = fields([
                    ("name", Some(json!(create.name))),
                    ("url", Some(json!(create.url))),
                    ("secret", create.secret.as_ref().map(|secret| json!(secret))),
                    ("filter", create.filter.as_ref().map(|filter| json!(filter))),
                    ("kinds", create.kinds.as_ref().map(|kinds| json!(kinds))),
                    ("properties", create.properties.as_ref().map(|names| json!(names))),
                ]);
                (&create.connection, Request::send(Method::POST, all, body, table::one))
            }
            Self::List(connection) => {
                let show = |answer: &Value| {
                    let columns = [
                        ("ID", "id"),
                        ("NAME", "name"),
                        ("URL", "url"),
                        ("ENABLED", "enabled"),
                        ("WAITING", "waiting"),
                        ("DELIVERED", "delivered_at"),
                        ("DROPPED", "dropped"),
                        ("FAILURES", "failures"),
                        ("LAST ERROR", "last_error"),
                    ];
                    table::list(answer, &columns)
                };
                (connection, Request::get(all, show))
            }
            Self::Delete(one) => (&one.connection, Request::delete(place(one), table::done)),
            Self::Test(one) => {
                let path = format!("{}/test", place(one));
                (&one.connection, Request::send(Method::POST, path, Map::new(), table::one))
            }
            Self::Enable(one) => (&one.connection, switch(place(one), true)),
            Self::Disable(one) => (&one.connection, switch(place(one), false)),
        }
    }
}

fn switch(path: String, enabled: bool) -> Request {
    Request::send(Method::PATCH, path, fields([("enabled", Some(json!(enabled)))]), table::one)
}
