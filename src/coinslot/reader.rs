use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::net::unix::pipe::{OpenOptions, Receiver};
use tokio::time::Instant;

use super::gpio::GpioReader;
use crate::clock::Clock;
use crate::config::CoinInput;
use crate::domain::BoxFuture;
use crate::domain::coin::Edge;

/// How long after a failure the input is opened anew.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest line of a pipe, in bytes.
const MAX_LINE: usize = 64;

/// Where edges come from. Dropping the future loses none.
pub(super) trait EdgeReader: Send + Sync {
    /// The next one.
    fn edge(&mut self) -> BoxFuture<'_, Result<Edge>>;

    /// Has the acceptor take coins, or give them back.
    fn enable(&mut self, enable: bool) -> Result<()> {
        let _ = enable;
        Ok(())
    }
}

/// The input of a slot: opened when it can be, and again when it fails.
pub(super) struct Input {
    config: CoinInput,
    open: Option<Box<dyn EdgeReader>>,
    enabled: bool,
    again_at: Instant,
}

/// What has become of an input.
#[derive(Debug)]
pub(super) enum Heard {
    /// An edge.
    Edge(Edge),
    /// It works, for the first time or again.
    Works,
    /// It does not.
    Fails(Error),
}

impl Input {
    pub(super) fn new(config: CoinInput) -> Self {
        Self { config, open: None, enabled: false, again_at: Instant::now() }
    }

    /// What comes next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Heard {
        let Some(reader) = &mut self.open else {
            tokio::time::sleep_until(self.again_at).await;
            return self.open();
        };
        match reader.edge().await {
            Ok(edge) => Heard::Edge(edge),
            Err(error) => self.fails(error),
        }
    }

    /// Has the acceptor take coins, or give them back; also after the input was opened anew.
    pub(super) fn enable(&mut self, enable: bool) -> Result<()> {
        self.enabled = enable;
        self.open.as_mut().map_or(Ok(()), |reader| reader.enable(enable))
    }

    fn open(&mut self) -> Heard {
        let opened: Result<Box<dyn EdgeReader>> = match &self.config {
            CoinInput::Gpio(gpio) => GpioReader::open(gpio).map(|reader| Box::new(reader) as _),
            CoinInput::Pipe(path) => PipeReader::open(path).map(|reader| Box::new(reader) as _),
        };
        let opened = opened.and_then(|mut reader| reader.enable(self.enabled).map(|()| reader));
        match opened {
            Ok(reader) => {
                self.open = Some(reader);
                Heard::Works
            }
            Err(error) => self.fails(error),
        }
    }

    fn fails(&mut self, error: Error) -> Heard {
        self.open = None;
        self.again_at = Instant::now() + AGAIN;
        Heard::Fails(error)
    }
}

/// A named pipe of lines `1` (active) and `0` (at rest), each with the time of the edge in nanoseconds behind it if the
/// writer knows it.
pub(super) struct PipeReader {
    pipe: Receiver,
    clock: Clock,
    /// What was read and is no whole line yet.
    rest: Vec<u8>,
}

impl PipeReader {
    /// Opens the pipe; makes it, for its owner alone, if there is none.
    pub(super) fn open(path: &Path) -> Result<Self> {
        match mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        if std::fs::symlink_metadata(path)?.permissions().mode() & 0o002 != 0 {
            return Err(Error::new(
                ErrorKind::PermissionDenied,
                "everybody may write to it: money out of nothing",
            ));
        }
        // For writing as well, so that it has no end when a writer goes.
        let pipe = OpenOptions::new().read_write(true).open_receiver(path)?;
        Ok(Self { pipe, clock: Clock::machine(), rest: Vec::new() })
    }

    /// The first whole line that says something, if there is one.
    fn take_edge(&mut self) -> Option<Edge> {
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let edge = parse(&line, || self.clock.now().boot.0.saturating_mul(1_000_000));
            if edge.is_some() {
                return edge;
            }
            tracing::debug!(line = %line.escape_ascii(), "a line that is no edge");
        }
        // No line is that long: what has begun so is noise.
        if self.rest.len() > MAX_LINE {
            self.rest.clear();
        }
        None
    }
}

impl EdgeReader for PipeReader {
    fn edge(&mut self) -> BoxFuture<'_, Result<Edge>> {
        Box::pin(async {
            loop {
                if let Some(edge) = self.take_edge() {
                    return Ok(edge);
                }
                self.pipe.readable().await?;
                let mut buffer = [0; 1024];
                match self.pipe.try_read(&mut buffer) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(count) => self.rest.extend(buffer.iter().take(count)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        })
    }
}

/// Reads a line; `now` is the time in nanoseconds for those without one.
fn parse(line: &[u8], now: impl FnOnce() -> u64) -> Option<Edge> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split_ascii_whitespace();
    let active = match words.next()? {
        "1" => true,
        "0" => false,
        _ => return None,
    };
    let time = words.next();
    if words.next().is_some() {
        return None;
    }
    match time {
        Some(time) => Some(Edge { at_ns: time.parse().ok()?, active, stamped: true }),
        None => Some(Edge { at_ns: now(), active, stamped: false }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_line_is_a_level_and_perhaps_its_time() {
        let read = |line: &str| parse(line.as_bytes(), || 7);
        let edge = |at_ns, active, stamped| Some(Edge { at_ns, active, stamped });
        assert_eq!(read("1\n"), edge(7, true, false));
        assert_eq!(read("0 5000000 \r\n"), edge(5_000_000, false, true));
        for wrong in ["", "2", "1 x", "1 -5", "1 1 1", "rising", "1 99999999999999999999999", "é"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_pipe_outlives_its_writers_and_noise() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pulses");
        let mut reader = PipeReader::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for text in ["1 10\n0 ", "20\nnoise\n", &"x".repeat(500), "\n1 30\n"] {
            std::fs::write(&path, text).unwrap();
        }
        for expected in [10, 20, 30] {
            assert_eq!(reader.edge().await.unwrap().at_ns, expected);
        }
        let waits = tokio::time::timeout(Duration::from_millis(20), reader.edge()).await;
        assert!(waits.is_err(), "{waits:?}");
    }

    #[test]
    fn a_pipe_that_anybody_can_write_to_is_no_slot() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pulses");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o622)).unwrap();
        let error = PipeReader::open(&path).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        // Nor is what is no pipe.
        let file = dir.path().join("file");
        std::fs::write(&file, "1\n").unwrap();
        assert!(PipeReader::open(&file).is_err());
    }
}
