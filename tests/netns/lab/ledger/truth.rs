//! The daemon's books, as its API tells them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::deed::{Act, Deed};
use super::{ACCOUNT, Daemon, PRICE_CENTS, Sale, Session, Till, Voucher};

pub struct Truth {
    /// By note, all that have it.
    pub sales: BTreeMap<String, Vec<Value>>,
    /// By code.
    pub vouchers: BTreeMap<String, Value>,
    /// By id.
    pub sessions: BTreeMap<String, Value>,
    /// By MAC.
    pub devices: BTreeMap<String, Value>,
    pub attached: usize,
    /// In cents, by the report.
    pub taken_in: i64,
}

fn cents(amount: &Value) -> i64 {
    let text = amount.as_str().unwrap_or_default();
    let digits: String = text.chars().filter(|letter| letter.is_ascii_digit() || *letter == '-').collect();
    digits.parse().unwrap_or(i64::MIN)
}

fn all(daemon: &Daemon, kind: &str) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    for page in 1.. {
        let answer = daemon.get(&format!("/api/v1/{kind}?per_page=1000&page={page}"));
        let more = answer["items"].as_array().cloned().unwrap_or_default();
        let is_last = more.is_empty();
        items.extend(more);
        if is_last || items.len() as u64 >= answer["total"].as_u64().unwrap_or_default() {
            break;
        }
    }
    items
}

fn by(items: Vec<Value>, field: &str) -> BTreeMap<String, Value> {
    items.into_iter().map(|item| (item[field].as_str().unwrap_or_default().to_owned(), item)).collect()
}

impl Truth {
    pub fn read(daemon: &Daemon) -> Self {
        let mut sales: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for sale in all(daemon, "sales") {
            sales.entry(sale["note"].as_str().unwrap_or_default().to_owned()).or_default().push(sale);
        }
        Self {
            sales,
            vouchers: by(all(daemon, "vouchers"), "code"),
            sessions: by(all(daemon, "sessions"), "id"),
            devices: by(all(daemon, "devices"), "mac"),
            attached: daemon.get(&format!("/api/v1/accounts/{ACCOUNT}"))["plans"]
                .as_array()
                .map_or(0, Vec::len),
            taken_in: cents(&daemon.get("/api/v1/sales?by=item")["amount"]),
        }
    }

    /// What an act that was done would have been answered.
    pub fn answer_of(&self, act: &Act) -> Value {
        match &act.deed {
            Deed::Register { mac } => self.devices.get(mac).cloned().unwrap_or_default(),
            Deed::Batch { .. } => {
                let mine = |voucher: &&Value| voucher["name"] == act.key.as_str();
                let codes: Vec<&Value> =
                    self.vouchers.values().filter(mine).map(|found| &found["code"]).collect();
                json!({ "codes": codes })
            }
            Deed::Redeem { code, .. } => {
                json!({"id": self.vouchers.get(code).map(|found| &found["session"])})
            }
            Deed::SellCode { code } => {
                json!({"voucher": {"code": code}, "sale": self.sales.get(&act.key).and_then(|found| found.first())})
            }
            Deed::Refund { .. } => {
                self.sales.get(&act.key).and_then(|found| found.first()).cloned().unwrap_or_default()
            }
            Deed::Sell | Deed::TopUp { .. } | Deed::Revoke { .. } | Deed::Close { .. } | Deed::Attach => {
                Value::Null
            }
        }
    }
}

impl Till {
    /// Says all that differs. The numbers of sales that an answer did not name are learned.
    pub(super) fn compare(&mut self, truth: &Truth, wrong: &mut Vec<String>) {
        for (mac, id) in &self.devices {
            match truth.devices.get(mac) {
                Some(found) if found["id"] == id.as_str() => {}
                other => wrong.push(format!("device {mac} is to be {id}: {other:?}")),
            }
        }
        for (code, voucher) in &self.vouchers {
            match truth.vouchers.get(code) {
                Some(found) if voucher_of(found) == *voucher => {
                    let uses = u64::from(voucher.session.is_some());
                    if found["uses"] != uses {
                        wrong.push(format!("voucher {code} has been used {uses} times: {found}"));
                    }
                }
                other => wrong.push(format!("voucher {code} is to be {voucher:?}: {other:?}")),
            }
        }
        for (id, session) in &self.sessions {
            match truth.sessions.get(id) {
                Some(found) if session_of(found) == *session => {}
                other => wrong.push(format!("session {id} is to be {session:?}: {other:?}")),
            }
        }
        let numbers: BTreeMap<String, String> =
            self.sales.iter().filter_map(|(note, sale)| Some((sale.id.clone()?, note.clone()))).collect();
        for (note, sale) in &mut self.sales {
            match truth.sales.get(note).map(Vec::as_slice) {
                Some([found]) if sale_of(found, &numbers, sale) == *sale => sale.id = super::id_of(found),
                other => wrong.push(format!("sale {note} is to be {sale:?}: {other:?}")),
            }
        }
        if truth.attached != self.attached {
            wrong.push(format!(
                "{} plans were bought on account, and there are {}",
                self.attached, truth.attached
            ));
        }
        let stray_vouchers = truth.vouchers.iter().filter(|(code, _)| !self.vouchers.contains_key(*code));
        wrong.extend(stray_vouchers.map(|(_, found)| format!("nobody made the voucher {found}")));
        let known = |id: &String| self.sessions.contains_key(id) || self.others.contains(id);
        let stray_sessions = truth.sessions.iter().filter(|(id, _)| !known(id));
        wrong.extend(stray_sessions.map(|(_, found)| format!("nobody made the session {found}")));
        let stray_sales = truth.sales.iter().filter(|(note, _)| !self.sales.contains_key(*note));
        wrong.extend(stray_sales.map(|(_, found)| format!("nobody paid {found:?}")));
        let batches = truth.vouchers.values().filter(|found| cents(&found["price"]) != PRICE_CENTS);
        wrong.extend(batches.map(|found| format!("it costs something else: {found}")));
    }
}

fn voucher_of(found: &Value) -> Voucher {
    Voucher {
        is_sold: !found["sold_at"].is_null(),
        is_revoked: !found["revoked_at"].is_null(),
        session: found["session"].as_str().map(str::to_owned),
    }
}

fn session_of(found: &Value) -> Session {
    Session {
        device: found["device"].as_str().unwrap_or_default().to_owned(),
        secs: found["time_secs"].as_u64().unwrap_or_default(),
        is_closed: found["state"] == "closed",
    }
}

/// As it is there, with what only these books know.
fn sale_of(found: &Value, numbers: &BTreeMap<String, String>, known: &Sale) -> Sale {
    let id = super::id_of(found);
    let refunds =
        found["refunds"].as_str().map(|id| numbers.get(id).cloned().unwrap_or_else(|| id.to_owned()));
    Sale {
        id: if known.id.is_some() { id } else { None },
        cents: cents(&found["amount"]),
        refunds,
        code: known.code.clone(),
    }
}
