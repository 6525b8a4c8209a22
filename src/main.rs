//! The `turnpike` command.

use std::process::ExitCode;

use turnpike::{app, cli};

fn main() -> ExitCode {
    let daemon = cli::Daemon {
        run: |config, file, log| Box::pin(app::run(config, file, log)),
        close: |config| Box::pin(app::close(config)),
        down: |config| Box::pin(app::down(config)),
        doctor: |file| Box::pin(async move { app::doctor(&file).await }),
    };
    ExitCode::from(cli::main(std::env::args_os(), daemon))
}
