//! Each thing that is asked of the kernel or the disk fails once: whoever was answered has it, whoever was refused has not,
//! and what is amiss in the kernel is put right by itself.

use std::time::Duration;

use serde_json::json;

use super::stage::{Stage, guest_of, lab};
use crate::lab::{HttpAnswer, HttpRequest, LAN4, Lab, eventually};

const SECOND: Duration = Duration::from_secs(1);
const ALL: [&str; 5] = ["gate.send", "gate.answer", "shaper.send", "shaper.answer", "store.commit"];

fn is_done(answer: &HttpAnswer) -> bool {
    answer.status < 300
}

#[test]
fn of_connect() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    stage.each_failure(
        Stage::plenty,
        |stage, _| stage.post(&format!("/api/v1/devices/{}/connect", stage.guest), &json!({})),
        |stage, _, answer| {
            assert_eq!(stage.is_online(), is_done(answer), "{answer:?}");
            stage.daemon.connect(&stage.guest);
            assert!(stage.traffic_goes_on());
        },
    );
    stage.ends(&ALL);
}

#[test]
fn of_disconnect() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    stage.each_failure(
        Stage::online,
        |stage, _| stage.post(&format!("/api/v1/devices/{}/disconnect", stage.guest), &json!({})),
        |stage, _, answer| {
            assert_eq!(stage.is_online(), !is_done(answer), "{answer:?}");
            assert!(is_done(answer) || stage.traffic_goes_on(), "{answer:?}");
        },
    );
    stage.ends(&["gate.send", "gate.answer", "store.commit"]);
}

#[test]
fn of_close() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    stage.each_failure(
        Stage::online,
        |stage, session| stage.post(&format!("/api/v1/sessions/{session}/close"), &json!({})),
        |stage, session, answer| {
            let state = stage.daemon.state(session);
            assert_eq!(state, if is_done(answer) { "closed" } else { "running" }, "{answer:?}");
            assert_eq!(stage.is_online(), !is_done(answer));
        },
    );
    stage.ends(&["gate.send", "gate.answer", "store.commit"]);
}

#[test]
fn of_more_speed_and_data() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    stage.each_failure(
        Stage::online,
        |stage, session| {
            let more = json!({"to": session, "add_data_mb": 5});
            stage.post("/api/v1/top_ups", &more)
        },
        |stage, session, answer| {
            let mb = stage.daemon.session(session)["data_mb"].as_f64().unwrap();
            assert_eq!(mb, if is_done(answer) { 10_005.0 } else { 10_000.0 }, "{answer:?}");
            assert!(stage.is_online() && stage.traffic_goes_on());
        },
    );
    stage.ends(&["gate.send", "gate.answer", "store.commit"]);
}

/// A repair is asked for, and is what fails.
#[test]
fn of_the_repair_itself() {
    let lab = Lab::with_phones(3);
    let mut stage = Stage::set(&lab);
    stage.each_failure(
        |stage| {
            stage.online();
            lab.router.must(&["nft", "flush", "set", "inet", "turnpike", "online"]);
        },
        |stage, ()| {
            let answer = stage.post("/api/v1/service/reconcile", &json!({}));
            let repaired = eventually(5 * SECOND, || stage.let_through().contains(&stage.guest));
            assert!(repaired, "{answer:?}");
            answer
        },
        |stage, (), _| assert!(stage.is_online() && stage.traffic_goes_on()),
    );
    stage.ends_after_gaps(&["gate.load", "gate.loaded", "gate.send", "gate.answer", "shaper.send"]);
}

/// Who is there is asked of the kernel's tables.
#[test]
fn of_looks_at_the_network() {
    let lab = lab();
    let mut stage = Stage::set(&lab);
    let portal = |stage: &Stage<'_>| HttpRequest::get("/").send(guest_of(stage.lab), (LAN4, 2050));
    stage.each_failure(
        Stage::online,
        |stage, _| portal(stage),
        |stage, _, _| {
            assert_eq!(portal(stage).unwrap().status, 200, "it goes on failing");
            assert!(stage.is_online() && stage.traffic_goes_on());
        },
    );
    stage.each_failure(
        Stage::online,
        |stage, _| stage.post(&format!("/api/v1/devices/{}/ping", stage.guest), &json!({})),
        |stage, _, _| {
            let again = stage.post(&format!("/api/v1/devices/{}/ping", stage.guest), &json!({})).unwrap();
            assert_eq!(again.status, 200, "{again:?}");
        },
    );
    stage.ends(&["net.ask", "net.list", "net.solicit", "net.hear"]);
}
