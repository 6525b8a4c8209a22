use serde_json::{Value, json};

use super::once::Change;
use super::{device, needs_modify, needs_view};
use crate::domain::{
    ClientSession, CloseReason, Filter, OnceSubject, Refusal, SessionId, SessionPatch, Text,
};
use crate::plugins::connection::Peer;
use crate::plugins::rpc::{Fault, Fields};
use crate::plugins::shapes;

/// The most sessions, or devices, of one page: a page is one line.
const MAX_PAGE: usize = 50;

async fn session(peer: &Peer, fields: &mut Fields) -> Result<ClientSession, Fault> {
    let id: SessionId = fields
        .need::<String>("session")?
        .parse()
        .map_err(|_| Fault::invalid("session", "must be the id of a session"))?;
    Ok(peer.host.handle.session(id).await?)
}

fn is_own(peer: &Peer, session: &ClientSession) -> bool {
    peer.held().providers.contains(&session.provider)
}

/// Which part of a list is asked for: the place of its first item, and how many.
pub(super) fn page(fields: &mut Fields) -> Result<(usize, usize), Fault> {
    let page = fields.take::<usize>("page")?.unwrap_or(1);
    let per_page = fields.take::<usize>("per_page")?.unwrap_or(MAX_PAGE);
    if page == 0 {
        return Err(Fault::invalid("page", "pages are counted from 1"));
    }
    if !(1..=MAX_PAGE).contains(&per_page) {
        return Err(Fault::invalid("per_page", format!("must be between 1 and {MAX_PAGE}")));
    }
    Ok(((page - 1).saturating_mul(per_page), per_page))
}

/// Which sessions are meant.
pub(super) fn filter(fields: &mut Fields) -> Result<Option<Filter>, Fault> {
    let Some(text) = fields.take::<String>("filter")? else { return Ok(None) };
    Filter::parse(&text).map(Some).map_err(|error| Fault::invalid("filter", error))
}

/// `session.get`.
pub(super) async fn get(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let session = session(peer, &mut fields).await?;
    fields.finish()?;
    if !is_own(peer, &session) {
        needs_view(peer)?;
    }
    Ok(json!({ "session": shapes::session(&session) }))
}

/// `session.list`: those that are not over.
pub(super) async fn list(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let of = match fields.take::<Value>("device")? {
        Some(named) => Some(device(peer, &mut Fields::of(json!({ "device": named }))?).await?.id),
        None => None,
    };
    let filter = filter(&mut fields)?;
    let (first, count) = page(&mut fields)?;
    fields.finish()?;
    let sees_all = needs_view(peer).is_ok();
    let now = peer.host.handle.snapshot().await?;
    let mut found: Vec<&ClientSession> = now
        .views()
        .filter(|(session, device, _)| {
            of.is_none_or(|of| of == device.id) && (sees_all || is_own(peer, session))
        })
        .filter(|(_, _, view)| filter.as_ref().is_none_or(|filter| filter.matches(view)))
        .map(|(session, ..)| session)
        .collect();
    found.sort_by_key(|session| session.id);
    let total = found.len();
    let sessions = found.into_iter().skip(first).take(count).cloned().collect();
    let sessions = peer.host.handle.freshen(sessions).await?;
    let items: Vec<Value> = sessions.iter().map(shapes::session).collect();
    Ok(json!({ "items": items, "total": total }))
}

/// `session.update`.
pub(super) async fn update(peer: &Peer, mut fields: Fields, params: &Value) -> Result<Value, Fault> {
    let session = session(peer, &mut fields).await?;
    let key = fields.take::<String>("idempotency_key")?;
    let patch = SessionPatch::new(
        fields.take("time_secs")?,
        fields.take("data_mb")?,
        fields.take("add_time_secs")?,
        fields.take("add_data_mb")?,
        fields.take("down_mbps")?,
        fields.take("up_mbps")?,
        fields.take("use_global_speed")?,
        fields.take("exp_days")?,
    )?;
    fields.finish()?;
    if !is_own(peer, &session) {
        needs_modify(peer)?;
    }
    let change = Change::new(peer, "session.change", params, key)?;
    let again = |subject| async move {
        let OnceSubject::Session(id) = subject else { return Err(Refusal::UnknownSession) };
        peer.host.handle.session(id).await
    };
    let session = match change.before(peer).await? {
        Some(subject) => again(subject).await?,
        None => match change.handle(peer).update_session(session.id, patch).await {
            Err(Refusal::DoneBefore) => again(OnceSubject::Session(session.id)).await?,
            done => done?,
        },
    };
    Ok(json!({ "session": shapes::session(&session) }))
}

/// `session.close`.
pub(super) async fn close(peer: &Peer, mut fields: Fields) -> Result<Value, Fault> {
    let session = session(peer, &mut fields).await?;
    let text = Text::new(&fields.take::<String>("reason")?.unwrap_or_default());
    fields.finish()?;
    let reason = if is_own(peer, &session) {
        CloseReason::Revoked
    } else {
        needs_modify(peer)?;
        CloseReason::Operator
    };
    let change = Change::new(peer, "session.close", &Value::Null, None)?;
    let session = change.handle(peer).close_session(session.id, reason, text).await?;
    Ok(json!({ "session": shapes::session(&session) }))
}
