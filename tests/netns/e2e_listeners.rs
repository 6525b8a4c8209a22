//! Listeners of the real daemon: a phone that leaves and comes back, a daemon that dies.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::lab::{Daemon, LAN4, LAN6, Lab, eventually};

/// Longer than anything takes here that is not broken.
const PATIENCE: Duration = Duration::from_secs(15);

/// One who listens on the control socket.
struct Ear {
    lines: BufReader<UnixStream>,
}

/// An event: its id, its type, its data.
type Heard = (i64, String, Value);

impl Ear {
    fn open(daemon: &Daemon<'_>, query: &str, last: Option<i64>) -> Self {
        let mut stream = UnixStream::connect(daemon.socket()).expect("the socket answers");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        let last = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
        // Of HTTP/1.0, so that the answer comes without chunks.
        let request = format!("GET /api/v1/events{query} HTTP/1.0\r\nHost: localhost\r\n{last}\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut ear = Self { lines: BufReader::new(stream) };
        assert!(ear.line().expect("an answer").contains(" 200 "));
        while !ear.line().expect("a head").is_empty() {}
        ear
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).expect("something to hear");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event; `None` when the connection has ended.
    fn next(&mut self) -> Option<Heard> {
        let (mut id, mut kind, mut data) = (0, String::new(), Value::Null);
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", text)) => id = text.parse().expect("a number"),
                Some(("event", text)) => kind = text.to_owned(),
                Some(("data", text)) => data = serde_json::from_str(text).expect("JSON"),
                _ if line.is_empty() && !kind.is_empty() => return Some((id, kind, data)),
                _ => {}
            }
        }
    }

    fn hear(&mut self) -> Heard {
        self.next().expect("the stream goes on")
    }

    fn until_ready(&mut self) -> (Vec<Heard>, i64) {
        let mut heard = Vec::new();
        loop {
            let next = self.hear();
            if next.1 == "ready" {
                return (heard, next.0);
            }
            heard.push(next);
        }
    }
}

#[test]
fn a_phone_that_leaves_is_disconnected_and_reconnected_when_it_is_back() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let session = daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600}));
    let mut ear = Ear::open(&daemon, "?properties=$State", None);
    let (there, _) = ear.until_ready();
    assert_eq!((there.len(), there[0].2["session"].as_str()), (1, Some(session.as_str())));
    phone.ip("link set eth0 down\n");
    let (_, kind, data) = ear.hear();
    assert_eq!((kind.as_str(), data["reason"].as_str()), ("disconnected", Some("away")), "{data}");
    assert_eq!(data["properties"]["$State"], "running", "not yet paused");
    phone.ip("link set eth0 up\n");
    phone.ip(&format!(
        "address replace {}/64 dev eth0 nodad\nroute replace default via {LAN4}\nroute replace default via {LAN6}\n",
        phone.v6
    ));
    assert!(eventually(PATIENCE, || phone.ping(LAN4)));
    let (_, kind, data) = ear.hear();
    assert_eq!((kind.as_str(), &data["reason"]), ("reconnected", &Value::Null), "{data}");
    assert_eq!(daemon.state(&session), "running");
}

#[test]
fn a_daemon_that_was_killed_tells_what_was_missed() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    let phone = &lab.phones[0];
    let session = daemon.let_through(phone, &json!({"kind": "time", "time_secs": 600}));
    let place = format!("/api/v1/sessions/{session}/properties");
    let mut ear = Ear::open(&daemon, "?properties=desk", None);
    let (_, last) = ear.until_ready();
    daemon.patch(&place, &json!({"desk": "0"}));
    let (heard, _, _) = ear.hear();
    assert!(heard > last);
    let mut last = heard;
    for round in 0..3 {
        // Some that nobody hears, then the end; the open connection ends with it.
        let mut deaf = Ear::open(&daemon, "?properties=", Some(last));
        drop(ear);
        for desk in 1..=3 {
            daemon.patch(&place, &json!({"desk": format!("{round}-{desk}")}));
        }
        daemon.kill();
        while deaf.next().is_some() {}
        daemon.restart();
        ear = Ear::open(&daemon, "?properties=desk", Some(last));
        let (missed, ready) = ear.until_ready();
        let desks: Vec<&str> = missed
            .iter()
            .filter(|(_, kind, data)| kind == "update" && !data["previous"]["desk"].is_null())
            .filter_map(|(_, _, data)| data["properties"]["desk"].as_str())
            .collect();
        assert_eq!(desks, [1, 2, 3].map(|desk| format!("{round}-{desk}")), "{missed:?}");
        assert!(missed.iter().all(|(id, kind, _)| *id > last && kind != "open" && kind != "resync"));
        daemon.patch(&place, &json!({"desk": "live"}));
        let (id, kind, data) = ear.hear();
        // Its addresses may have changed, too: that has a number and is not heard.
        assert!(id > ready);
        assert_eq!((kind.as_str(), data["properties"]["desk"].as_str()), ("update", Some("live")));
        last = id;
    }
}

#[test]
fn the_command_follows_and_says_where_a_filter_is_wrong() {
    let lab = Lab::with_phones(1);
    let mut daemon = Daemon::start(&lab);
    let wrong = daemon.cli(&["events", "--filter", "desk is \"1\" und all"]);
    assert!(!wrong.ok() && wrong.stdout.is_empty(), "{wrong:?}");
    let lines: Vec<&str> = wrong.stderr.lines().collect();
    assert_eq!(lines.get(1..), Some(&["desk is \"1\" und all", "            ^"][..]), "{wrong:?}");
    let session = daemon.let_through(&lab.phones[0], &json!({"kind": "time", "time_secs": 600}));
    let place = format!("/api/v1/sessions/{session}/properties");
    let socket = daemon.socket().display().to_string();
    let events = [env!("CARGO_BIN_EXE_turnpike"), "events", "--socket", &socket, "--properties", "desk"];
    let follow = |name: &str, more: &[&str]| {
        let argv: Vec<&str> = events.iter().chain(more).copied().collect();
        lab.router.spawn(&argv, &lab.dir.path().join(name))
    };
    let (mut lines, mut json) = (follow("lines", &[]), follow("json", &["--json", "--last-event-id", "0"]));
    assert!(
        eventually(PATIENCE, || lines.log().contains(&format!("open          {session}"))),
        "{}",
        lines.log()
    );
    assert!(eventually(PATIENCE, || json.log().contains("\"type\":\"open\"")), "{}", json.log());
    daemon.patch(&place, &json!({"desk": "1"}));
    assert!(eventually(PATIENCE, || lines.log().contains("desk: - → 1")), "{}", lines.log());
    daemon.kill();
    assert!(eventually(PATIENCE, || lines.log().contains("waiting until it is back")), "{}", lines.log());
    daemon.restart();
    daemon.patch(&place, &json!({"desk": "2"}));
    assert!(eventually(PATIENCE, || lines.log().contains("desk: 1 → 2")), "{}", lines.log());
    assert_eq!(lines.log().matches("open  ").count(), 1, "it resumes: {}", lines.log());
    assert!(eventually(PATIENCE, || json.log().contains("\"previous\":{\"desk\":\"1\"}")), "{}", json.log());
    let ids: Vec<i64> = json
        .log()
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["id"].as_i64())
        .collect();
    assert!(ids.len() >= 3 && ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    assert!(lines.runs() && json.runs());
}
