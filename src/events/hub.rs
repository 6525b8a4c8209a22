//! Tells all listeners: one task hears every event once and hands it to whoever wants it.
//!
//! It never waits for a listener. One that has no room is fed from the store by a task of its own, as fast as it reads,
//! and comes back when it has caught up. Listeners are woken a few at a time, so that a connect never stands in line
//! behind a thousand of them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::feed::{Begin, feed};
use super::member::Member;
use super::outlet::Put;
use super::pulse::{Pulse, look};
use super::source::Source;
use super::text;
use crate::domain::SessionId;
use crate::runtime::ToldGroup;
use crate::store::LoggedSessionEvent;

/// So many listeners are told before others have their turn.
const AT_ONCE: usize = 16;
/// For each listener events are gathered for so long, so that many of them wake it once …
const GATHER_EACH: Duration = Duration::from_micros(20);
/// … in all at most so long.
const GATHER_MOST: Duration = Duration::from_millis(15);
/// Less is not worth a timer.
const GATHER_LEAST: Duration = Duration::from_millis(1);
/// Groups that are told together at most.
const GROUPS_AT_ONCE: usize = 64;
/// How many events are remembered for those who have just been fed.
const REMEMBERED: usize = 512;
/// A listener that is told nothing gets a sign of life so often.
const ALIVE: Duration = Duration::from_secs(15);
/// How often listeners are looked after, and what flows is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Looking at what flows takes at most one part of so many of a processor.
const LOOK_SHARE: u32 = 4;

/// Serves listeners as they arrive, until nobody can arrive any more or `stop` says so.
pub(super) async fn run(
    source: Source,
    mut arrivals: mpsc::Receiver<(Member, Begin)>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let arrived = tokio::select! {
            biased;
            () = stopped(&mut stop) => return refuse_all(&mut arrivals),
            arrived = arrivals.recv() => arrived,
        };
        let Some((member, begin)) = arrived else { return };
        // Only while somebody listens does anybody hear: else an event costs nothing.
        let mut hub = Hub::new(source.clone());
        hub.feed(member, begin);
        if hub.serve(&mut arrivals, &mut stop).await {
            return refuse_all(&mut arrivals);
        }
        source.forget().await;
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could say so is gone: nobody will, and no more listeners arrive either.
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn refuse_all(arrivals: &mut mpsc::Receiver<(Member, Begin)>) {
    arrivals.close();
    while let Ok((member, _)) = arrivals.try_recv() {
        member.outlet.end(text::dropped(STOPPING), false);
    }
}

const STOPPING: &str = "turnpike is stopping";

struct Hub {
    source: Source,
    groups: broadcast::Receiver<ToldGroup>,
    /// The last event that was heard.
    position: i64,
    /// The last few, oldest first.
    recent: VecDeque<LoggedSessionEvent>,
    members: Vec<Member>,
    feeding: JoinSet<Option<Member>>,
    looking: JoinSet<Option<Pulse>>,
    next_look: Instant,
    look_began: Instant,
}

impl Hub {
    fn new(source: Source) -> Self {
        // In this order: what is told in between is heard, and known to be behind the position.
        let groups = source.handle.listen();
        let position = source.handle.last_told();
        let now = Instant::now();
        Self {
            source,
            groups,
            position,
            recent: VecDeque::new(),
            members: Vec::new(),
            feeding: JoinSet::new(),
            looking: JoinSet::new(),
            next_look: now + TICK,
            look_began: now,
        }
    }

    /// Until nobody listens any more; `true` if it is to stop for good.
    async fn serve(
        &mut self,
        arrivals: &mut mpsc::Receiver<(Member, Begin)>,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !(self.members.is_empty() && self.feeding.is_empty()) {
            tokio::select! {
                () = stopped(stop) => {
                    self.end_all();
                    return true;
                }
                group = self.groups.recv() => match group {
                    Ok(group) => self.hear(group).await,
                    Err(RecvError::Lagged(_)) => self.lost(),
                    Err(RecvError::Closed) => return true,
                },
                Some(fed) = self.feeding.join_next() => match fed {
                    Ok(Some(member)) => self.admit(member),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "feeding a listener broke off"),
                },
                Some(looked) = self.looking.join_next() => self.looked(looked.ok().flatten()).await,
                arrived = arrivals.recv() => match arrived {
                    Some((member, begin)) => self.feed(member, begin),
                    // Whoever could listen is gone, and with them every connection.
                    None => return true,
                },
                _ = tick.tick() => self.look_after().await,
            }
        }
        false
    }

    fn feed(&mut self, member: Member, begin: Begin) {
        self.feeding.spawn(feed(self.source.clone(), member, begin));
    }

    /// Takes in one that has been told everything up to some event.
    fn admit(&mut self, mut member: Member) {
        if member.last < self.position {
            let remembered = self.recent.front().is_some_and(|oldest| oldest.id <= member.last + 1);
            if !remembered {
                return self.feed(member, Begin::Further);
            }
            let text = member.text_of(self.recent.make_contiguous());
            if !text.is_empty() && member.put_anyway(text.into()) != Put::Taken {
                return;
            }
        }
        if !member.outlet.is_over() {
            self.members.push(member);
        }
    }

    /// Tells the events of this group and of those that follow within a moment.
    async fn hear(&mut self, first: ToldGroup) {
        let listeners = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        let gather = GATHER_EACH.saturating_mul(listeners).min(GATHER_MOST);
        if gather >= GATHER_LEAST {
            sleep(gather).await;
        }
        let mut events: Vec<LoggedSessionEvent> = first.to_vec();
        for _ in 0..GROUPS_AT_ONCE {
            match self.groups.try_recv() {
                Ok(group) => events.extend(group.iter().cloned()),
                // If some were missed, the numbers say so when the next group comes.
                Err(_) => break,
            }
        }
        events.retain(|event| event.id > self.position);
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        let whole = first.id == self.position + 1
            && last.id - first.id == i64::try_from(events.len()).unwrap_or(0) - 1;
        if !whole {
            self.position = last.id;
            return self.lost();
        }
        let before = std::mem::replace(&mut self.position, last.id);
        self.tell(&events, before).await;
        self.recent.extend(events);
        let surplus = self.recent.len().saturating_sub(REMEMBERED);
        self.recent.drain(..surplus);
    }

    /// Hands the events to everybody; who is told the same gets the same text.
    async fn tell(&mut self, events: &[LoggedSessionEvent], before: i64) {
        let mut texts: HashMap<Arc<str>, Bytes> = HashMap::new();
        let mut leaving = Vec::new();
        for place in 0..self.members.len() {
            if place % AT_ONCE == AT_ONCE - 1 {
                yield_now().await;
            }
            let Some(member) = self.members.get_mut(place) else { break };
            let shared = member.matching.is_none() && member.last == before;
            let last = member.last;
            let text = match texts.get(&member.key) {
                Some(text) if shared => {
                    member.last = self.position;
                    text.clone()
                }
                _ => {
                    let text = Bytes::from(member.text_of(events));
                    if shared {
                        texts.insert(Arc::clone(&member.key), text.clone());
                    }
                    text
                }
            };
            if text.is_empty() {
                continue;
            }
            let put = match member.matching {
                // What it has open was changed with the text, so the text must go with it.
                Some(_) => member.put_anyway(text),
                None => member.put(text),
            };
            match put {
                Put::Taken if member.matching.is_some() && member.outlet.is_full() => leaving.push(place),
                Put::Taken => {}
                Put::Full => {
                    member.last = last;
                    leaving.push(place);
                }
                Put::Gone => leaving.push(place),
            }
        }
        self.leave(leaving);
    }

    /// Those that are gone go; those that have no room are fed.
    fn leave(&mut self, places: Vec<usize>) {
        for place in places.into_iter().rev() {
            let member = self.members.swap_remove(place);
            if !member.outlet.is_over() {
                self.feed(member, Begin::Further);
            }
        }
    }

    /// Events were missed here: the store has them.
    fn lost(&mut self) {
        tracing::debug!("listeners are fed from the store: there was too much at once");
        self.recent.clear();
        for member in std::mem::take(&mut self.members) {
            self.feed(member, Begin::Further);
        }
    }

    async fn look_after(&mut self) {
        let mut leaving = Vec::new();
        for place in 0..self.members.len() {
            if place % AT_ONCE == AT_ONCE - 1 {
                yield_now().await;
            }
            let Some(member) = self.members.get_mut(place) else { break };
            if member.outlet.is_over() {
                leaving.push(place);
            } else if member.told_at.elapsed() >= ALIVE {
                let last = (member.last != member.said).then_some(member.last);
                if member.put(text::alive(last)) != Put::Taken {
                    leaving.push(place);
                }
            }
        }
        self.leave(leaving);
        let flowing = self.members.iter().filter(|member| member.matching.is_some());
        let listeners: HashMap<_, _> =
            flowing.map(|member| (Arc::clone(&member.key), Arc::clone(&member.listener))).collect();
        if !listeners.is_empty() && self.looking.is_empty() && Instant::now() >= self.next_look {
            self.look_began = Instant::now();
            self.looking.spawn(look(self.source.clone(), listeners));
        }
    }

    /// Tells those whose filter looks at what flows what was found.
    async fn looked(&mut self, pulse: Option<Pulse>) {
        let took = self.look_began.elapsed();
        self.next_look = self.look_began + TICK.max(took * LOOK_SHARE) - TICK / 10;
        let Some(pulse) = pulse else { return };
        // The look may show what these would tell.
        while let Ok(group) = self.groups.try_recv() {
            self.hear(group).await;
        }
        let known = self.position == pulse.last_told()
            || self.recent.front().is_some_and(|oldest| oldest.id <= pulse.last_told() + 1);
        if self.position < pulse.last_told() || !known {
            return;
        }
        let since = self.recent.iter().filter(|event| event.id > pulse.last_told());
        let changed: HashSet<SessionId> = since.map(|event| event.event.session).collect();
        let mut leaving = Vec::new();
        for place in 0..self.members.len() {
            let Some(member) = self.members.get_mut(place) else { break };
            // It may have been fed beyond what was heard here.
            if member.matching.is_none() || member.last > self.position {
                continue;
            }
            yield_now().await;
            if pulse.tell(member, |id| changed.contains(&id)) == Put::Gone || member.outlet.is_full() {
                leaving.push(place);
            }
        }
        self.leave(leaving);
    }

    /// Tells everybody that it is over; those that are being fed are told as their task ends.
    fn end_all(&mut self) {
        for member in self.members.drain(..) {
            member.outlet.end(text::dropped(STOPPING), false);
        }
        self.feeding.abort_all();
    }
}
