use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::accounts::password;
use super::args::{Connection, Named, Pages};
use super::output::Failure;
use super::request::{Request, fields, part};
use super::table;

/// `turnpike admin …`.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// List admin accounts
    List(List),
    /// Make an admin account
    Create(Create),
    /// Change an admin account
    Set(Set),
    /// Give an admin account a new password; signs it out everywhere
    Password(Password),
    /// Delete an admin account; never the last with the permission admin
    Delete(Named),
    /// Print the code that the first admin account is made with; for root only
    SetupCode(SetupCode),
}

/// `turnpike admin list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike admin create`.
#[derive(Debug, Args)]
pub struct Create {
    /// What is typed in to sign in
    name: String,
    /// What it may do, as for a token: view_session, modify_session, manage_vouchers, acquire_lock:PATH,
    /// register_handler, admin
    #[arg(long = "permission", value_name = "P", required = true, num_args = 1..)]
    permissions: Vec<String>,
    /// Make up a password and print it; otherwise it is read from standard input, one line
    #[arg(long)]
    generate: bool,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike admin set`.
#[derive(Debug, Args)]
pub struct Set {
    /// Its name
    name: String,
    /// What it may do: all of it, what is not given is taken away
    #[arg(long = "permission", value_name = "P", num_args = 1..)]
    permissions: Vec<String>,
    /// Shut it out, and sign it out everywhere
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Let it back in
    #[arg(long)]
    enable: bool,
    /// Take its one-time codes away, as when its phone is lost
    #[arg(long)]
    no_totp: bool,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike admin password`.
#[derive(Debug, Args)]
pub struct Password {
    /// Its name
    name: String,
    /// Make up a password and print it; otherwise it is read from standard input, one line
    #[arg(long)]
    generate: bool,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike admin setup-code`.
#[derive(Debug, Args)]
pub struct SetupCode {
    #[command(flatten)]
    connection: Connection,
}

impl Admin {
    pub(super) fn request(&self) -> Result<(&Connection, Request), Failure> {
        let all = "/api/v1/admins";
        let one = |name: &str| format!("{all}/{}", part(name));
        Ok(match self {
            Self::List(list) => {
                let path = list.pages.path(all, []);
                (&list.connection, Request::get(path, shown))
            }
            Self::Create(create) => {
                let body = fields([
                    ("name", Some(json!(create.name))),
                    ("permissions", Some(json!(create.permissions))),
                    ("password", Some(json!(password(create.generate)?))),
                ]);
                (&create.connection, Request::send(Method::POST, all.to_owned(), body, table::one))
            }
            Self::Set(set) => {
                let disabled = (set.disable || set.enable).then_some(json!(set.disable));
                let body = fields([
                    ("permissions", (!set.permissions.is_empty()).then(|| json!(set.permissions))),
                    ("disabled", disabled),
                    ("totp", set.no_totp.then_some(json!(false))),
                ]);
                (&set.connection, Request::send(Method::PATCH, one(&set.name), body, table::one))
            }
            Self::Password(of) => {
                let body = fields([("password", Some(json!(password(of.generate)?)))]);
                let path = format!("{}/password", one(&of.name));
                (&of.connection, Request::send(Method::POST, path, body, table::done))
            }
            Self::Delete(of) => (&of.connection, Request::delete(one(&of.name), table::done)),
            Self::SetupCode(code) => {
                let show = |answer: &Value| format!("{}\n", table::plain(answer.get("setup_code")));
                (&code.connection, Request::get("/api/v1/setup_code".to_owned(), show))
            }
        })
    }
}

fn shown(answer: &Value) -> String {
    let columns = [
        ("NAME", "name"),
        ("PERMISSIONS", "permissions"),
        ("DISABLED", "disabled"),
        ("CODES", "totp"),
        ("SIGNED IN", "signed_in_at"),
        ("CREATED", "created_at"),
    ];
    table::list(answer, &columns)
}
