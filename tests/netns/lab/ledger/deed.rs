//! What is done at the counter.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ACCOUNT, HttpRequest, PLAN, PRICE_CENTS, Random, Till, money};

/// One thing, and the key and note that it goes by.
#[derive(Debug, Clone)]
pub struct Act {
    pub key: String,
    pub deed: Deed,
}

#[derive(Debug, Clone)]
pub enum Deed {
    /// A device that is not here yet.
    Register { mac: String },
    /// Codes on paper.
    Batch { count: u64 },
    /// A code that is made as it is sold.
    Sell,
    /// A code of a batch over the counter.
    SellCode { code: String },
    /// A code for a device.
    Redeem { code: String, device: String },
    /// More of a session.
    TopUp { session: String, secs: u64, cents: i64 },
    /// Money back; all of it takes back what was sold as well.
    Refund { sale: String, note: String, cents: i64, whole: bool },
    /// A code that is void.
    Revoke { code: String },
    /// A session's end.
    Close { session: String },
    /// A plan on somebody's account.
    Attach,
}

impl Act {
    /// What it must be alone with.
    pub fn touches(&self) -> Vec<String> {
        match &self.deed {
            Deed::Register { .. } | Deed::Batch { .. } | Deed::Sell | Deed::Attach => Vec::new(),
            Deed::SellCode { code } | Deed::Redeem { code, .. } | Deed::Revoke { code } => vec![code.clone()],
            Deed::TopUp { session, .. } | Deed::Close { session } => vec![session.clone()],
            Deed::Refund { note, .. } => vec![note.clone()],
        }
    }

    /// The request that does it.
    pub fn request(&self) -> HttpRequest {
        let note = &self.key;
        let (path, body): (String, Value) = match &self.deed {
            Deed::Register { mac } => ("devices".to_owned(), json!({"mac": mac})),
            Deed::Batch { count } => {
                ("vouchers".to_owned(), json!({"count": count, "plan": PLAN, "name": note}))
            }
            Deed::Sell => ("vouchers/sell".to_owned(), json!({"plan": PLAN, "note": note})),
            Deed::SellCode { code } => ("vouchers/sell".to_owned(), json!({"code": code, "note": note})),
            Deed::Redeem { code, device } => (format!("vouchers/{code}/redeem"), json!({"device": device})),
            Deed::TopUp { session, secs, cents } => (
                "top_ups".to_owned(),
                json!({"to": session, "add_time_secs": secs, "price": money(*cents), "note": note}),
            ),
            Deed::Refund { sale, cents, whole, .. } => (
                format!("sales/{sale}/refund"),
                json!({"amount": money(*cents), "keep": !whole, "note": note}),
            ),
            Deed::Revoke { code } => {
                let mut request = HttpRequest::json("DELETE", &format!("/api/v1/vouchers/{code}"), "");
                request = request.header("Idempotency-Key", &self.key);
                return request;
            }
            Deed::Close { session } => (format!("sessions/{session}/close"), json!({})),
            Deed::Attach => {
                (format!("accounts/{ACCOUNT}/plans"), json!({"plan": PLAN, "paid": true, "note": note}))
            }
        };
        HttpRequest::json("POST", &format!("/api/v1/{path}"), &body.to_string())
            .header("Idempotency-Key", &self.key)
    }
}

impl Till {
    /// Something that can be done now, with nothing that is busy.
    pub(super) fn plan_one(&self, random: &mut Random, busy: &mut BTreeSet<String>) -> Deed {
        if self.devices.len() < 4 {
            return self.register(random);
        }
        for _ in 0..20 {
            let kind = random.below(20);
            if let Some(deed) = self.try_one(kind, random, busy) {
                return deed;
            }
        }
        Deed::Sell
    }

    fn register(&self, random: &mut Random) -> Deed {
        let [a, b, c, d, ..] = random.next().to_le_bytes();
        Deed::Register { mac: format!("02:5e:{a:02x}:{b:02x}:{c:02x}:{d:02x}") }
    }

    fn try_one(&self, kind: u64, random: &mut Random, busy: &BTreeSet<String>) -> Option<Deed> {
        match kind {
            0 => Some(self.register(random)),
            1 => Some(Deed::Batch { count: 1 + random.below(8) }),
            2..=4 => Some(Deed::Sell),
            5..=6 => {
                let code =
                    self.code(random, busy, |voucher| !voucher.is_sold && voucher.session.is_none())?;
                Some(Deed::SellCode { code })
            }
            7..=10 => {
                let code = self.code(random, busy, |voucher| voucher.session.is_none())?;
                let devices: Vec<&String> = self.devices.values().collect();
                Some(Deed::Redeem { code, device: (*random.pick(&devices)?).clone() })
            }
            11..=14 => {
                let cents = 50 + i64::try_from(random.below(300)).unwrap_or_default();
                Some(Deed::TopUp {
                    session: self.session(random, busy)?,
                    secs: 60 + random.below(600),
                    cents,
                })
            }
            15..=16 => self.refund(random, busy),
            17 => Some(Deed::Revoke { code: self.code(random, busy, |_| true)? }),
            18 => Some(Deed::Close { session: self.session(random, busy)? }),
            // An account takes 32.
            _ => (self.attached < 24).then_some(Deed::Attach),
        }
    }

    /// A code that is not revoked, nor is a session of it busy.
    fn code(
        &self,
        random: &mut Random,
        busy: &BTreeSet<String>,
        wanted: impl Fn(&super::Voucher) -> bool,
    ) -> Option<String> {
        let is_free = |code: &String, voucher: &super::Voucher| {
            !busy.contains(code) && !voucher.session.as_ref().is_some_and(|session| busy.contains(session))
        };
        let of_sale = |code: &String| {
            let mut sales = self.sales.iter().filter(|(_, sale)| sale.code.as_ref() == Some(code));
            sales.any(|(note, _)| busy.contains(note))
        };
        let found: Vec<&String> = self
            .vouchers
            .iter()
            .filter(|(code, voucher)| {
                !voucher.is_revoked && wanted(voucher) && is_free(code, voucher) && !of_sale(code)
            })
            .map(|(code, _)| code)
            .collect();
        random.pick(&found).map(|code| (*code).clone())
    }

    /// A session that is not over, nor is what it came of busy.
    fn session(&self, random: &mut Random, busy: &BTreeSet<String>) -> Option<String> {
        let taken: BTreeSet<&String> = self
            .vouchers
            .iter()
            .filter(|(code, _)| {
                let mut sales = self.sales.iter().filter(|(_, sale)| sale.code.as_ref() == Some(code));
                busy.contains(*code) || sales.any(|(note, _)| busy.contains(note))
            })
            .filter_map(|(_, voucher)| voucher.session.as_ref())
            .collect();
        let found: Vec<&String> = self
            .sessions
            .iter()
            .filter(|(id, session)| !session.is_closed && !busy.contains(*id) && !taken.contains(id))
            .map(|(id, _)| id)
            .collect();
        random.pick(&found).map(|id| (*id).clone())
    }

    fn refund(&self, random: &mut Random, busy: &BTreeSet<String>) -> Option<Deed> {
        let touched = |sale: &super::Sale| {
            let Some(code) = &sale.code else { return false };
            let session = self.vouchers.get(code).and_then(|voucher| voucher.session.as_ref());
            busy.contains(code) || session.is_some_and(|session| busy.contains(session))
        };
        let found: Vec<_> = self
            .sales
            .iter()
            .filter(|(note, sale)| sale.id.is_some() && sale.refunds.is_none() && !busy.contains(*note))
            .filter(|(_, sale)| !touched(sale))
            .collect();
        let (note, sale) = random.pick(&found)?;
        let given: i64 = self
            .sales
            .values()
            .filter(|other| other.refunds.as_ref() == Some(*note))
            .map(|other| other.cents)
            .sum();
        let left = sale.cents + given;
        // All of it is given back only where nothing was yet and a voucher was sold: then that is taken back.
        let whole = sale.code.is_some() && left == PRICE_CENTS && random.chance(40);
        let part = 1 + i64::try_from(random.below(40)).unwrap_or_default();
        let cents = if whole { left } else { part };
        (whole || part < left).then(|| Deed::Refund {
            sale: sale.id.clone().unwrap_or_default(),
            note: (*note).clone(),
            cents,
            whole,
        })
    }
}
