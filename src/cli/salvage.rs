use clap::Args;

use super::args::ConfigFile;
use super::backup::{load, said, wait};
use super::output::{Failure, say};
use crate::clock::Clock;
use crate::upkeep::{SalvageFor, begin_anew, is_free, look_and_salvage};

/// `turnpike salvage`.
#[derive(Debug, Args)]
pub struct Salvage {
    /// Go on with what can be read, whatever is lost; otherwise it is only looked at
    #[arg(long)]
    yes: bool,
    /// Set the database aside and begin with an empty one
    #[arg(long, requires = "yes")]
    empty: bool,
    #[command(flatten)]
    config: ConfigFile,
}

impl Salvage {
    /// Only while the daemon does not run.
    pub(super) fn run(&self) -> Result<(), Failure> {
        let config = load(&self.config)?;
        let (database, now) = (config.store.path.as_path(), Clock::machine().now().wall);
        if !database.exists() {
            return Err(Failure(format!("{}: there is no database", database.display())));
        }
        is_free(database).map_err(|error| Failure(format!("{error}: stop the daemon first")))?;
        if self.empty {
            let aside = wait(async { begin_anew(database, now).await.map_err(|error| said(&error)) })?;
            return say(&format!(
                "the database is {} now; turnpike starts with an empty one\n",
                aside.display()
            ));
        }
        let purpose = if self.yes { SalvageFor::GoingOnAnyway } else { SalvageFor::Looking };
        let found =
            wait(async { look_and_salvage(database, now, purpose).await.map_err(|error| said(&error)) })?;
        let Some(salvaged) = found else {
            return say("the database is whole: there is nothing to salvage\n");
        };
        for line in salvaged.lines() {
            say(&format!("{line}\n"))?;
        }
        if self.yes {
            say(&format!("salvaged; the damaged file is {} now\n", salvaged.aside.display()))
        } else {
            say("Nothing was changed. With --yes turnpike goes on with these rows\n")
        }
    }
}
