use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use super::write_limit::WriteLimit;

/// How a TLS record of a handshake begins (RFC 8446, 5.1). No method of HTTP does.
const HANDSHAKE: u8 = 0x16;

/// A connection, as its peer began it.
pub(super) enum Opened {
    /// With a handshake, which is done.
    Tls(Box<TlsStream<WriteLimit<TcpStream>>>),
    /// Without one, where that is allowed.
    Plain(WriteLimit<TcpStream>),
}

/// Does the handshake. Where `plain_too`, the first byte says whether there is to be one.
pub(super) async fn open(
    stream: TcpStream,
    tls: Arc<ServerConfig>,
    plain_too: bool,
    write: Duration,
) -> io::Result<Opened> {
    if plain_too {
        let mut first = [0];
        // Nothing at all is an end, which the plain side knows how to take.
        stream.peek(&mut first).await?;
        if first != [HANDSHAKE] {
            return Ok(Opened::Plain(WriteLimit::new(stream, write)));
        }
    }
    let opened = TlsAcceptor::from(tls).accept(WriteLimit::new(stream, write)).await?;
    Ok(Opened::Tls(Box::new(opened)))
}
