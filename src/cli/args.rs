use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{DEFAULT_PATH, DEFAULT_SOCKET};

use super::{
    accounts, credits, devices, events, hooks, locks, logs, manual, plans, sales, sessions, status, tokens,
    vouchers,
};

/// A captive-portal hotspot session manager.
#[derive(Debug, Parser)]
#[command(name = "turnpike", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon
    Run(ConfigFile),
    /// Check the configuration; every mistake is reported
    CheckConfig(ConfigFile),
    /// Remove the firewall rules and traffic classes of a daemon that does not run
    Down(ConfigFile),
    /// Ask a running daemon.
    #[command(flatten)]
    Ask(Box<Ask>),
    /// Print what completes commands in a shell
    Completions(manual::Completions),
    /// Print the man page, or write one for each command
    Man(manual::Man),
}

/// Which configuration.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub config: PathBuf,
}

/// How to reach the daemon, and how to print its answer.
#[derive(Debug, Args)]
pub struct Connection {
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET)]
    pub socket: PathBuf,
    /// A token of the API, for those who are not root. Better in the environment: arguments are seen by everyone
    #[arg(long, value_name = "TOKEN", env = "TURNPIKE_TOKEN", hide_env_values = true)]
    pub token: Option<Token>,
    /// Print what the API answers, as JSON
    #[arg(long)]
    pub json: bool,
}

/// A token as it was given. It is shown nowhere.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The text, to be sent.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What can be asked of a running daemon.
#[derive(Debug, Subcommand)]
pub enum Ask {
    /// How the whole is doing
    Status(status::Status),
    /// Devices
    Devices(devices::List),
    /// Sessions
    Sessions(sessions::List),
    /// Follow what happens to sessions
    Events(events::Events),
    /// Session providers, authenticators and plugins, and how they are doing
    Providers(status::Providers),
    /// Let a device through on its running or next usable session
    Connect(devices::Connect),
    /// Cut a device off and pause its session
    Disconnect(devices::Disconnect),
    /// Shut a device out
    Block(devices::Block),
    /// Let a blocked device back in
    Unblock(devices::Unblock),
    /// Whether a device answers, and how fast
    Ping(devices::Ping),
    /// One device
    #[command(subcommand)]
    Device(devices::Device),
    /// One session
    #[command(subcommand)]
    Session(sessions::Session),
    /// Accounts: who logs in with a name and a password
    #[command(subcommand)]
    Account(accounts::Account),
    /// Plans: the products that vouchers and accounts are made of
    #[command(subcommand)]
    Plan(plans::Plan),
    /// Vouchers
    #[command(subcommand)]
    Voucher(vouchers::Voucher),
    /// The till: what was sold, and what came in
    #[command(subcommand)]
    Sale(sales::Sale),
    /// Sell more of a session
    Topup(sales::Topup),
    /// Money that machines took, and what became of it
    #[command(subcommand)]
    Credit(credits::Credit),
    /// Texts that were left for portal pages
    Messages(logs::Messages),
    /// Who changed what, when, from where
    Audit(logs::Audit),
    /// Locks, as of a coin slot: one device holds it, others wait
    #[command(subcommand)]
    Lock(locks::Lock),
    /// Webhooks: who is told over HTTP what happens to sessions
    #[command(subcommand)]
    Hook(hooks::Hook),
    /// Tokens of the API
    #[command(subcommand)]
    Token(tokens::Token),
}
