use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, Response, header};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncWrite, Interest};
use tokio::net::{TcpStream, UnixStream};

/// The longest body that waits for the end of its connection, in bytes: with its head it mostly fits into one packet.
const SHORT_BYTES: u64 = 1024;

/// Whether what is written next is the last of its connection, as whoever answers tells whoever writes.
///
/// The end then leaves in the packet of the answer. Each captive phone's first look is a connection with one short answer; on
/// a radio a packet more costs more than what is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Last(Arc<AtomicBool>);

impl Last {
    /// Whether the answer to this request may wait for the end. Not while the request has a body: what is unread of it turns
    /// the end into a reset, and an answer that waits is lost. (Who sends the next request ahead takes that risk.)
    pub(super) fn may_follow(request: &Request<Body>) -> bool {
        request.body().is_end_stream()
    }

    /// This answer is sent next. `stays`: the connection goes on unless the answer says otherwise.
    pub(super) fn note(&self, response: &Response<Body>, stays: bool) {
        let says_close =
            || response.headers().get(header::CONNECTION) == Some(&HeaderValue::from_static("close"));
        let is_short = || response.body().size_hint().exact().is_some_and(|bytes| bytes <= SHORT_BYTES);
        if (!stays || says_close()) && is_short() {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_next(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream that may be told that no more will be written to it.
pub(super) trait WriteLast: AsyncWrite + Unpin {
    /// Writes what can wait for the end of the stream, where anything is gained by it.
    fn poll_write_last(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, slices)
    }
}

impl WriteLast for TcpStream {
    /// With `MSG_MORE` the kernel keeps a packet that is not full until the stream is closed, or for 200 ms (`tcp(7)`).
    fn poll_write_last(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        let send = || Ok(sendmsg(&*self, slices, &mut SendAncillaryBuffer::default(), flags)?);
        loop {
            ready!(self.poll_write_ready(context))?;
            match self.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl WriteLast for UnixStream {}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_last(body: Body, connection: Option<&'static str>, stays: bool) -> bool {
        let mut response = Response::new(body);
        if let Some(connection) = connection {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static(connection));
        }
        let last = Last::default();
        last.note(&response, stays);
        last.is_next()
    }

    #[test]
    fn a_short_answer_that_ends_its_connection_is_the_last() {
        assert!(is_last(Body::from("Sign in"), Some("close"), true) && is_last(Body::empty(), None, false));
        assert!(
            !is_last(Body::from("Sign in"), None, true) && !is_last(Body::from("x"), Some("upgrade"), true)
        );
        assert!(!is_last(Body::from("x".repeat(1_025)), Some("close"), true), "too long to wait");
        let events = Body::from_stream(futures_util::stream::empty::<io::Result<axum::body::Bytes>>());
        assert!(!is_last(events, Some("close"), false), "what comes bit by bit does not wait");
    }

    #[test]
    fn none_is_the_last_while_a_request_may_not_be_read_whole() {
        assert!(Last::may_follow(&Request::new(Body::empty())));
        assert!(!Last::may_follow(&Request::new(Body::from("a=b"))));
    }
}
