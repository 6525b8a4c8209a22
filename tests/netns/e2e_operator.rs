//! An operator's day, with nothing but curl: find those who run low, tell them, speed them up, send the rest home.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::{
    Daemon, DaemonConfig, LAN4, Lab, NET4, TcpServer, Transfer, UdpBlaster, UdpEcho, eventually,
};

const SECOND: Duration = Duration::from_secs(1);
const ROLES: &str = "[roles.vip]\ndown_mbps = 10\nup_mbps = 10\n";

/// `curl` on the control socket, as root; the body of the answer, which has to be a success.
fn curl(daemon: &Daemon<'_>, lab: &Lab, more: &[&str], path: &str) -> Value {
    let socket = daemon.socket().display().to_string();
    let url = format!("http://turnpike/api/v1/{path}");
    let mut command = vec!["curl", "-sS", "--fail-with-body", "-m", "10", "--unix-socket", &socket];
    command.extend(more);
    command.push(&url);
    let output = lab.router.run(&command);
    assert!(output.ok(), "{command:?}: {output:?}\n{}", daemon.log());
    output.json()
}

fn post(daemon: &Daemon<'_>, lab: &Lab, path: &str, body: &Value) -> Value {
    curl(daemon, lab, &["-d", &body.to_string()], path)
}

#[test]
fn low_sessions_are_found_told_and_sped_up_and_the_rest_sent_home() {
    let lab = Lab::builder().phones(4).alone().build();
    let config = DaemonConfig { zone: ROLES.to_owned(), cellar: None, ..DaemonConfig::default() };
    let daemon = Daemon::start_with(&lab, &config);
    let terms = |mb: u32| json!({"kind": "data", "data_mb": mb, "down_mbps": 1, "up_mbps": 1});
    let sessions: Vec<String> = [9, 8, 100, 200]
        .into_iter()
        .zip(&lab.phones)
        .map(|(mb, phone)| daemon.let_through(phone, &terms(mb)))
        .collect();
    let server = TcpServer::open(&lab.internet, (NET4, 5001));
    let echo = UdpEcho::open(&lab.internet, (NET4, 7));

    // Who has less than 10 MB left?
    let low = "$Zone is \"guests\" and $DataLeft lt \"10\"";
    let list = |filter: &str| {
        curl(&daemon, &lab, &["-G", "--data-urlencode", &format!("filter={filter}")], "sessions?sort=data_mb")
    };
    let found = list(low);
    let ids: Vec<&str> =
        found["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [sessions[1].as_str(), &sessions[0]], "{found}");

    // They are told, on the page that is open.
    let page = lab.dir.path().join("page.log");
    let portal = format!("http://{}:2050/events", IpAddr::from(LAN4));
    let _open = lab.phones[0].spawn(&["curl", "-sN", "-m", "20", &portal], &page);
    let shown = |text: &str| std::fs::read_to_string(&page).unwrap_or_default().contains(text);
    assert!(eventually(5 * SECOND, || shown("event: status")), "no page");
    let message = json!({"filter": low, "text": "Less than 10 MB left: ask at the counter."});
    assert_eq!(post(&daemon, &lab, "sessions:message", &message), json!({"matched": 2}));
    assert!(eventually(SECOND, || shown("ask at the counter")), "the page does not say it");
    let messages = curl(&daemon, &lab, &[], &format!("messages?device={}", lab.phones[1].v4));
    assert_eq!(messages["total"], 1, "{messages}");

    // They are sped up, at once, in the middle of a download.
    let download = Transfer::download(&lab.phones[0], server.address());
    sleep(SECOND);
    let before = download.mbps_over(SECOND);
    let raise = json!({"filter": low, "add": ["vip"]});
    assert_eq!(post(&daemon, &lab, "sessions:roles", &raise), json!({"matched": 2}));
    let faster = eventually(6 * SECOND, || download.mbps_over(SECOND / 2) > 6.0);
    assert!(before < 1.2 && faster, "{before} Mbit/s before, then not 10");
    drop(download);

    // The rest is counted, then sent home.
    let staying = UdpBlaster::start(&lab.phones[1], (NET4, 7), 100, Duration::from_millis(10));
    let going = UdpBlaster::start(&lab.phones[2], (NET4, 7), 100, Duration::from_millis(10));
    assert!(eventually(2 * SECOND, || staying.answers() > 10 && going.answers() > 10));
    let rest = json!({"filter": "$Zone is 'guests' and not hasRoles ['vip']", "reason": "closing time"});
    let mut trial = rest.clone();
    trial["dry_run"] = json!(true);
    assert_eq!(post(&daemon, &lab, "sessions:close", &trial), json!({"matched": 2}));
    let answers = going.answers();
    assert!(eventually(SECOND, || going.answers() > answers + 10), "cut off by a dry run");
    assert_eq!(post(&daemon, &lab, "sessions:close", &rest), json!({"matched": 2}));
    let cut = Instant::now() + SECOND / 10;
    sleep(SECOND / 10);
    let (far, answers) = (echo.packets(), staying.answers());
    assert!(eventually(2 * SECOND, || staying.answers() > answers + 20), "who stays is cut off");
    assert!(going.last_answer().is_some_and(|sent| sent <= cut), "who was sent home goes on");
    assert!(echo.packets() > far);
    for (id, state) in sessions.iter().zip(["running", "running", "closed", "closed"]) {
        assert_eq!(daemon.state(id), state);
    }

    // All of it is in the log.
    let log = curl(&daemon, &lab, &[], "audit?action=sessions.");
    let actions: Vec<&str> =
        log["items"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["sessions.close", "sessions.roles", "sessions.message"]);
    assert!(log["items"].as_array().unwrap().iter().all(|line| line["actor"] == "root"), "{log}");
}

#[test]
fn a_filter_error_on_the_command_line_shows_a_caret() {
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    for arguments in [
        vec!["sessions", "--filter", "$Zone is"],
        vec!["devices", "--filter", "$Zone is"],
        vec!["session", "close", "--filter", "$Zone is", "--dry-run"],
    ] {
        let output = daemon.cli(&arguments);
        let (code, stderr) = (output.code, output.stderr.as_str());
        assert_eq!(code, 1, "{arguments:?}: {output:?}");
        let lines: Vec<&str> = stderr.lines().collect();
        assert!(lines[0].contains("at column 9"), "{stderr}");
        assert!(lines[1].ends_with("$Zone is") && lines[2].ends_with('^'), "{stderr}");
        assert_eq!(lines[2].chars().count(), lines[1].chars().count() + 1, "{stderr}");
    }
    let session = daemon.let_through(&lab.phones[0], &json!({"kind": "data", "data_mb": 5}));
    let matched = daemon.cli(&["session", "close", "--filter", "$DataLeft lt '10'", "--dry-run"]);
    assert_eq!((matched.code, matched.stdout.as_str()), (0, "1 matched\n"));
    assert!(daemon.cli(&["session", "properties", &session, "--set", "Floor=3"]).ok());
    let shown = daemon.cli_json(&["session", "properties", &session, "--keys", "Floor"]);
    assert_eq!(shown, json!({"Floor": "3"}));
    assert!(daemon.cli(&["session", "roles", &session, "--add", "vip"]).ok());
    assert!(daemon.cli(&["device", "message", &lab.phones[0].v4.to_string(), "Hello"]).ok());
    assert_eq!(daemon.cli_json(&["messages"])["total"], 1);
    assert!(daemon.cli_json(&["audit"])["total"].as_u64().unwrap() >= 3);
    assert_eq!(daemon.cli(&["session", "close"]).code, 2);
}
