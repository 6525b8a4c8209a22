//! The live daemon answers as its OpenAPI document says, also to requests that nobody would think of.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::lab::{Daemon, HttpRequest, LAN4, Lab};

const DOCUMENT: &str = "http://127.0.0.1:2051/api/v1/openapi.json";

/// What is looked at in every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance,\
    ignored_auth";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that `scripts/test` installs.
fn tool(name: &str) -> String {
    let path: PathBuf = root().join("target/tools/openapi/bin").join(name);
    assert!(path.exists(), "{} is not there: scripts/test installs it", path.display());
    path.display().to_string()
}

/// Devices, sessions of every state, vouchers, messages and locks; what there is, for the hooks.
fn furnish(lab: &Lab, daemon: &Daemon<'_>, token: &Value) -> Value {
    let devices: Vec<String> = lab.phones.iter().map(|phone| daemon.meet(phone)).collect();
    let mut sessions = Vec::new();
    for device in &devices {
        for terms in [
            json!({"kind": "time", "time_secs": 3600}),
            json!({"kind": "data", "data_mb": 50, "down_mbps": 5}),
            json!({"kind": "time_or_data", "time_secs": 60, "data_mb": 0.5, "exp_days": 3}),
        ] {
            sessions.push(daemon.create_session(device, &terms));
        }
        daemon.connect(device);
        let lock = json!({"name": format!("coinslot/{device}"), "device": device});
        daemon.post("/api/v1/locks", &lock);
        daemon.post(&format!("/api/v1/devices/{device}/message"), &json!({"text": "hello"}));
    }
    daemon.post(&format!("/api/v1/sessions/{}/close", sessions[2]), &json!({"reason": "a refund"}));
    daemon.disconnect(&devices[1]);
    let batch = daemon.post("/api/v1/vouchers", &json!({"count": 6, "kind": "time", "time_secs": 60}));
    let mut known = devices;
    known.extend(lab.phones.iter().map(|phone| phone.mac.clone()));
    known.push(lab.phones[0].v4.to_string());
    json!({
        "devices": known,
        "sessions": sessions,
        "codes": batch["codes"],
        "token": token["id"].to_string(),
    })
}

#[test]
fn every_answer_is_as_the_openapi_document_says() {
    let (schemathesis, python) = (tool("st"), tool("python"));
    let lab = Lab::with_phones(3);
    let daemon = Daemon::start(&lab);
    let document = daemon.get("/api/v1/openapi.json");
    let path = lab.dir.path().join("openapi.json");
    std::fs::write(&path, document.to_string()).unwrap();
    let path = path.display().to_string();
    let valid = lab.router.run(&[python.as_str(), "-m", "openapi_spec_validator", &path]);
    assert!(valid.ok(), "the document is no OpenAPI: {valid:?}");

    let all = json!({"name": "schemathesis", "permissions": ["admin"]});
    let token = daemon.post("/api/v1/tokens", &all);
    let known = furnish(&lab, &daemon, &token);
    let hooks = root().join("tests/netns/openapi").display().to_string();
    let run = lab.router.run(&[
        "env",
        // It leaves notes where it is.
        &format!("--chdir={}", lab.dir.path().display()),
        &format!("PYTHONPATH={hooks}"),
        "PYTHONDONTWRITEBYTECODE=1",
        "SCHEMATHESIS_HOOKS=hooks",
        &format!("TURNPIKE_KNOWN={known}"),
        &schemathesis,
        "--config-file",
        &format!("{hooks}/schemathesis.toml"),
        "run",
        DOCUMENT,
        "--header",
        &format!("Authorization:Bearer {}", token["token"].as_str().unwrap()),
        "--checks",
        CHECKS,
        "--max-examples",
        "15",
        "--seed",
        "1",
        "--generation-database",
        "none",
        // A stream never ends: tests/it listens to it.
        "--exclude-path",
        "/api/v1/events",
        // It asks another host, and here is none that answers: tests/it has its receivers.
        "--exclude-path",
        "/api/v1/hooks/{id}/test",
        "--request-timeout",
        "10",
        "--continue-on-failure",
        "--no-color",
    ]);
    assert!(run.ok(), "{}\n{}\n{}", run.stdout, run.stderr, daemon.log());

    // The daemon is as well as before, and the token was used to the end.
    let answer = HttpRequest::get("/api/v1/status").token(token["token"].as_str().unwrap());
    assert_eq!(answer.send(&lab.router, ([127, 0, 0, 1], 2051)).unwrap().status, 200);
    assert!(lab.phones[0].ping(LAN4));
}

/// The words of a line as a shell reads them: single quotes, and comments.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            '#' if !quoted && word.is_empty() => break,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            other => word.push(other),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[test]
fn the_examples_of_the_api_guide_are_answered_as_it_says() {
    let guide = std::fs::read_to_string(root().join("docs/api.md")).unwrap();
    let lab = Lab::with_phones(1);
    let daemon = Daemon::start(&lab);
    let session = daemon.let_through(&lab.phones[0], &json!({"kind": "time", "time_secs": 3600}));
    let (socket, address) = (daemon.socket().display().to_string(), lab.phones[0].v4.to_string());
    let examples: Vec<&str> =
        guide.lines().filter(|line| line.starts_with("api /") || line.starts_with("api '/")).collect();
    assert!(examples.len() >= 10, "the examples are written in another way: {examples:?}");
    for example in examples {
        let line = example.replace("/ID", &format!("/{session}")).replace("10.0.0.7", &address);
        let words = words(&line);
        let url = format!("http://localhost/api/v1{}", words[1]);
        let mut curl: Vec<&str> = vec!["curl", "-sS", "--unix-socket", &socket, "-w", "\n%{http_code}", &url];
        curl.extend(words[2..].iter().map(String::as_str));
        // A stream does not end by itself.
        let is_stream = words.iter().any(|word| word == "-N");
        if is_stream {
            curl.extend(["--max-time", "1"]);
        }
        let output = lab.router.run(&curl);
        assert_eq!(output.code, if is_stream { 28 } else { 0 }, "{example}: {output:?}");
        let (body, status) = output.stdout.rsplit_once('\n').unwrap();
        // The tag of the example is nobody's.
        let wanted: &[&str] = if line.contains("If-Match") { &["412"] } else { &["200", "201"] };
        assert!(wanted.contains(&status), "{example}: {status} {body}");
        if is_stream {
            assert!(body.contains("event: "), "{example}: {body}");
        }
    }
}
