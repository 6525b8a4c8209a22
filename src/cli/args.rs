use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{DEFAULT_PATH, DEFAULT_SOCKET};

#[cfg(feature = "doctor")]
use super::doctor;
#[cfg(feature = "manual")]
use super::manual;
use super::request::query;
#[cfg(feature = "setup")]
use super::setup;
use super::{
    accounts, admins, backup, config_reference, credits, devices, dhcp_options, dnsmasq, events, from_uci,
    guest_log, hooks, locks, logs, plans, sales, salvage, service, sessions, status, tokens, vouchers,
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
    /// Load the firewall rules without a daemon, as before the network comes up: who has no session stays outside
    Close(ConfigFile),
    /// Look at this box and say what is wrong with it, why, and what to do
    ///
    /// Exit code: 0 all is well, 1 there is a problem, 2 wrong usage, 3 there are only warnings.
    #[cfg(feature = "doctor")]
    Doctor(doctor::Doctor),
    /// Print what every key of the configuration does
    ConfigReference(config_reference::ConfigReference),
    /// Print the configuration that OpenWrt's UCI file says, as TOML; every mistake is reported
    FromUci(from_uci::FromUciFile),
    /// Remove the firewall rules and traffic classes of a daemon that does not run
    Down(ConfigFile),
    /// Make a hotspot of this box: asks, writes the configuration and, if told to, the network, and starts it
    #[cfg(feature = "setup")]
    Setup(Box<setup::Setup>),
    /// Write a back-up of everything, also while the daemon runs
    Backup(backup::Backup),
    /// Look at a back-up, and put it in the place of a daemon's state that does not run
    Restore(backup::Restore),
    /// Who had an address at a time, as the guest log says
    ///
    /// Exit code: 0 somebody was found, 1 nobody was, 2 wrong usage.
    GuestLog(guest_log::GuestLog),
    /// Look at a damaged database of a daemon that does not run, and go on with what can be read of it
    Salvage(salvage::Salvage),
    /// Print what tells phones of the portal by DHCP and router advertisements, and where its name leads
    DhcpOptions(dhcp_options::DhcpOptions),
    /// Print what dnsmasq needs for the walled garden and the portal's name, or write it to a file
    Dnsmasq(dnsmasq::Dnsmasq),
    /// Ask a running daemon.
    #[command(flatten)]
    Ask(Box<Ask>),
    /// Print what completes commands in a shell
    #[cfg(feature = "manual")]
    Completions(manual::Completions),
    /// Print the man page, or write one for each command
    #[cfg(feature = "manual")]
    Man(manual::Man),
}

/// Which configuration.
#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub config: PathBuf,
}

/// What is asked for by its name.
#[derive(Debug, Args)]
pub struct Named {
    /// Its name
    pub(super) name: String,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// What is made or changed under a name.
#[derive(Debug, Args)]
pub struct Written<F: Args> {
    /// Its name
    pub(super) name: String,
    #[command(flatten)]
    pub(super) fields: F,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// Which page of a list.
#[derive(Debug, Args)]
pub struct Pages {
    /// The page, from 1
    #[arg(long, value_name = "N")]
    page: Option<u32>,
    /// Items of a page
    #[arg(long, value_name = "N")]
    per_page: Option<u32>,
}

impl Pages {
    /// The path of a list with these parameters and the page.
    pub(super) fn path<const N: usize>(&self, path: &str, parameters: [(&str, Option<String>); N]) -> String {
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let pages = [("page", number(self.page)), ("per_page", number(self.per_page))];
        query(path, parameters.into_iter().chain(pages))
    }
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
    /// Take what the configuration file says now; nobody is dropped
    Reload(service::Reload),
    /// Put the firewall rules in place and repair what differs, as after a change of the firewall
    Reconcile(service::Reconcile),
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
    /// Admin accounts: who signs in to the admin pages
    #[command(subcommand)]
    Admin(admins::Admin),
    /// Tokens of the API
    #[command(subcommand)]
    Token(tokens::Token),
}
