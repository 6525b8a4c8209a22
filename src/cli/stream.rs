//! Server-Sent Events over the control socket.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::time::timeout;

use super::args::Connection;
use super::client::{open, read_refusal};
use super::output::Failure;
use super::request::Request;

/// turnpike says something every fifteen seconds; after so long without a word it is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest event.
const MAX_BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// Why there is nothing more to follow.
pub(super) enum Broke {
    /// It cannot be reached, or the connection ended; it may come back.
    Gone(Failure),
    /// It will not.
    Refused(Failure),
}

/// One event, or a sign of life that carries an id.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) id: Option<i64>,
    pub(super) kind: String,
    pub(super) data: String,
}

/// Hands each event to `each`, until that says `false`; an error of its own ends it as well.
pub(super) async fn follow(
    connection: &Connection,
    path: &str,
    mut each: impl FnMut(Block) -> Result<bool, Failure>,
) -> Result<(), Broke> {
    let gone = |text: &str| Broke::Gone(Failure(text.to_owned()));
    let request = Request::get(path.to_owned(), |_| String::new());
    let opened = timeout(SILENCE, open(connection, request)).await;
    let opened = opened.map_err(|_| gone("turnpike did not answer in time"))?.map_err(Broke::Gone)?;
    let status = opened.response.status();
    if !status.is_success() {
        let failure = read_refusal(opened).await;
        // It stops, or all places are taken: that passes.
        return Err(if status.as_u16() == 503 { Broke::Gone(failure) } else { Broke::Refused(failure) });
    }
    let (mut body, mut unread) = (opened.response.into_body(), Vec::new());
    loop {
        let frame = timeout(SILENCE, body.frame()).await.map_err(|_| gone("turnpike fell silent"))?;
        let Some(Ok(frame)) = frame else { return Err(gone("turnpike closed the connection")) };
        unread.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
        while let Some(end) = unread.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = unread.drain(..end + 2).collect();
            let block = parse(&String::from_utf8_lossy(&block));
            if !each(block).map_err(Broke::Refused)? {
                return Ok(());
            }
        }
        if unread.len() > MAX_BLOCK_BYTES {
            return Err(gone("turnpike sent something that is no event"));
        }
    }
}

/// Reads a block as the HTML standard says, as far as turnpike writes it: each field once, line feeds only.
fn parse(text: &str) -> Block {
    let mut block = Block::default();
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => block.id = value.parse().ok(),
            "event" => block.kind = value.to_owned(),
            "data" => block.data = value.to_owned(),
            // Comments have no name.
            _ => {}
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read() {
        let block = Block { id: Some(7), kind: "update".to_owned(), data: "{\"a\": \"b:c\"}".to_owned() };
        assert_eq!(parse("id: 7\nevent: update\ndata: {\"a\": \"b:c\"}\n\n"), block);
        assert_eq!(parse(": alive\nid:9\n\n"), Block { id: Some(9), ..Block::default() });
    }
}
