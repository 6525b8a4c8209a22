use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::{Known, reason};
use crate::doctor::Place;

/// The daemon answers at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than its longest status.
const MAX_BYTES: usize = 1 << 20;
const STATUS: &str = "/api/v1/status";
/// Its name in `/proc/PID/comm`.
const NAME: &str = "turnpike";

/// Whether the daemon runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Daemon {
    /// It answers.
    Runs {
        /// Its process, if the kernel says it.
        process: Option<u32>,
        /// Its user.
        user: u32,
        /// Since when, RFC 3339; `None` if it does not tell us.
        since: Option<String>,
        /// What it warns of.
        warnings: Vec<String>,
    },
    /// It is there and does not answer, and why.
    Silent(String),
    /// It does not run.
    Stopped,
}

/// Asks the daemon over its control socket; `database` is the one that it would hold.
pub async fn ask_daemon(place: &Place, socket: &Path, database: Option<&Path>) -> Known<Daemon> {
    let path = place.path(socket);
    match tokio::time::timeout(PATIENCE, UnixStream::connect(&path)).await {
        Ok(Ok(stream)) => {
            let peer = stream.peer_cred().map_err(reason)?;
            let process = peer.pid().and_then(|id| u32::try_from(id).ok()).filter(|id| *id != 0);
            let asked = tokio::time::timeout(PATIENCE, status(stream)).await;
            Ok(match asked.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs())).flatten() {
                Ok(status) => Daemon::Runs {
                    process,
                    user: peer.uid(),
                    since: status.get("started_at").and_then(Value::as_str).map(str::to_owned),
                    warnings: texts(status.get("warnings")),
                },
                Err(why) => Daemon::Silent(format!("{}: {why}", socket.display())),
            })
        }
        Ok(Err(error)) if is_closed(&error) => Ok(match database.and_then(|path| owner(place, path)) {
            Some(id) => Daemon::Silent(format!(
                "process {id} has the database, and nobody listens on {}",
                socket.display()
            )),
            None => Daemon::Stopped,
        }),
        Ok(Err(error)) => Err(format!("{}: {error}", socket.display())),
        Err(_) => Ok(Daemon::Silent(format!("{}: its queue is full", socket.display()))),
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory)
}

/// The process that says in the lock file that it has the database, if it still lives.
fn owner(place: &Place, database: &Path) -> Option<u32> {
    let mut lock = database.as_os_str().to_owned();
    lock.push(".lock");
    let id = place.read(Path::new(&lock)).ok()?.trim().parse().ok()?;
    let name = place.read(format!("/proc/{id}/comm")).ok()?;
    (name.trim() == NAME).then_some(id)
}

/// What the daemon says of itself; nothing if we may not know it.
async fn status(stream: UnixStream) -> Result<Value, String> {
    let handshake = hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await;
    let (mut sender, exchange) = handshake.map_err(reason)?;
    let mut connections = tokio::task::JoinSet::new();
    connections.spawn(exchange);
    let request = hyper::Request::get(STATUS).header(HOST, NAME).body(Empty::new()).map_err(reason)?;
    let answer = sender.send_request(request).await.map_err(reason)?;
    let status = answer.status();
    if status.is_client_error() {
        return Ok(Value::Null);
    }
    let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await.map_err(reason)?.to_bytes();
    if !status.is_success() {
        return Err(format!("it answers {status}"));
    }
    serde_json::from_slice(&body).map_err(|error| format!("its answer cannot be read: {error}"))
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;
    use crate::doctor::place::with_files;

    #[tokio::test]
    async fn a_daemon_that_is_gone_one_that_is_mute_and_one_that_answers_are_told_apart() {
        let (dir, place) =
            with_files(&[("/db.lock", "77\n"), ("/proc/77/comm", "turnpike\n"), ("/other.lock", "78\n")]);
        let ask = |database: &'static str| {
            ask_daemon(&place, Path::new("/control.sock"), Some(Path::new(database)))
        };
        assert_eq!(ask("/other").await, Ok(Daemon::Stopped));
        assert!(matches!(ask("/db").await, Ok(Daemon::Silent(why)) if why.contains("process 77")));
        let listener = UnixListener::bind(dir.path().join("control.sock")).unwrap();
        let answers = [
            "HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n{\"started_at\": \"2026-11-20T10:00:00Z\", \"warnings\": [\"a\", 1]}",
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
            "nonsense\r\n\r\n",
        ];
        let served = tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let read = stream.read(&mut [0; 4096]).await.unwrap();
                assert!(read > 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let Ok(Daemon::Runs { process, since, warnings, .. }) = ask("/db").await else { panic!("runs") };
        assert_eq!(process, Some(std::process::id()));
        assert_eq!((since.as_deref(), warnings), (Some("2026-11-20T10:00:00Z"), vec!["a".to_owned()]));
        assert!(matches!(ask("/db").await, Ok(Daemon::Runs { since: None, .. })));
        assert!(matches!(ask("/db").await, Ok(Daemon::Silent(why)) if why.contains("500")));
        assert!(matches!(ask("/db").await, Ok(Daemon::Silent(_))));
        served.await.unwrap();
    }
}
