//! Somebody who keeps books of their own: does at the counter whatever takes money or gives it back, writes down what was answered,
//! and holds the daemon's books against that.
//!
//! What was answered as done is there, once. What was refused is not. What got no answer is there whole or not at all; half of it
//! is sent again under the same `Idempotency-Key`, and then it is done, once.

mod deed;
mod truth;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Daemon;
use super::http::HttpRequest;
use super::random::Random;
use deed::{Act, Deed};
use truth::Truth;

/// What is sold, for how much and how long.
pub(super) const PLAN: &str = "hour";
pub(super) const PRICE_CENTS: i64 = 250;
pub(super) const PLAN_SECS: u64 = 3600;
/// Who buys plans on account.
pub(super) const ACCOUNT: &str = "anna";

/// How many acts came to what.
#[derive(Debug, Clone, Copy, Default)]
pub struct Acts {
    /// Begun.
    pub tried: u64,
    /// Answered as done.
    pub answered: u64,
    /// Refused, with a reason.
    pub refused: u64,
    /// Without an answer.
    pub open: u64,
    /// Of those without an answer, found to be done.
    pub found_done: u64,
    /// Of those, sent again.
    pub sent_again: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Voucher {
    is_sold: bool,
    is_revoked: bool,
    session: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Session {
    device: String,
    secs: u64,
    is_closed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sale {
    /// Once it is known.
    id: Option<String>,
    cents: i64,
    /// The note of the sale that it gives money back for.
    refunds: Option<String>,
    /// The voucher that was sold.
    code: Option<String>,
}

/// The books, kept by what was answered.
#[derive(Debug, Default)]
pub struct Till {
    name: String,
    number: u64,
    /// What happened so far.
    pub acts: Acts,
    /// Whether an answer that says no is to be trusted. Not when the power goes: what a disk was given while it said no may be there
    /// after all.
    pub no_is_no: bool,
    plan: bool,
    account: bool,
    /// By MAC.
    devices: BTreeMap<String, String>,
    vouchers: BTreeMap<String, Voucher>,
    sessions: BTreeMap<String, Session>,
    /// By its note, which no two have.
    sales: BTreeMap<String, Sale>,
    attached: usize,
    open: Vec<Act>,
    surprises: Vec<String>,
    /// What was refused last: the status and what was said.
    pub refusal: Option<String>,
    /// Sessions that are none of ours.
    others: BTreeSet<String>,
}

/// What a request came to.
enum Answer {
    Done(Value),
    Refused(String),
    None,
}

impl Till {
    /// Empty books; two of one daemon have two names.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// A session that somebody else answers for.
    pub fn leave_out(&mut self, session: &str) {
        self.others.insert(session.to_owned());
    }

    /// What was taken in, by these books.
    pub fn cents(&self) -> i64 {
        self.sales.values().map(|sale| sale.cents).sum()
    }

    /// Has what is sold and who buys it made, unless they are there. Whether all are.
    pub fn open_up(&mut self, daemon: &Daemon) -> Result<bool, String> {
        let plan = json!({
            "name": PLAN, "title": "One hour", "kind": "time", "time_secs": PLAN_SECS, "price": money(PRICE_CENTS)
        });
        let account = json!({"name": ACCOUNT, "password": "correct horse battery"});
        let made = make(daemon, "plans", PLAN, &plan, &mut self.plan)?;
        Ok(made && make(daemon, "accounts", ACCOUNT, &account, &mut self.account)?)
    }

    /// One act. Whether it was answered as done.
    pub fn act(&mut self, daemon: &Daemon, random: &mut Random) -> bool {
        self.act_at_once(daemon, random, 1) == 1
    }

    /// So many acts at the same time, each with something else. How many were answered as done.
    pub fn act_at_once(&mut self, daemon: &Daemon, random: &mut Random, count: usize) -> usize {
        let mut acts: Vec<Act> = Vec::new();
        for _ in 0..count {
            let mut busy: BTreeSet<String> = acts.iter().chain(&self.open).flat_map(Act::touches).collect();
            self.number += 1;
            let key = format!("{}-{}", self.name, self.number);
            let deed = self.plan_one(random, &mut busy);
            acts.push(Act { key, deed });
        }
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let sent: Vec<_> = acts.iter().map(|act| scope.spawn(|| send(daemon, &act.request()))).collect();
            sent.into_iter().map(|thread| thread.join().expect("an answer or none")).collect()
        });
        self.acts.tried += acts.len() as u64;
        acts.into_iter().zip(answers).filter(|(act, answer)| self.note(act.clone(), answer)).count()
    }

    /// Writes down what an act was answered; whether it is done.
    fn note(&mut self, act: Act, answer: &Answer) -> bool {
        match answer {
            Answer::Done(answer) => {
                self.acts.answered += 1;
                self.carry_out(&act, answer);
                return true;
            }
            Answer::Refused(why) if self.no_is_no => {
                self.acts.refused += 1;
                self.refusal = Some(why.clone());
                // One that the disk refuses is a refusal; what else is refused should not have been.
                if !why.starts_with('5') {
                    self.surprises.push(format!("{act:?} was refused: {why}"));
                }
            }
            Answer::Refused(why) => {
                self.acts.open += 1;
                if !why.starts_with('5') {
                    self.surprises.push(format!("{act:?} was refused: {why}"));
                }
                self.open.push(act);
            }
            Answer::None => {
                self.acts.open += 1;
                self.open.push(act);
            }
        }
        false
    }

    /// Holds the daemon's books against these. What was open is settled by it.
    ///
    /// # Errors
    ///
    /// All that differs, a line each.
    pub fn check(&mut self, daemon: &Daemon, random: &mut Random) -> Result<(), String> {
        let mut wrong = std::mem::take(&mut self.surprises);
        for act in std::mem::take(&mut self.open) {
            let is_there = self.is_done(&Truth::read(daemon), &act);
            // A code is only in the answer: what was sold has to be asked for again.
            let names_code = matches!(act.deed, Deed::Sell);
            if !(is_there && names_code || random.chance(50)) {
                if is_there {
                    self.acts.found_done += 1;
                    let truth = Truth::read(daemon);
                    let answer = truth.answer_of(&act);
                    self.carry_out(&act, &answer);
                }
                continue;
            }
            self.acts.found_done += u64::from(is_there);
            self.acts.sent_again += 1;
            match send(daemon, &act.request()) {
                Answer::Done(answer) => self.carry_out(&act, &answer),
                Answer::Refused(why) => {
                    wrong.push(format!("{act:?} was refused when it was sent again: {why}"))
                }
                Answer::None => wrong.push(format!("{act:?} got no answer again")),
            }
        }
        let truth = Truth::read(daemon);
        self.compare(&truth, &mut wrong);
        let taken = truth.taken_in;
        if taken != self.cents() {
            wrong.push(format!("the till says {taken}, these books {}", self.cents()));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    fn is_done(&self, truth: &Truth, act: &Act) -> bool {
        let sale = || truth.sales.contains_key(&act.key);
        match &act.deed {
            Deed::Register { mac } => truth.devices.contains_key(mac),
            Deed::Batch { .. } => truth.vouchers.values().any(|voucher| voucher["name"] == act.key.as_str()),
            Deed::Sell | Deed::SellCode { .. } | Deed::TopUp { .. } | Deed::Refund { .. } | Deed::Attach => {
                sale()
            }
            Deed::Redeem { code, .. } => {
                truth.vouchers.get(code).is_some_and(|found| !found["session"].is_null())
            }
            Deed::Revoke { code } => {
                truth.vouchers.get(code).is_some_and(|found| !found["revoked_at"].is_null())
            }
            Deed::Close { session } => {
                truth.sessions.get(session).is_some_and(|found| found["state"] == "closed")
            }
        }
    }

    /// Writes down what an act does, all of it.
    fn carry_out(&mut self, act: &Act, answer: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut sale = Sale { id: None, cents: 0, refunds: None, code: None };
        match &act.deed {
            Deed::Register { mac } => {
                self.devices.insert(mac.clone(), text(&answer["id"]));
                return;
            }
            Deed::Batch { count } => {
                let codes = answer["codes"].as_array().map_or(&[][..], Vec::as_slice);
                if codes.len() as u64 != *count {
                    self.surprises.push(format!("{act:?} made {} codes", codes.len()));
                }
                for code in codes {
                    self.vouchers.insert(text(code), Voucher::default());
                }
                return;
            }
            Deed::Redeem { code, device } => {
                let (id, device) = (text(&answer["id"]), device.clone());
                let session = Session { device, secs: PLAN_SECS, is_closed: false };
                self.sessions.insert(id.clone(), session);
                self.vouchers.entry(code.clone()).or_default().session = Some(id);
                return;
            }
            Deed::Revoke { code } => return self.revoked(code),
            Deed::Close { session } => return self.closed(session),
            Deed::Sell | Deed::SellCode { .. } => {
                let code = text(&answer["voucher"]["code"]);
                self.vouchers.entry(code.clone()).or_default().is_sold = true;
                sale =
                    Sale { id: id_of(&answer["sale"]), cents: PRICE_CENTS, refunds: None, code: Some(code) };
            }
            Deed::TopUp { session, secs, cents } => {
                sale.cents = *cents;
                if let Some(session) = self.sessions.get_mut(session) {
                    session.secs += secs;
                }
            }
            Deed::Refund { note, cents, whole, .. } => {
                sale = Sale { id: id_of(answer), cents: -cents, refunds: Some(note.clone()), code: None };
                let code = self.sales.get(note).and_then(|sale| sale.code.clone()).filter(|_| *whole);
                if let Some(code) = code {
                    self.revoked(&code);
                }
            }
            Deed::Attach => {
                sale.cents = PRICE_CENTS;
                self.attached += 1;
            }
        }
        self.sales.insert(act.key.clone(), sale);
    }

    fn revoked(&mut self, code: &str) {
        let Some(voucher) = self.vouchers.get_mut(code) else { return };
        voucher.is_revoked = true;
        if let Some(session) = voucher.session.clone() {
            self.closed(&session);
        }
    }

    fn closed(&mut self, session: &str) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.is_closed = true;
        }
    }
}

fn id_of(value: &Value) -> Option<String> {
    value["id"].as_str().map(str::to_owned)
}

/// An amount as the API has it.
fn money(cents: i64) -> String {
    format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100)
}

/// Makes a thing that has a name, unless it is there; one that was made has to be.
fn make(daemon: &Daemon, kind: &str, name: &str, body: &Value, known: &mut bool) -> Result<bool, String> {
    let Ok(found) = daemon.try_send(&HttpRequest::get(&format!("/api/v1/{kind}/{name}"))) else {
        return Ok(false);
    };
    match found.status {
        200 => *known = true,
        404 if *known => return Err(format!("{kind}: {name} was made and is not there")),
        404 => {
            let request = HttpRequest::json("POST", &format!("/api/v1/{kind}"), &body.to_string());
            match daemon.try_send(&request) {
                Ok(answer) if answer.status == 201 => *known = true,
                Ok(answer) if answer.status < 500 => return Err(format!("{kind}: {name}: {answer:?}")),
                Ok(_) | Err(_) => return Ok(false),
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn send(daemon: &Daemon, request: &HttpRequest) -> Answer {
    match daemon.try_send(request) {
        Ok(answer) if matches!(answer.status, 200 | 201) => match serde_json::from_str(&answer.body) {
            Ok(value) => Answer::Done(value),
            // The connection broke in the middle of it.
            Err(_) => Answer::None,
        },
        Ok(answer) => Answer::Refused(format!("{} {}", answer.status, answer.body)),
        Err(_) => Answer::None,
    }
}
