use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The longest line, in bytes.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024;

/// Why no line came.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    /// The other end is closed.
    #[error("it closed its end")]
    Ended,
    /// A line went on and on.
    #[error("a line had more than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// The operating system says no.
    #[error("reading failed: {0}")]
    Failed(String),
}

/// Reads lines, none of them longer than [`MAX_LINE_BYTES`]: what is kept in memory is bounded whatever comes.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    /// The next line, without its end. May be dropped at any await: what was read of a line is kept.
    pub(super) async fn next(&mut self) -> Result<Vec<u8>, LineError> {
        loop {
            let chunk = self.reader.fill_buf().await.map_err(|error| LineError::Failed(error.to_string()))?;
            if chunk.is_empty() {
                // The last one may have no end.
                return if self.line.is_empty() { Err(LineError::Ended) } else { Ok(self.take()) };
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let piece = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            if self.line.len() + piece.len() > MAX_LINE_BYTES {
                return Err(LineError::TooLong);
            }
            self.line.extend_from_slice(piece);
            let used = piece.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(self.take());
            }
        }
    }

    /// Goes on behind what was read of a line that is too long.
    pub(super) fn forget(&mut self) {
        self.line.clear();
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    #[tokio::test]
    async fn lines_are_read_to_their_end_and_no_further() {
        let mut lines = Lines::new(BufReader::with_capacity(3, &b"one\n\ntwo and\nlast"[..]));
        for expected in ["one", "", "two and", "last"] {
            assert_eq!(lines.next().await.unwrap(), expected.as_bytes());
        }
        assert_eq!(lines.next().await, Err(LineError::Ended));
    }

    #[tokio::test]
    async fn a_line_that_goes_on_and_on_is_an_error() {
        let mut long = vec![b'x'; MAX_LINE_BYTES];
        long.push(b'\n');
        assert!(Lines::new(BufReader::new(&long[..])).next().await.is_ok());
        long.insert(0, b'x');
        assert_eq!(Lines::new(BufReader::new(&long[..])).next().await, Err(LineError::TooLong));
        let endless = tokio::io::repeat(b'x');
        assert_eq!(Lines::new(BufReader::new(endless)).next().await, Err(LineError::TooLong));
    }
}
