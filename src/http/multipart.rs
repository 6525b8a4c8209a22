/// One field of a form that was sent as `multipart/form-data` (RFC 7578).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'b> {
    /// Its name.
    pub name: &'b str,
    /// Whether it is a file.
    pub is_file: bool,
    /// What was sent.
    pub bytes: &'b [u8],
}

/// That a body is no form of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the form could not be read")]
pub struct MultipartError;

/// The longest head of a part, in bytes; browsers send some hundred.
const MAX_HEAD: usize = 2_048;
/// The longest boundary (RFC 2046, 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// Takes a form apart that is in memory already. At most so many parts.
pub fn parse_multipart<'b>(
    content_type: &str,
    body: &'b [u8],
    most_parts: usize,
) -> Result<Vec<Part<'b>>, MultipartError> {
    let delimiter = format!("--{}", boundary(content_type).ok_or(MultipartError)?);
    let between = format!("\r\n{delimiter}");
    let mut rest = body.strip_prefix(delimiter.as_bytes()).ok_or(MultipartError)?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        if parts.len() == most_parts {
            return Err(MultipartError);
        }
        rest = rest.strip_prefix(b"\r\n").ok_or(MultipartError)?;
        let (head, content) = split(rest, b"\r\n\r\n").ok_or(MultipartError)?;
        if head.len() > MAX_HEAD {
            return Err(MultipartError);
        }
        let (bytes, after) = split(content, between.as_bytes()).ok_or(MultipartError)?;
        let (name, is_file) = disposition(head).ok_or(MultipartError)?;
        parts.push(Part { name, is_file, bytes });
        rest = after;
    }
    Ok(parts)
}

/// The boundary of a `Content-Type`.
fn boundary(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';');
    if !parameters.next()?.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (1..=MAX_BOUNDARY).contains(&value.len()).then_some(value).filter(|value| value.is_ascii())
}

/// The name of a part, and whether it is a file. Browsers write a quotation mark within a name as `%22`.
fn disposition(head: &[u8]) -> Option<(&str, bool)> {
    let head = std::str::from_utf8(head).ok()?;
    let line = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value.trim())
    })?;
    let rest = line.strip_prefix("form-data")?;
    let (_, named) = rest.split_once("; name=\"")?;
    let (name, after) = named.split_once('"')?;
    Some((name, after.starts_with("; filename")))
}

fn split<'b>(bytes: &'b [u8], at: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((bytes.get(..place)?, bytes.get(place + at.len()..)?))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_form_is_taken_apart_as_browsers_send_it() {
        let body = form(&[
            ("name=\"name\"", "Café\r\nLuna".as_bytes()),
            (
                "name=\"logo\"; filename=\"a;name=\u{e9}.png\"\r\nContent-Type: image/png",
                b"\x89PNG\r\n--\x00--\r\n",
            ),
            ("name=\"empty\"; filename=\"\"\r\nContent-Type: application/octet-stream", b""),
        ]);
        let parts = parse_multipart(KIND, &body, 3).unwrap();
        assert_eq!(parts[0], Part { name: "name", is_file: false, bytes: "Café\r\nLuna".as_bytes() });
        assert_eq!(parts[1], Part { name: "logo", is_file: true, bytes: b"\x89PNG\r\n--\x00--\r\n" });
        assert_eq!(parts[2], Part { name: "empty", is_file: true, bytes: b"" });
        assert_eq!(parse_multipart(KIND, &body, 2), Err(MultipartError), "more than wanted");
        let quoted = "Multipart/Form-Data; charset=utf-8; Boundary=\"----x42\"";
        assert_eq!(parse_multipart(quoted, &body, 3).unwrap().len(), 3);
        assert_eq!(parse_multipart(KIND, b"------x42--", 3), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_such_form_is_refused_wherever_it_is_cut() {
        let body = form(&[("name=\"a\"", b"1"), ("name=\"b\"; filename=\"c\"", b"2")]);
        let whole = body.len() - 2;
        for cut in 0..whole {
            assert_eq!(parse_multipart(KIND, &body[..cut], 9), Err(MultipartError), "{cut}");
        }
        for kind in
            ["", "multipart/form-data", "text/plain; boundary=----x42", "multipart/form-data; boundary="]
        {
            assert_eq!(parse_multipart(kind, &body, 9), Err(MultipartError), "{kind}");
        }
        for head in ["", "name=a", "filename=\"a\"", "name=\"a"] {
            assert_eq!(parse_multipart(KIND, &form(&[(head, b"1")]), 9), Err(MultipartError), "{head}");
        }
        assert_eq!(parse_multipart(KIND, &form(&[("name=\"a\"", &[0xff; 9])]), 9).unwrap().len(), 1);
        let long = format!("name=\"{}\"", "a".repeat(MAX_HEAD));
        assert_eq!(parse_multipart(KIND, &form(&[(&long, b"")]), 9), Err(MultipartError));
    }
}
