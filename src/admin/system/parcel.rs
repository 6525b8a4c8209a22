//! A file that a form sends (RFC 7578), written to disk as it comes in.

use std::io;
use std::path::Path;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header;
use http_body_util::BodyExt;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;

/// The most that stands before the file.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// The longest boundary (RFC 2046, 5.1.1).
const MAX_BOUNDARY_BYTES: usize = 70;
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);

/// Why a file was not taken in.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is too large.
    TooMuch,
    /// None was chosen.
    Empty,
    /// It broke off, or is no form of ours.
    Broken,
    /// It could not be written.
    Disk(io::Error),
}

/// Writes the only file of a form to a place where nothing is yet.
pub(super) async fn receive(request: Request, place: &Path, most: u64) -> Result<(), Unread> {
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary = boundary(kind).ok_or(Unread::Broken)?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place).await;
    let mut file = made.map_err(Unread::Disk)?;
    let (mut body, mut parts) = (request.into_body(), Parts::new(&boundary));
    let mut written = 0_u64;
    while !parts.is_over() {
        let frame = tokio::time::timeout(SILENCE, body.frame()).await.map_err(|_| Unread::Broken)?;
        let Some(frame) = frame else { return Err(Unread::Broken) };
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        let content = parts.take(&data)?;
        written = written.saturating_add(content.len() as u64);
        if written > most {
            return Err(Unread::TooMuch);
        }
        file.write_all(&content).await.map_err(Unread::Disk)?;
    }
    file.flush().await.map_err(Unread::Disk)?;
    if written == 0 { Err(Unread::Empty) } else { Ok(()) }
}

/// The boundary of `multipart/form-data; boundary=…`.
fn boundary(kind: &str) -> Option<String> {
    let (media, parameters) = kind.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let value = value.trim_matches('"');
    (1..=MAX_BOUNDARY_BYTES).contains(&value.len()).then(|| value.to_owned())
}

/// What was read and not given out yet: the head of the part, or what may be the beginning of its end.
struct Parts {
    /// Before the part's head …
    start: Vec<u8>,
    /// … and after its content.
    end: Vec<u8>,
    held: Vec<u8>,
    state: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Head,
    Content,
    Over,
}

impl Parts {
    fn new(boundary: &str) -> Self {
        let start = format!("--{boundary}\r\n").into_bytes();
        let end = format!("\r\n--{boundary}").into_bytes();
        Self { start, end, held: Vec::new(), state: Reading::Head }
    }

    fn is_over(&self) -> bool {
        self.state == Reading::Over
    }

    /// Takes what came; what of it belongs to the file.
    fn take(&mut self, data: &[u8]) -> Result<Vec<u8>, Unread> {
        self.held.extend_from_slice(data);
        if self.state == Reading::Head {
            let shared = self.held.len().min(self.start.len());
            if self.held.get(..shared) != self.start.get(..shared) {
                return Err(Unread::Broken);
            }
            let Some(at) = find(&self.held, b"\r\n\r\n") else {
                return if self.held.len() > MAX_HEAD_BYTES { Err(Unread::Broken) } else { Ok(Vec::new()) };
            };
            // What is empty ends right where its head does: the line's end belongs to both.
            self.held.drain(..at + 2);
            self.state = Reading::Content;
            if self.held.len() >= self.end.len() && self.held.starts_with(&self.end) {
                self.state = Reading::Over;
                return Ok(Vec::new());
            }
            self.held.drain(..2);
        }
        if let Some(at) = find(&self.held, &self.end) {
            self.state = Reading::Over;
            self.held.truncate(at);
            return Ok(std::mem::take(&mut self.held));
        }
        let sure = self.held.len().saturating_sub(self.end.len());
        Ok(self.held.drain(..sure).collect())
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], piece: usize) -> Option<Vec<u8>> {
        let mut parts = Parts::new("XyZ");
        let mut file = Vec::new();
        for data in body.chunks(piece) {
            file.extend(parts.take(data).ok()?);
            if parts.is_over() {
                return Some(file);
            }
        }
        None
    }

    #[test]
    fn a_file_is_read_whatever_pieces_it_comes_in() {
        let content = b"SQLite\r\n--Xy\r\n\r\n--XyY\0\xff\r\n".to_vec();
        let head = b"--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\r\n\"\r\nContent-Type: x\r\n\r\n";
        let body = [head.as_slice(), &content, b"\r\n--XyZ--\r\n"].concat();
        for piece in [1, 2, 3, 7, 64, 1_000] {
            assert_eq!(read(&body, piece).as_deref(), Some(content.as_slice()), "{piece}");
        }
        let empty = [head.as_slice(), b"\r\n--XyZ--\r\n"].concat();
        assert_eq!(read(&empty, 1_000), Some(Vec::new()));
        for broken in
            [b"nonsense".as_slice(), b"--XyA\r\n\r\nfile\r\n--XyA--", &body[..body.len() - 8], &[b'-'; 9_000]]
        {
            assert_eq!(read(broken, 100), None);
        }
    }

    #[test]
    fn a_boundary_is_read() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("Multipart/Form-Data; charset=x; Boundary=\"a b\"").as_deref(), Some("a b"));
        for wrong in ["multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=a"] {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
    }
}
