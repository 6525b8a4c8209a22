use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::args::Connection;
use super::request::{Request, fields, part};
use super::table;

/// `turnpike token …`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it; it is not shown again
    Create(Create),
    /// List tokens
    List(Connection),
    /// Have a token no longer accepted
    Revoke(Revoke),
}

/// `turnpike token create`.
#[derive(Debug, Args)]
pub struct Create {
    /// A name for it
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it may do: view_session, modify_session (with view_session), manage_vouchers, acquire_lock:PATH,
    /// register_handler, admin
    ///
    /// view_session: see devices, sessions, messages, locks and counts. modify_session: change them; needs
    /// view_session as well. manage_vouchers: make, list and revoke vouchers. acquire_lock:PATH: acquire and release the
    /// lock of this path and those below it; with no path, all locks. register_handler: listen to events,
    /// with view_session; register providers and authenticators. admin: everything, and tokens and the audit log.
    #[arg(long = "permission", value_name = "P", required = true, num_args = 1..)]
    permissions: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike token revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The token's id
    id: String,
    #[command(flatten)]
    connection: Connection,
}

impl Token {
    pub(super) fn request(&self) -> (&Connection, Request) {
        let path = "/api/v1/tokens".to_owned();
        match self {
            Self::Create(create) => {
                let body = fields([
                    ("name", Some(json!(create.name))),
                    ("permissions", Some(json!(create.permissions))),
                ]);
                let show = |answer: &Value| format!("{}\n", table::plain(answer.get("token")));
                (&create.connection, Request::send(Method::POST, path, body, show))
            }
            Self::List(connection) => {
                let show = |answer: &Value| {
                    let columns = [
                        ("ID", "id"),
                        ("NAME", "name"),
                        ("PERMISSIONS", "permissions"),
                        ("CREATED", "created_at"),
                        ("REVOKED", "revoked_at"),
                    ];
                    table::list(answer, &columns)
                };
                (connection, Request::get(path, show))
            }
            Self::Revoke(revoke) => {
                (&revoke.connection, Request::delete(format!("{path}/{}", part(&revoke.id)), table::one))
            }
        }
    }
}
