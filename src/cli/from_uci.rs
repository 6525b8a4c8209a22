use std::path::PathBuf;

use clap::Args;

use super::output::{Failure, complain, say};
use crate::config::{DEFAULT_UCI_PATH, FromUci};

/// `turnpike from-uci`.
#[derive(Debug, Args)]
pub struct FromUciFile {
    /// The UCI file
    #[arg(value_name = "FILE", default_value = DEFAULT_UCI_PATH)]
    file: PathBuf,
}

impl FromUciFile {
    /// Prints the TOML that it says, or every mistake in it.
    pub(super) fn print(&self) -> Result<(), Failure> {
        let said = FromUci::load(&self.file).map_err(|error| Failure(error.to_string()))?;
        for warning in &said.config.warnings {
            let space = if warning.line.is_some() { "" } else { " " };
            complain(&Failure(format!("{}:{space}{warning} (a warning)", self.file.display())));
        }
        say(&said.toml)
    }
}
