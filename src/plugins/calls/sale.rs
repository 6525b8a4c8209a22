//! What plugins sell, and the money that they take.

use serde_json::{Value, json};

use super::once::Change;
use super::{device, find_device, needs_view, provider};
use crate::domain::{
    ClientSession, Guard, Money, Occasion, OnceSubject, Permission, Refusal, Sale, SaleItem, SessionId, Text,
};
use crate::plugins::connection::Peer;
use crate::plugins::rpc::{Fault, Fields};
use crate::plugins::{grant, shapes};

/// What a session is paid with.
enum Credits {
    /// All that the device has.
    All,
    /// These.
    Rows(Vec<i64>),
}

/// Where a plugin's money comes from, by its name in the till.
fn till(peer: &Peer) -> String {
    format!("plugin/{}", peer.account.name)
}

fn amount(fields: &mut Fields, least: i64) -> Result<Money, Fault> {
    let amount = fields.need::<i64>("amount")?;
    if (least..=Money::MOST.0).contains(&amount) {
        Ok(Money(amount))
    } else {
        let text = format!("must be between {least} and {} of the smallest unit", Money::MOST);
        Err(Fault::invalid("amount", text))
    }
}

/// `session.create`.
pub(super) async fn create(peer: &Peer, mut fields: Fields, params: &Value) -> Result<Value, Fault> {
    let provider = provider(peer, &mut fields)?;
    let device = device(peer, &mut fields).await?;
    let key = fields.take::<String>("idempotency_key")?;
    let connect = fields.take::<bool>("connect")?.unwrap_or(false);
    let sold = fields.take::<Value>("sale")?.map(sale).transpose()?;
    let credits = credits(&mut fields)?;
    if key.is_none() && (sold.is_some() || credits.is_some()) {
        let text = "is missing: without it a sale could be made twice";
        return Err(Fault::invalid("idempotency_key", text));
    }
    let mut data = grant::grant(fields, peer.host.plans.as_ref()).await?;
    let change = Change::new(peer, "session.create", params, key)?;
    let (session, is_new) = match change.before(peer).await? {
        Some(subject) => (made_before(peer, subject).await?, false),
        None => {
            let mut total = sold.as_ref().map(|(amount, _)| *amount);
            if let Some(credits) = credits {
                let (rows, sum) = claimed(peer, &credits, device.id).await?;
                // What is over stays for another time.
                let amount = total.unwrap_or(sum);
                if !(Money(1)..=sum).contains(&amount) {
                    return Err(Fault::invalid(
                        "sale.amount",
                        format!("must be between 1 and the credits, {sum}"),
                    ));
                }
                total = Some(amount);
                // Which session, and when, the sessions manager knows.
                let (session, at) = (SessionId::new(uuid::Uuid::nil()), peer.host.handle.believable());
                data.guards.push(Guard::ClaimCredits { credits: rows, amount, session, at });
            }
            if let (Some(amount), Some(id)) = (total, change.id()) {
                data.sale = Some(Box::new(Sale {
                    id,
                    at: peer.host.handle.believable(),
                    seller: Text::new(&till(peer)),
                    item: SaleItem::Session,
                    plan: data.plan.clone(),
                    voucher: None,
                    device: Some(device.id),
                    session: None,
                    amount,
                    note: sold.and_then(|(_, note)| note),
                }));
            }
            let handle = change.handle(peer);
            match handle.grant(device.id, &provider, data, Occasion::LogIn).await {
                Ok(session) => (session, true),
                // The first of two that came together has just done it.
                Err(Refusal::DoneBefore) => {
                    let subject = change.before(peer).await?.unwrap_or(OnceSubject::Nothing);
                    (made_before(peer, subject).await?, false)
                }
                Err(refusal) => return Err(refusal.into()),
            }
        }
    };
    let mut answer = json!({ "session": shapes::session(&session), "new": is_new });
    if connect && session.is_usable() {
        let (session, refused) = match peer.host.handle.connect(device.id, None).await {
            Ok(session) => (session, None),
            // The session is there, and waits.
            Err(refusal) => (session, Some(Fault::from(refusal).message)),
        };
        answer = json!({ "session": shapes::session(&session), "new": is_new, "connected": refused.is_none(),
            "refused": refused });
    }
    Ok(answer)
}

async fn made_before(peer: &Peer, subject: OnceSubject) -> Result<ClientSession, Fault> {
    let OnceSubject::Session(id) = subject else { return Err(Refusal::UnknownSession.into()) };
    Ok(peer.host.handle.session(id).await?)
}

/// How much, and a remark.
fn sale(value: Value) -> Result<(Money, Option<Text>), Fault> {
    let mut fields = Fields::of(value)?;
    let amount = amount(&mut fields, 0)?;
    let note = grant::text(&mut fields, "note")?;
    fields.finish()?;
    Ok((amount, note))
}

fn credits(fields: &mut Fields) -> Result<Option<Credits>, Fault> {
    let Some(value) = fields.take::<Value>("credits")? else { return Ok(None) };
    if value.as_str() == Some("all") {
        return Ok(Some(Credits::All));
    }
    let rows = serde_json::from_value::<Vec<i64>>(value).ok().filter(|rows| (1..=1000).contains(&rows.len()));
    let wrong = || Fault::invalid("credits", "must be \"all\", or 1 to 1000 ids of credits");
    rows.map(|rows| Some(Credits::Rows(rows))).ok_or_else(wrong)
}

/// The rows of the credits that are meant, and what they are together.
async fn claimed(
    peer: &Peer,
    credits: &Credits,
    device: crate::domain::DeviceId,
) -> Result<(Vec<i64>, Money), Fault> {
    // Those of the plugin's own till only; each row once.
    let of = match credits {
        Credits::All => Some(device),
        Credits::Rows(_) => None,
    };
    let found = peer.host.handle.unclaimed_credits(&till(peer), of).await?;
    let meant: Vec<_> = match credits {
        Credits::All => found,
        Credits::Rows(rows) => {
            let meant: Vec<_> = found.into_iter().filter(|credit| rows.contains(&credit.id)).collect();
            if meant.len() != rows.len() {
                return Err(Refusal::CreditClaimed.into());
            }
            meant
        }
    };
    if meant.is_empty() {
        return Err(Fault::invalid("credits", "there are none"));
    }
    let sum = meant.iter().fold(0_i64, |sum, credit| sum.saturating_add(credit.amount.0));
    Ok((meant.iter().map(|credit| credit.id).collect(), Money(sum)))
}

/// `credit.add`.
pub(super) async fn add_credit(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    peer.needs(&Permission::RegisterHandler)?;
    let amount = amount(&mut fields, 1)?;
    let reference = fields.need::<String>("reference")?;
    let device = match fields.take::<String>("device")? {
        Some(text) => Some(find_device(peer, &text).await?.id),
        None => None,
    };
    fields.finish()?;
    if !(1..=200).contains(&reference.chars().count()) || reference.contains(char::is_control) {
        return Err(Fault::invalid(
            "reference",
            "must be 1 to 200 characters, none of them a control character",
        ));
    }
    let is_new = peer.host.handle.add_credit(&till(peer), &reference, amount, device).await?;
    Ok(json!({ "new": is_new }))
}

/// `credit.list`.
pub(super) async fn list_credits(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    peer.needs(&Permission::RegisterHandler)?;
    let device = match fields.take::<String>("device")? {
        Some(text) => Some(find_device(peer, &text).await?.id),
        None => None,
    };
    fields.finish()?;
    let found = peer.host.handle.unclaimed_credits(&till(peer), device).await?;
    let shown = found.iter().take(200).map(|credit| {
        json!({
            "id": credit.id,
            "amount": credit.amount.0,
            "device": credit.device.map(|device| device.to_string()),
            "at": shapes::time(credit.at),
        })
    });
    Ok(json!({ "items": shown.collect::<Vec<_>>(), "total": found.len() }))
}

/// `plan.list`.
pub(super) async fn plans(peer: &Peer, fields: Fields) -> Result<Value, Fault> {
    needs_view(peer)?;
    fields.finish()?;
    let plans = peer.host.store.list_plans().await.map_err(|error| Fault::internal(&error))?;
    Ok(json!({ "items": plans.iter().map(shapes::plan).collect::<Vec<_>>() }))
}
