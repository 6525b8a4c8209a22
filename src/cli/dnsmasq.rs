//! What dnsmasq is told, for a service manager that may do what the daemon may not.

use std::path::PathBuf;

use clap::Args;

use super::daemon::block_on;
use super::output::{Failure, complain, say};
use crate::config::{Config, DEFAULT_PATH};
use crate::dnsmasq::{Keeping, fragment, keep};

/// `turnpike dnsmasq`.
#[derive(Debug, Args)]
pub struct Dnsmasq {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// Write it to this file instead, if dnsmasq takes it; nothing happens if it is there already
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// dnsmasq itself
    #[arg(long, value_name = "PROGRAM", default_value = "dnsmasq", requires = "write")]
    program: String,
    /// A word of the command that is run when the file has changed; if it fails, the file before is put back
    #[arg(long, value_name = "WORD", requires = "write", allow_hyphen_values = true)]
    then: Vec<String>,
}

impl Dnsmasq {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let config = Config::load(&self.config).map_err(|error| Failure(error.to_string()))?;
        let Some(path) = self.write.clone() else {
            return say(&fragment(&config, true));
        };
        let (program, then) = (self.program.clone(), self.then.clone());
        block_on(Box::pin(async move {
            let keeping = Keeping { fragment: &path, program: &program, reload: &then, pid_files: &[] };
            let kept = keep(&config, keeping).await?;
            if kept.lacks_nftset {
                complain(&Failure(format!("{program} was built without nftset: garden_domains stay shut")));
            }
            let what = if kept.is_new { "written" } else { "unchanged" };
            say(&format!("{}: {what}\n", path.display())).map_err(|Failure(text)| anyhow::anyhow!(text))
        }))
    }
}
