use std::io::{IsTerminal, Read};

use clap::{Args, Subcommand, ValueEnum};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::args::{Connection, Named, Pages, Written};
use super::output::Failure;
use super::request::{Request, fields, part};
use super::steer::key_value;
use super::table;

/// The most that is read of a password; more is none.
const MAX_PASSWORD_BYTES: u64 = 4_096;
/// What passwords are made of here: no letters that look like others, each byte's chance is the same.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789_";
/// Letters of a password that is made here: 60 bits.
const MADE_LETTERS: usize = 12;

/// `turnpike account …`.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Make an account
    Create(Create),
    /// List accounts
    List(List),
    /// Show an account, and where it is logged in
    Show(Named),
    /// Change an account
    Set(Written<Fields>),
    /// Give an account a new password; logs out every device
    Password(Password),
    /// Give an account one more plan, behind the others
    Attach(Attach),
    /// Shut an account out; ends its sessions
    Disable(Named),
    /// Let a disabled account back in
    Enable(Named),
    /// Delete an account; ends its sessions
    Delete(Named),
    /// Log a device out of an account, or all of them
    Logout(Logout),
}

/// What happens to one more device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum OneMore {
    /// It is refused
    Refuse,
    /// The longest unused one is logged out
    TakeOver,
}

/// What an account is.
#[derive(Debug, Args)]
pub struct Fields {
    /// Who it is
    #[arg(long, value_name = "TEXT")]
    full_name: Option<String>,
    /// A note of your own
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// A plan that it has; given again, the first is used first. `none` takes all away
    #[arg(long = "plan", value_name = "PLAN")]
    plans: Vec<String>,
    /// The new plans are paid for: a sale at their price
    #[arg(long, requires = "plans")]
    paid: bool,
    /// How many devices may be logged in at the same time
    #[arg(long, value_name = "N")]
    max_devices: Option<u32>,
    /// What happens to one more
    #[arg(long, value_name = "WHAT")]
    one_more: Option<OneMore>,
    /// When it is over, as in 2026-12-31T18:00:00Z; never
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// A role of its sessions; may be given again
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// A property of its sessions; may be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    property: Vec<(String, String)>,
}

impl Fields {
    fn body(&self) -> Map<String, Value> {
        let text = |text: &Option<String>| {
            text.as_ref().map(|text| if text.is_empty() { Value::Null } else { json!(text) })
        };
        let plans: Vec<&String> = self.plans.iter().filter(|plan| *plan != "none").collect();
        let one_more = self.one_more.map(|one_more| match one_more {
            OneMore::Refuse => json!("refuse"),
            OneMore::TakeOver => json!("take_over"),
        });
        let expires_at = self.expires_at.as_ref().map(|at| match at.as_str() {
            "never" => Value::Null,
            at => json!(at),
        });
        let properties: Map<String, Value> =
            self.property.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        fields([
            ("full_name", text(&self.full_name)),
            ("note", text(&self.note)),
            ("plans", (!self.plans.is_empty()).then(|| json!(plans))),
            ("paid", self.paid.then_some(Value::Bool(true))),
            ("max_devices", self.max_devices.map(|count| json!(count))),
            ("one_more", one_more),
            ("expires_at", expires_at),
            ("roles", (!self.role.is_empty()).then(|| json!(self.role))),
            ("properties", (!properties.is_empty()).then_some(Value::Object(properties))),
        ])
    }
}

/// `turnpike account create`.
#[derive(Debug, Args)]
pub struct Create {
    /// What is typed in to log in
    name: String,
    /// Make up a password and print it; otherwise it is read from standard input, one line
    #[arg(long)]
    generate: bool,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike account list`.
#[derive(Debug, Args)]
pub struct List {
    /// Whose name, full name or note contains this
    #[arg(short, long, value_name = "TEXT")]
    q: Option<String>,
    #[command(flatten)]
    pages: Pages,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike account password`.
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

/// `turnpike account attach`.
#[derive(Debug, Args)]
pub struct Attach {
    /// Its name
    name: String,
    /// The plan
    plan: String,
    /// It is paid for: a sale at its price
    #[arg(long)]
    paid: bool,
    /// A remark for the till
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `turnpike account logout`.
#[derive(Debug, Args)]
pub struct Logout {
    /// Its name
    name: String,
    /// The device: its id, MAC or IP; all of them if none is given
    #[arg(value_name = "DEV")]
    dev: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Account {
    pub(super) fn request(&self) -> Result<(&Connection, Request), Failure> {
        let all = "/api/v1/accounts";
        let one = |name: &str| format!("{all}/{}", part(name));
        let switch = |of: &'_ Named, disabled: bool| {
            let body = fields([("disabled", Some(json!(disabled)))]);
            Request::send(Method::PATCH, one(&of.name), body, table::one)
        };
        Ok(match self {
            Self::Create(create) => {
                let mut body = create.fields.body();
                body.insert("name".to_owned(), json!(create.name));
                body.insert("password".to_owned(), json!(password(create.generate)?));
                (&create.connection, Request::send(Method::POST, all.to_owned(), body, table::one))
            }
            Self::List(list) => {
                let path = list.pages.path(all, [("q", list.q.clone())]);
                (&list.connection, Request::get(path, shown))
            }
            Self::Show(of) => (&of.connection, Request::get(one(&of.name), table::one)),
            Self::Set(set) => {
                let request = Request::send(Method::PATCH, one(&set.name), set.fields.body(), table::one);
                (&set.connection, request)
            }
            Self::Password(of) => {
                let body = fields([("password", Some(json!(password(of.generate)?)))]);
                let path = format!("{}/password", one(&of.name));
                (&of.connection, Request::send(Method::POST, path, body, table::done))
            }
            Self::Attach(attach) => {
                let body = fields([
                    ("plan", Some(json!(attach.plan))),
                    ("paid", attach.paid.then_some(Value::Bool(true))),
                    ("note", attach.note.as_ref().map(|note| json!(note))),
                ]);
                let path = format!("{}/plans", one(&attach.name));
                (&attach.connection, Request::send(Method::POST, path, body, table::one))
            }
            Self::Disable(of) => (&of.connection, switch(of, true)),
            Self::Enable(of) => (&of.connection, switch(of, false)),
            Self::Delete(of) => (&of.connection, Request::delete(one(&of.name), table::done)),
            Self::Logout(logout) => {
                let dev = logout.dev.as_deref().unwrap_or("all");
                let path = format!("{}/devices/{}", one(&logout.name), part(dev));
                (&logout.connection, Request::delete(path, table::done))
            }
        })
    }
}

fn shown(answer: &Value) -> String {
    let columns = [
        ("NAME", "name"),
        ("FULL NAME", "full_name"),
        ("DEVICES", "max_devices"),
        ("DISABLED", "disabled"),
        ("EXPIRES", "expires_at"),
        ("NOTE", "note"),
    ];
    table::list(answer, &columns)
}

/// A password from standard input, never from the arguments, which everybody on the machine can read; or a new one, which
/// is told on standard error so that what is piped on does not hold it.
pub(super) fn password(generate: bool) -> Result<String, Failure> {
    if generate {
        let made = made_up()?;
        super::output::tell(&format!("password: {made}"));
        return Ok(made);
    }
    if std::io::stdin().is_terminal() {
        super::output::tell("Type the password (it is shown as you type) and end with Enter:");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(|error| unreadable(&error))?;
        return Ok(first_line(&line));
    }
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_PASSWORD_BYTES).read_to_string(&mut text);
    read.map_err(|error| unreadable(&error))?;
    Ok(first_line(&text))
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure(format!("the password cannot be read from standard input: {error}"))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

pub(super) fn made_up() -> Result<String, Failure> {
    let mut bytes = [0_u8; MADE_LETTERS];
    getrandom::fill(&mut bytes).map_err(|error| Failure(format!("there is no randomness: {error}")))?;
    let letter = |byte: u8| LETTERS.get(usize::from(byte) % LETTERS.len()).copied().map_or('a', char::from);
    Ok(bytes.into_iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_made_up_can_be_typed_and_is_another_each_time() {
        let (one, other) = (made_up().unwrap_or_default(), made_up().unwrap_or_default());
        assert_ne!(one, other);
        assert_eq!(one.len(), MADE_LETTERS);
        assert!(one.bytes().all(|byte| LETTERS.contains(&byte)), "{one}");
    }

    #[test]
    fn a_password_is_the_first_line() {
        assert_eq!(first_line("secret\nother\n"), "secret");
        assert_eq!(first_line("secret\r\n"), "secret");
        assert_eq!(first_line(" se cret "), " se cret ");
        assert_eq!(first_line(""), "");
    }
}
