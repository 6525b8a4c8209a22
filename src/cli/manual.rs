use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use super::examples::command;
use super::output::{Failure, say};

/// A shell that commands can be completed in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum CompletedShell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// `turnpike completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell
    shell: CompletedShell,
}

impl Completions {
    pub(super) fn print(&self) -> Result<(), Failure> {
        let shell = match self.shell {
            CompletedShell::Bash => Shell::Bash,
            CompletedShell::Zsh => Shell::Zsh,
            CompletedShell::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command(), "turnpike", &mut script);
        say(&String::from_utf8_lossy(&script))
    }
}

/// `turnpike man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn print(&self) -> Result<(), Failure> {
        if let Some(dir) = &self.dir {
            let failed = |error| Failure(format!("{}: cannot be written: {error}", dir.display()));
            std::fs::create_dir_all(dir).map_err(failed)?;
            return clap_mangen::generate_to(command(), dir).map_err(failed);
        }
        let mut page = Vec::new();
        let failed = |error| Failure(format!("the page cannot be made: {error}"));
        clap_mangen::Man::new(command()).render(&mut page).map_err(failed)?;
        say(&String::from_utf8_lossy(&page))
    }
}
