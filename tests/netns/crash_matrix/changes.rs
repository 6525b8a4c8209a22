//! Connect, disconnect, close, hand over, move, flush.

use std::time::Duration;

use serde_json::json;

use super::stage::{Stage, is_open, lab};
use crate::lab::{DaemonConfig, HttpAnswer, HttpRequest, eventually};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn connect() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    stage.each_death(
        Stage::plenty,
        |stage, _| stage.post(&format!("/api/v1/devices/{}/connect", stage.guest), &json!({})),
        |stage, _, answer| {
            if answer.is_some() {
                assert!(stage.is_online(), "it was answered, and is not so");
                assert!(stage.traffic_goes_on());
            }
        },
    );
    stage.ends(&[
        "owner.stored",
        "owner.applied",
        "owner.answer",
        "store.commit",
        "store.committed",
        "gate.send",
    ]);
}

#[test]
fn disconnect() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    stage.each_death(
        Stage::online,
        |stage, _| stage.post(&format!("/api/v1/devices/{}/disconnect", stage.guest), &json!({})),
        |stage, _, answer| assert!(answer.is_none() || !stage.is_online(), "it was answered, and is not so"),
    );
    stage.ends(&["owner.read", "owner.stored", "owner.applied", "store.committed"]);
}

#[test]
fn close() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    stage.each_death(
        Stage::online,
        |stage, session| stage.post(&format!("/api/v1/sessions/{session}/close"), &json!({})),
        |stage, session, answer| {
            let state = stage.daemon.state(session);
            match answer {
                Some(_) => assert_eq!(state, "closed"),
                None => assert!(["closed", "running"].contains(&state.as_str()), "{state}"),
            }
            assert_eq!(stage.is_online(), state == "running");
            if state == "running" {
                stage.daemon.post(&format!("/api/v1/sessions/{session}/close"), &json!({}));
            }
        },
    );
    stage.ends(&["owner.read", "owner.stored", "owner.applied", "store.committed"]);
}

#[test]
fn close_of_many_by_filter() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    let filter = format!("$Mac is \"{}\"", stage.guest);
    stage.each_death(
        Stage::online,
        |stage, _| stage.post("/api/v1/sessions:close", &json!({"filter": filter})),
        |stage, session, answer| {
            let state = stage.daemon.state(session);
            assert_eq!(stage.is_online(), state == "running");
            assert!(answer.is_none() || state == "closed", "{state}");
        },
    );
    stage.ends(&["owner.stored", "owner.applied", "store.committed"]);
}

/// A session is used up and the next one takes its place, without anybody asking for it.
#[test]
fn hand_over() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    let over = |stage: &Stage<'_>, next: &String| {
        let state =
            HttpRequest::get(&format!("/api/v1/sessions/{next}")).send_unix(&stage.daemon.socket())?;
        Ok::<_, std::io::Error>((state.json()["state"] == "running").then_some(state))
    };
    stage.each_death(
        |stage| {
            let first = stage.daemon.create_session(&stage.guest, &json!({"kind": "data", "data_mb": 0.05}));
            let next = stage.plenty();
            stage.daemon.connect(&stage.guest);
            assert_ne!(stage.daemon.state(&next), "running", "{first} comes first");
            next
        },
        |stage, next| {
            let mut answer: Option<std::io::Result<HttpAnswer>> = None;
            let told = eventually(5 * SECOND, || {
                answer = over(stage, next).transpose();
                answer.is_some()
            });
            assert!(told, "the next session never runs");
            answer.expect("told")
        },
        |stage, next, _| {
            let takes_over = eventually(2 * SECOND, || stage.daemon.state(next) == "running");
            assert!(takes_over, "{}", stage.daemon.session(next));
            assert!(stage.traffic_goes_on(), "handed over, and offline");
            stage.daemon.post(&format!("/api/v1/sessions/{next}/close"), &json!({}));
        },
    );
    stage.ends(&["owner.read", "owner.stored", "owner.applied", "store.committed"]);
}

/// All that a device has goes to another MAC.
#[test]
fn move_to_another_device() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    let other = "02:00:5e:00:53:99".to_owned();
    stage.daemon.post("/api/v1/devices", &json!({"mac": other, "zone": "guests"}));
    stage.also.push(other.clone());
    stage.each_death(
        Stage::online,
        |stage, _| stage.post(&format!("/api/v1/devices/{}/move", stage.guest), &json!({"to": other})),
        |stage, _, answer| {
            let left = stage.sessions().into_iter().filter(is_open).collect::<Vec<_>>();
            assert_eq!(left.len(), 1, "{left:?}");
            assert!(answer.is_none() || !stage.is_online(), "it was answered, and is not so: {left:?}");
        },
    );
    stage.ends(&["owner.read", "owner.stored", "owner.applied", "store.committed"]);
}

/// Usage is written every second, whoever asks for it.
#[test]
fn flush() {
    let lab = lab();
    let mut stage = Stage::set_with(&lab, DaemonConfig { flush_secs: 1, ..DaemonConfig::default() });
    for at in 1..=12 {
        stage.online();
        stage.daemon.order(&format!("kill {at} store."));
        assert!(stage.daemon.ends().is_some(), "nothing is written");
        stage.daemon.order("");
        stage.died();
        stage.daemon.restart();
        stage.agree();
        assert!(stage.is_online());
        stage.books_are_right();
    }
    stage.ends(&["store.write", "store.commit", "store.committed", "store.written"]);
}
