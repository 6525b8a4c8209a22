use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::ns::Ns;

const CONNECT: Duration = Duration::from_secs(5);
/// A browser's first page takes long where there is much else to do.
const ANSWER: Duration = Duration::from_secs(60);

/// One request on a connection of its own.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, without its transfer coding.
    pub body: String,
}

impl HttpRequest {
    /// `GET path`.
    pub fn get(path: &str) -> Self {
        Self { method: "GET".to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// Any method with a body.
    pub fn new(method: &str, path: &str, content_type: &str, body: &[u8]) -> Self {
        let mut request = Self::get(path).header("Content-Type", content_type);
        request.method = method.to_owned();
        request.body = body.to_vec();
        request
    }

    /// `POST path` with a form as a browser sends it.
    pub fn form(path: &str, form: &str) -> Self {
        Self::new("POST", path, "application/x-www-form-urlencoded", form.as_bytes())
    }

    /// Any method with a JSON body.
    pub fn json(method: &str, path: &str, body: &str) -> Self {
        Self::new(method, path, "application/json", body.as_bytes())
    }

    /// One more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer …`.
    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sends it from a namespace; an error is the connection's.
    pub fn send(&self, ns: &Ns, address: impl Into<SocketAddr>) -> std::io::Result<HttpAnswer> {
        let address = address.into();
        ns.enter(|| self.send_here(address))
    }

    /// Sends it from where the thread is.
    pub fn send_here(&self, address: SocketAddr) -> std::io::Result<HttpAnswer> {
        let stream = TcpStream::connect_timeout(&address, CONNECT)?;
        stream.set_read_timeout(Some(ANSWER))?;
        self.exchange(stream, &address.to_string())
    }

    /// Sends it over TLS from a namespace to the host of that name, which a certificate of `authorities` (PEM) vouches for.
    pub fn send_tls(
        &self,
        ns: &Ns,
        address: impl Into<SocketAddr>,
        name: &str,
        authorities: &str,
    ) -> std::io::Result<HttpAnswer> {
        let address = address.into();
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            roots.add(certificate.expect("a certificate")).expect("an authority");
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
        ns.enter(move || {
            let stream = TcpStream::connect_timeout(&address, CONNECT)?;
            stream.set_read_timeout(Some(ANSWER))?;
            self.exchange(StreamOwned::new(connection, stream), &address.to_string())
        })
    }

    /// Sends it to a Unix socket.
    pub fn send_unix(&self, path: &Path) -> std::io::Result<HttpAnswer> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(ANSWER))?;
        self.exchange(stream, "localhost")
    }

    fn exchange(&self, mut stream: impl Read + Write, host: &str) -> std::io::Result<HttpAnswer> {
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {host}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || self.method != "GET" {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        // A server may refuse a large body before it has read it all: its answer is what counts.
        stream.write_all(&self.body).ok();
        HttpAnswer::receive(stream)
    }
}

/// Sends a request as it is written, from a namespace.
pub fn send_raw(ns: &Ns, address: SocketAddr, raw: &str) -> std::io::Result<HttpAnswer> {
    ns.enter(|| {
        let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
        stream.set_read_timeout(Some(ANSWER))?;
        // What is too long is refused before all of it is written.
        stream.write_all(raw.as_bytes()).ok();
        HttpAnswer::receive(stream)
    })
}

impl HttpAnswer {
    fn receive(mut stream: impl Read) -> std::io::Result<Self> {
        let mut raw = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(size) => raw.extend_from_slice(&buffer[..size]),
                Err(_) if !raw.is_empty() => break,
                Err(error) => return Err(error),
            }
            // A server may keep the connection open all the same: the answer ends where it says.
            if is_whole(&raw) {
                break;
            }
        }
        Self::parse(&raw)
            .ok_or_else(|| std::io::Error::other(format!("no HTTP: {:?}", String::from_utf8_lossy(&raw))))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    fn parse(raw: &[u8]) -> Option<Self> {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(raw.get(..end)?).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let body = raw.get(end + 4..)?;
        let chunked = headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked")
        });
        let body = if chunked { unchunk(body)? } else { body.to_vec() };
        Some(Self { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// Whether as many bytes of a body are there as its head announces; one that announces nothing ends with the connection.
fn is_whole(raw: &[u8]) -> bool {
    let Some(end) = raw.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&raw[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    length.is_some_and(|length: usize| raw.len() - end - 4 >= length)
}

/// RFC 9112, section 7.1.
fn unchunk(mut raw: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Some(end) = raw.windows(2).position(|window| window == b"\r\n") else { return Some(body) };
        let size = usize::from_str_radix(std::str::from_utf8(raw.get(..end)?).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(raw.get(end + 2..end + 2 + size)?);
        raw = raw.get(end + 4 + size..)?;
    }
}
