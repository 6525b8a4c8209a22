use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::StatusCode;
use futures_util::{Stream, StreamExt, stream};

/// The most that is read and not given out: the heads of all parts, and what may be the beginning of an end.
const MAX_HELD_BYTES: usize = 64 * 1024;
/// What is taken of a body at once.
const PIECE_BYTES: usize = 16 * 1024;
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);

/// A form that comes in as `multipart/form-data` (RFC 7578), within bounds, a part after the other.
#[derive(Debug)]
pub struct MultipartForm {
    form: Multipart,
    held: Arc<AtomicUsize>,
    parts_left: usize,
}

/// A part whose content comes in; it is to be read and dropped before the next one is asked for.
#[derive(Debug)]
pub struct Incoming<'f> {
    /// The name of its field.
    pub name: String,
    /// Whether it is a file.
    pub is_file: bool,
    field: Field<'f>,
    held: &'f AtomicUsize,
}

/// A part in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The name of its field.
    pub name: String,
    /// Whether it is a file.
    pub is_file: bool,
    /// What was sent.
    pub bytes: Vec<u8>,
}

/// Why a form is not read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// It, or one of its parts, is larger than it may be.
    #[error("the form is too large")]
    TooLarge,
    /// It has more parts than it may have.
    #[error("the form has too many parts")]
    TooMany,
    /// It broke off, or is no form of this kind.
    #[error("the form could not be read")]
    Broken,
}

impl MultipartForm {
    /// Of a request; all of it has at most so many bytes and parts.
    pub async fn open(
        request: Request,
        most_bytes: usize,
        most_parts: usize,
    ) -> Result<Self, MultipartError> {
        let held = Arc::new(AtomicUsize::new(0));
        let mut request = request.map(|body| Body::from_stream(in_pieces(body, Arc::clone(&held))));
        DefaultBodyLimit::max(most_bytes).apply(&mut request);
        let form = Multipart::from_request(request, &()).await.map_err(|_| MultipartError::Broken)?;
        Ok(Self { form, held, parts_left: most_parts })
    }

    /// The next part, unless that was the last one.
    pub async fn next(&mut self) -> Result<Option<Incoming<'_>>, MultipartError> {
        let Some(field) = in_time(SILENCE, self.form.next_field()).await? else { return Ok(None) };
        self.parts_left = self.parts_left.checked_sub(1).ok_or(MultipartError::TooMany)?;
        let name = field.name().ok_or(MultipartError::Broken)?.to_owned();
        // Only files have a type; the name of one may be in another encoding, and then is none.
        let is_file = field.file_name().is_some() || field.content_type().is_some();
        Ok(Some(Incoming { name, is_file, field, held: &self.held }))
    }

    /// All parts, each of at most so many bytes.
    pub async fn parts(mut self, most_bytes: usize) -> Result<Vec<Part>, MultipartError> {
        let mut parts = Vec::new();
        while let Some(mut incoming) = self.next().await? {
            let mut bytes = Vec::new();
            while let Some(piece) = incoming.piece().await? {
                if bytes.len() + piece.len() > most_bytes {
                    return Err(MultipartError::TooLarge);
                }
                bytes.extend_from_slice(&piece);
            }
            parts.push(Part { name: incoming.name, is_file: incoming.is_file, bytes });
        }
        Ok(parts)
    }
}

impl Incoming<'_> {
    /// What comes next of its content, unless that was all.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, MultipartError> {
        let piece = in_time(SILENCE, self.field.chunk()).await?;
        self.held.fetch_sub(piece.as_ref().map_or(0, Bytes::len), Ordering::Relaxed);
        Ok(piece)
    }
}

async fn in_time<T>(
    silence: Duration,
    reading: impl Future<Output = Result<T, axum::extract::multipart::MultipartError>>,
) -> Result<T, MultipartError> {
    let read = tokio::time::timeout(silence, reading).await.map_err(|_| MultipartError::Broken)?;
    read.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => MultipartError::TooLarge,
        _ => MultipartError::Broken,
    })
}

/// A body piece by piece. The parser takes all that is there at once, and goes on with a head for ever: so there is a pause
/// behind each piece, and none any more when too much was taken that came to nothing.
fn in_pieces(body: Body, held: Arc<AtomicUsize>) -> impl Stream<Item = Result<Bytes, axum::Error>> {
    let mut frames = body.into_data_stream();
    let (mut rest, mut pauses) = (Bytes::new(), false);
    stream::poll_fn(move |cx| {
        if std::mem::take(&mut pauses) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while rest.is_empty() {
            match ready!(frames.poll_next_unpin(cx)) {
                Some(Ok(frame)) => rest = frame,
                end => return Poll::Ready(end),
            }
        }
        pauses = true;
        let piece = rest.split_to(rest.len().min(PIECE_BYTES));
        let before = held.fetch_add(piece.len(), Ordering::Relaxed);
        if before > MAX_HELD_BYTES {
            return Poll::Ready(Some(Err(axum::Error::new(MultipartError::Broken))));
        }
        Poll::Ready(Some(Ok(piece)))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----x42";

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, bytes) in parts {
            body.extend(format!("------x42\r\nContent-Disposition: form-data; {head}\r\n\r\n").bytes());
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"------x42--\r\n");
        body
    }

    fn part(name: &str, is_file: bool, bytes: &[u8]) -> Part {
        Part { name: name.to_owned(), is_file, bytes: bytes.to_vec() }
    }

    async fn open(kind: &str, body: Body, most_parts: usize) -> Result<MultipartForm, MultipartError> {
        let request = Request::post("/").header(header::CONTENT_TYPE, kind).body(body).unwrap();
        MultipartForm::open(request, 1_000_000, most_parts).await
    }

    async fn read(kind: &str, body: &[u8], most_parts: usize) -> Result<Vec<Part>, MultipartError> {
        open(kind, Body::from(body.to_vec()), most_parts).await?.parts(500_000).await
    }

    fn frames(body: &[u8], length: usize) -> Body {
        let frames: Vec<_> = body.chunks(length).map(Bytes::copy_from_slice).collect();
        Body::from_stream(stream::iter(frames.into_iter().map(Ok::<_, MultipartError>)))
    }

    #[tokio::test]
    async fn a_form_is_read_as_browsers_send_it_whatever_pieces_it_comes_in() {
        let body = form(&[
            ("name=\"name\"", "Café\r\nLuna".as_bytes()),
            (
                "name=\"logo\"; filename=\"a;name=\u{e9}.png\"\r\nContent-Type: image/png",
                b"\x89PNG\r\n------x4\r\n--\x00--\r\n",
            ),
            ("name=\"empty\"; filename=\"\"\r\nContent-Type: application/octet-stream", b""),
        ]);
        let expected = [
            part("name", false, "Café\r\nLuna".as_bytes()),
            part("logo", true, b"\x89PNG\r\n------x4\r\n--\x00--\r\n"),
            part("empty", true, b""),
        ];
        for length in [1, 2, 3, 7, 64, 1_000] {
            let parts = open(KIND, frames(&body, length), 3).await.unwrap().parts(500).await.unwrap();
            assert_eq!(parts, expected, "{length}");
        }
        assert_eq!(read(KIND, &body, 2).await, Err(MultipartError::TooMany));
        let quoted = "Multipart/Form-Data; charset=utf-8; Boundary=\"----x42\"";
        assert_eq!(read(quoted, &body, 3).await.unwrap(), expected);
        assert_eq!(read(KIND, b"------x42--", 3).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn what_is_no_such_form_is_refused_wherever_it_is_cut() {
        let body = form(&[("name=\"a\"", b"1"), ("name=\"b\"; filename=\"c\"", b"2")]);
        for cut in 0..body.len() - 2 {
            assert_eq!(read(KIND, &body[..cut], 9).await, Err(MultipartError::Broken), "{cut}");
        }
        for kind in [
            "",
            "multipart/form-data",
            "text/plain; boundary=----x42",
            "multipart/form-data; boundary=----x43",
        ] {
            assert_eq!(read(kind, &body, 9).await, Err(MultipartError::Broken), "{kind}");
        }
        for head in ["", "filename=\"a\"", "name=\"a\r\n\u{0}"] {
            assert_eq!(read(KIND, &form(&[(head, b"1")]), 9).await, Err(MultipartError::Broken), "{head}");
        }
        assert_eq!(read(KIND, &form(&[("name=\"a\"", &[0xff; 9])]), 9).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_too_much_is_not_read_to_its_end() {
        let large = form(&[("name=\"a\"", &[b'x'; 500_001])]);
        assert_eq!(read(KIND, &large, 9).await, Err(MultipartError::TooLarge));
        let some = [b'x'; 400_000];
        let larger = form(&[("name=\"a\"", some.as_slice()); 3]);
        assert_eq!(read(KIND, &larger, 9).await, Err(MultipartError::TooLarge));
        let long = format!("name=\"{}\"", "a".repeat(MAX_HELD_BYTES * 2));
        let wide = format!("name=\"{}\"", "a".repeat(20_000));
        let heads = form(&[(wide.as_str(), b"".as_slice()); 9]);
        let before = [vec![b'\n'; MAX_HELD_BYTES * 2], form(&[])].concat();
        for body in [form(&[(&long, b"1")]), heads, before] {
            assert_eq!(read(KIND, &body, 9).await, Err(MultipartError::Broken));
        }
    }

    #[tokio::test]
    async fn a_large_file_is_never_in_memory_as_a_whole() {
        // As it would be if all of it were there at once.
        let body = form(&[("name=\"f\"; filename=\"f\"", &[b'x'; 900_000])]);
        let mut form = open(KIND, Body::from(body), 1).await.unwrap();
        let (mut length, mut largest) = (0, 0);
        if let Some(mut file) = form.next().await.unwrap() {
            while let Some(piece) = file.piece().await.unwrap() {
                (length, largest) = (length + piece.len(), largest.max(piece.len()));
            }
        }
        assert_eq!(length, 900_000);
        assert!(largest <= MAX_HELD_BYTES, "{largest}");
        assert!(form.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_form_that_never_goes_on_is_given_up() {
        let body = form(&[("name=\"a\"", b"1")]);
        let begun = stream::iter([Ok::<_, MultipartError>(Bytes::copy_from_slice(&body[..30]))]);
        let mut form = open(KIND, Body::from_stream(begun.chain(stream::pending())), 9).await.unwrap();
        let read = in_time(Duration::from_millis(20), form.form.next_field()).await;
        assert_eq!(read.map(|_| ()), Err(MultipartError::Broken));
    }
}
