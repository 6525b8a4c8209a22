use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

/// Where the system's log listens.
pub const DEV_LOG: &str = "/dev/log";

/// Facility 10 (security and authorisation), severity 6 (informational): what systems keep from others' eyes.
const PRIORITY: u8 = 10 * 8 + 6;

/// So long it may take to make room: a burst is more than its queue holds, commonly a few lines.
const PATIENCE: Duration = Duration::from_millis(100);

/// Says lines to the system's log (RFC 5424).
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    socket: UnixDatagram,
    host: String,
    process: u32,
}

impl Syslog {
    pub(super) fn new(path: PathBuf) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // A log that does not take its mail holds nobody up for long.
        socket.set_write_timeout(Some(PATIENCE))?;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let host: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
        let host = if host.is_empty() { "-".to_owned() } else { host };
        Ok(Self { path, socket, host, process: std::process::id() })
    }

    /// Says a line; `at` as the line has it.
    pub(super) fn say(&self, at: &str, line: &str) -> io::Result<()> {
        let at = if at.is_empty() { "-" } else { at };
        let text = format!("<{PRIORITY}>1 {at} {} turnpike {} guest - {line}", self.host, self.process);
        self.socket.send_to(text.as_bytes(), &self.path).map(|_| ())
    }
}
