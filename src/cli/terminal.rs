use std::io::IsTerminal;

/// The narrowest that tables are cut to.
const NARROWEST: usize = 20;

/// How many columns the terminal has that is printed to: `COLUMNS`, or what it says itself. `None` if it is none.
pub(super) fn width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    told.or_else(asked).filter(|width| *width > 0).map(|width| width.max(NARROWEST))
}
