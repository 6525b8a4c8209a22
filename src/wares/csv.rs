use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::domain::{SealedCode, VoucherCodes};
use crate::http::Problem;

/// How many wrong lines are named.
const NAMED: usize = 20;

/// A table as text, for spreadsheets: a cell that one would take for a formula begins with a quote.
pub(crate) fn table(name: &str, head: &[&str], rows: Vec<Vec<String>>) -> Result<Response, Problem> {
    let failed = |error: csv::Error| Problem::internal(&error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head).map_err(failed)?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless)).map_err(failed)?;
    }
    let text = writer.into_inner().map_err(|error| Problem::internal(&error))?;
    let place = format!("attachment; filename=\"{name}.csv\"");
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, place)];
    Ok((headers, text).into_response())
}

/// What spreadsheets take for a formula is text with a quote in front. A negative number is no formula.
fn harmless(cell: String) -> String {
    let is_number = cell.parse::<f64>().is_ok_and(f64::is_finite);
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !is_number {
        format!("'{cell}")
    } else {
        cell
    }
}

/// Reads codes that were made elsewhere: the column `code`, or else the first one. All of them or none; wrong lines are
/// named.
pub(crate) fn read_codes(bytes: &[u8], maker: &dyn VoucherCodes) -> Result<Vec<ReadCode>, Problem> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let mut column = None;
    let mut codes: Vec<ReadCode> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let mut wrong = Wrong::default();
    for record in reader.records() {
        let record = record.map_err(|error| {
            Problem::invalid_field("csv", format!("this cannot be read: {}", bounded(&error.to_string())))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let is_code = |cell: &str| cell.eq_ignore_ascii_case("code");
        let place = match column {
            Some(place) => place,
            None => {
                let head = record.iter().position(is_code);
                column = Some(head.unwrap_or(0));
                if head.is_some() {
                    continue;
                }
                0
            }
        };
        let cell = record.get(place).unwrap_or_default();
        if cell.is_empty() && record.len() <= 1 {
            continue;
        }
        let Some((code, sealed)) = maker.seal(cell.strip_prefix('\'').unwrap_or(cell)) else {
            wrong.add(line, "not a code: 10 letters and digits, without 0, 1, I, L, O and U");
            continue;
        };
        match seen.insert(sealed.lookup, line) {
            Some(before) => wrong.add(line, &format!("the same code as in line {before}")),
            None => codes.push(ReadCode { line, code, sealed }),
        }
    }
    wrong.refuse()?;
    if codes.is_empty() {
        return Err(Problem::invalid_field("csv", "there is no code in it"));
    }
    Ok(codes)
}

/// A code of a file.
pub(crate) struct ReadCode {
    /// Its line, from 1.
    pub(crate) line: u64,
    /// As it is printed.
    pub(crate) code: String,
    /// As it is kept.
    pub(crate) sealed: SealedCode,
}

/// Lines that cannot be taken, and why.
#[derive(Default)]
pub(crate) struct Wrong {
    count: usize,
    named: Vec<String>,
}

impl Wrong {
    pub(crate) fn add(&mut self, line: u64, why: &str) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(format!("line {line}: {why}"));
        }
    }

    /// A refusal, if there are any.
    pub(crate) fn refuse(self) -> Result<(), Problem> {
        if self.count == 0 {
            return Ok(());
        }
        let mut text = self.named.join("; ");
        if self.count > self.named.len() {
            text.push_str(&format!("; and {} more", self.count - self.named.len()));
        }
        Err(Problem::invalid_field("csv", text))
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+49 30", "'+49 30"),
            ("-x", "'-x"),
            ("-12.50", "-12.50"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell.to_owned()), written);
        }
    }
}
