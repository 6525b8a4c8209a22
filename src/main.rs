//! The `turnpike` command.

use std::process::ExitCode;

#[cfg(feature = "setup")]
use turnpike::app::setup::Place;
use turnpike::{app, cli};

fn main() -> ExitCode {
    let daemon = cli::Daemon {
        run: |config, file, log| Box::pin(app::run(config, file, log)),
        close: |config| Box::pin(app::close(config)),
        down: |config| Box::pin(app::down(config)),
        #[cfg(feature = "doctor")]
        doctor: |file| Box::pin(async move { app::doctor(&file).await }),
        #[cfg(feature = "setup")]
        look: |config| Box::pin(app::setup::look(Place::default(), config)),
        #[cfg(feature = "setup")]
        carry_out: |step| Box::pin(app::setup::carry_out(Place::default(), step)),
    };
    ExitCode::from(cli::main(std::env::args_os(), daemon))
}
