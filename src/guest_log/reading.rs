use std::io::{self, BufRead, BufReader, Read};

use super::line::Line;

/// A longer line is none of ours.
const MAX_LINE_BYTES: usize = 64 << 10;

/// Reads lines one after the other, whatever is in the file: no more than one line is in memory.
#[derive(Debug)]
pub(super) struct Lines<R> {
    file: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(file: R) -> Self {
        Self { file: BufReader::new(file), line: Vec::new() }
    }

    /// The next line; `Some(None)` is one that cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Option<Line>>> {
        self.line.clear();
        let most = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        if self.file.by_ref().take(most).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        if self.line.len() == MAX_LINE_BYTES && self.line.last() != Some(&b'\n') {
            self.file.skip_until(b'\n')?;
            return Ok(Some(None));
        }
        let line = serde_json::from_slice::<Line>(&self.line).ok();
        Ok(Some(line.filter(|line| line.time().is_some())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_break_no_others() {
        let good = r#"{"at":"2026-06-01T00:00:00.000Z","event":"began","of_a_later_version":1}"#;
        let long = "x".repeat(3 * MAX_LINE_BYTES);
        let text =
            format!("{good}\n{{\"at\"\n\n{long}\n{good}\n{{\"at\":\"never\",\"event\":\"began\"}}\n{good}");
        let mut lines = Lines::new(text.as_bytes());
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push(line.is_some());
        }
        assert_eq!(read, [true, false, false, false, true, false, true]);
    }
}
