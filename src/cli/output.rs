use std::fmt;
use std::io::{ErrorKind, Write};

/// Why a command failed: one line, but for a configuration's mistakes, which are a line each.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Prints to stdout. A reader that has gone (`turnpike devices | head`) is no failure.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    offer(text).map(|_| ())
}

/// Prints to stdout; `false` if the reader has gone.
pub(super) fn offer(text: &str) -> Result<bool, Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure(format!("the output could not be written: {error}"))),
    }
}

/// Tells the one who types, on stderr: what is piped on does not hold it.
pub(super) fn tell(line: &str) {
    // Nobody to tell if this cannot be printed.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints to stderr.
pub(super) fn complain(failure: &Failure) {
    // Nobody to tell if this cannot be printed.
    let _ = writeln!(std::io::stderr().lock(), "{failure}");
}
