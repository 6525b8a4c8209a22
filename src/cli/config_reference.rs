use clap::Args;

use super::output::{Failure, say};
use crate::config::reference;

/// `turnpike config-reference`.
#[derive(Debug, Args)]
pub struct ConfigReference {
    /// Print a configuration file with every key instead
    #[arg(long)]
    toml: bool,
    /// Print OpenWrt's file with every option instead
    #[arg(long, conflicts_with = "toml")]
    uci: bool,
}

impl ConfigReference {
    pub(super) fn print(&self) -> Result<(), Failure> {
        say(&match (self.toml, self.uci) {
            (true, _) => reference::toml_file(),
            (false, true) => reference::uci_file(),
            (false, false) => reference::markdown(),
        })
    }
}
