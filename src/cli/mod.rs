//! The command line: `run`, `check-config`, `doctor`, `setup`, `down` and the like work on this machine; everything else asks a running
//! daemon over its control socket.

mod accounts;
mod admins;
mod args;
mod backup;
mod client;
mod config_reference;
mod credits;
mod daemon;
mod devices;
mod dhcp_options;
mod dnsmasq;
#[cfg(feature = "doctor")]
mod doctor;
mod events;
mod examples;
mod fit;
mod from_uci;
mod guest_log;
mod hooks;
mod locks;
mod logs;
#[cfg(feature = "manual")]
mod manual;
mod output;
mod plans;
mod request;
mod sales;
mod salvage;
mod service;
mod sessions;
#[cfg(feature = "setup")]
mod setup;
mod status;
mod steer;
mod stream;
mod table;
mod terminal;
mod terms;
mod tokens;
mod vouchers;

use std::ffi::OsString;

use clap::FromArgMatches;

pub use args::{Cli, Command};
pub use daemon::Daemon;
pub use examples::command;
pub use output::Failure;

/// Done.
pub const DONE: u8 = 0;
/// Refused or failed; stderr says why.
pub const FAILED: u8 = 1;
/// Wrong usage; stderr says how it is used.
pub const USAGE: u8 = 2;
/// `doctor` found nothing worse than warnings.
#[cfg(feature = "doctor")]
pub const WARNINGS: u8 = 3;

/// Reads the arguments and does what they say. Returns the exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>, daemon: Daemon) -> u8 {
    let read = command().try_get_matches_from(arguments).and_then(|found| Cli::from_arg_matches(&found));
    let cli = match read {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { DONE };
            // Nobody to tell if even this cannot be printed.
            let _ = error.print();
            return code;
        }
    };
    match run(cli, daemon) {
        Ok(code) => code,
        Err(failure) => {
            output::complain(&failure);
            FAILED
        }
    }
}

fn run(cli: Cli, daemon: Daemon) -> Result<u8, Failure> {
    let done = match cli.command {
        #[cfg(feature = "doctor")]
        Command::Doctor(doctor) => return doctor.run(daemon),
        Command::GuestLog(log) => return log.run(),
        Command::Run(file) => daemon::run(&file, daemon),
        Command::CheckConfig(file) => daemon::check_config(&file),
        Command::Close(file) => daemon::close(&file, daemon),
        Command::ConfigReference(reference) => reference.print(),
        Command::FromUci(file) => file.print(),
        Command::Down(file) => daemon::down(&file, daemon),
        #[cfg(feature = "setup")]
        Command::Setup(setup) => setup.run(daemon),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Salvage(salvage) => salvage.run(),
        Command::DhcpOptions(options) => options.print(),
        Command::Dnsmasq(fragment) => fragment.run(),
        Command::Ask(ask) => client::ask(&ask),
        #[cfg(feature = "manual")]
        Command::Completions(shell) => shell.print(),
        #[cfg(feature = "manual")]
        Command::Man(pages) => pages.print(),
    };
    done.map(|()| DONE)
}
