//! What a listener is told before it hears events as they happen: the sessions that there are, or what it missed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::member::Member;
use super::outlet::Put;
use super::source::{SLICE, Source};
use super::text;
use crate::domain::Matching;
use crate::store::LoggedSessionEvent;

/// A listener that has not taken the sessions that there are within this time is dropped.
const OPENING: Duration = Duration::from_secs(120);

/// Where a listener begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With the sessions that there are.
    Now,
    /// Behind the event that it heard last.
    Behind(i64),
    /// Where it was left: it has fallen behind.
    Further,
}

/// Why feeding ended early.
enum Stop {
    /// It took nothing for too long, or is gone.
    TooSlow,
    /// Turnpike could not go on.
    Failed,
    /// What it missed is gone.
    Pruned(&'static str),
}

/// Brings a listener up to what the store holds. `None`: it is over, and was told why.
pub(super) async fn feed(source: Source, mut member: Member, begin: Begin) -> Option<Member> {
    let fed = match begin {
        Begin::Now => open(&source, &mut member).await,
        Begin::Behind(last) => resume(&source, &mut member, last).await,
        Begin::Further => catch_up(&source, &mut member).await,
    };
    let fed = match fed {
        Err(Stop::Pruned(why)) => {
            // The bound on what may wait was kept: this is little, and comes at most once.
            let _ = member.outlet.put_anyway(text::resync(why, member.last));
            open(&source, &mut member).await
        }
        fed => fed,
    };
    match fed {
        Ok(()) => return Some(member),
        Err(Stop::TooSlow) => member.drop_slow(),
        Err(Stop::Failed | Stop::Pruned(_)) => member.outlet.end(text::dropped("failed"), false),
    }
    None
}

async fn open(source: &Source, member: &mut Member) -> Result<(), Stop> {
    timeout(OPENING, tell_all(source, member)).await.map_err(|_| Stop::TooSlow)?
}

/// Tells the sessions that there are.
async fn tell_all(source: &Source, member: &mut Member) -> Result<(), Stop> {
    let snapshot = source.snapshot(member.listener.flows()).await.map_err(|error| failed(&error))?;
    let (listener, at) = (Arc::clone(&member.listener), source.handle.now().wall);
    let mut matching = listener.flows().then(Matching::default);
    for start in (0..snapshot.sessions.len()).step_by(SLICE) {
        room(member).await?;
        let _turn = source.turn().await;
        let mut text = String::new();
        for (session, device, view) in snapshot.views_from(start).take(SLICE) {
            if !listener.matches(&view) {
                continue;
            }
            let properties = view.map(listener.chosen());
            let told = listener.open(session.id, device.id, at, &properties);
            text::event(&mut text, snapshot.last_told, &told);
            if let Some(matching) = &mut matching {
                matching.add(session.id, device.id);
            }
        }
        put(member, text)?;
    }
    member.last = snapshot.last_told;
    member.matching = matching;
    member.seen_at = snapshot.now;
    ready(member)
}

/// Tells what the listener missed, or that it cannot be told.
async fn resume(source: &Source, member: &mut Member, last: i64) -> Result<(), Stop> {
    member.last = last;
    if member.listener.flows() {
        return Err(Stop::Pruned("the filter looks at what changes by itself"));
    }
    let kept = source.store.session_event_range().await.map_err(|error| failed(&error))?;
    let (oldest, newest) = kept.unwrap_or((1, 0));
    if last > newest {
        return Err(Stop::Pruned("there is no such event yet"));
    }
    if last.saturating_add(1) < oldest {
        return Err(Stop::Pruned("the events after it are no longer kept"));
    }
    catch_up(source, member).await?;
    ready(member)
}

/// Tells what the store holds after the last event that the listener was told.
async fn catch_up(source: &Source, member: &mut Member) -> Result<(), Stop> {
    let page = u32::try_from(SLICE).unwrap_or(1);
    loop {
        room(member).await?;
        let _turn = source.turn().await;
        let events = source.store.session_events(member.last, page).await;
        let events = events.map_err(|error| failed(&error))?;
        if events.first().is_some_and(|first| first.id != member.last.saturating_add(1)) {
            return Err(Stop::Pruned("the events after it are no longer kept"));
        }
        tell(member, &events)?;
        if events.len() < SLICE {
            return Ok(());
        }
    }
}

fn tell(member: &mut Member, events: &[LoggedSessionEvent]) -> Result<(), Stop> {
    let text = member.text_of(events);
    put(member, text)
}

async fn room(member: &Member) -> Result<(), Stop> {
    if member.outlet.room().await { Ok(()) } else { Err(Stop::TooSlow) }
}

fn put(member: &mut Member, text: String) -> Result<(), Stop> {
    if text.is_empty() {
        return Ok(());
    }
    match member.put_anyway(text.into()) {
        Put::Taken => Ok(()),
        Put::Full | Put::Gone => Err(Stop::TooSlow),
    }
}

fn ready(member: &mut Member) -> Result<(), Stop> {
    member.said = member.last;
    match member.put_anyway(text::ready(member.last)) {
        Put::Taken => Ok(()),
        Put::Full | Put::Gone => Err(Stop::TooSlow),
    }
}

fn failed(error: &dyn std::fmt::Display) -> Stop {
    tracing::error!(%error, "a listener could not be told what happened");
    Stop::Failed
}
