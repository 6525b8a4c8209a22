use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::Stream;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::metrics::Held;

/// How much text may wait for a listener before it is fed from the store instead, as fast as it reads.
pub(super) const FULL_BYTES: usize = 64 * 1024;
/// With less than this waiting, more is fetched.
const ROOM_BYTES: usize = 16 * 1024;
/// A listener that takes nothing of what waits for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that is handed on at once.
const PIECE_BYTES: usize = 32 * 1024;

/// Text on its way to one listener: put in without ever waiting, taken out as fast as the connection takes it.
#[derive(Debug)]
pub(super) struct Outlet {
    state: Mutex<State>,
    /// Something was taken, or nobody takes anything any more.
    moved: Notify,
}

#[derive(Debug)]
struct State {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    waker: Option<Waker>,
    /// Nothing more comes after what waits.
    ended: bool,
    /// The connection is gone.
    gone: bool,
    /// The listener's place, given back when it ends.
    place: Option<Place>,
}

/// What is held while somebody listens.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) _permits: Vec<OwnedSemaphorePermit>,
    pub(super) _counted: Held,
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It will be sent.
    Taken,
    /// There is no room for it.
    Full,
    /// Nobody listens any more.
    Gone,
}

impl Outlet {
    /// Both ends.
    pub(super) fn open(place: Place) -> (Arc<Self>, Taps) {
        let state = State {
            pieces: VecDeque::new(),
            bytes: 0,
            waker: None,
            ended: false,
            gone: false,
            place: Some(place),
        };
        let outlet = Arc::new(Self { state: Mutex::new(state), moved: Notify::new() });
        (Arc::clone(&outlet), Taps(outlet))
    }

    /// Puts in a text if there is room for it.
    pub(super) fn put(&self, text: Bytes) -> Put {
        let state = self.state();
        if !state.gone && state.bytes > 0 && state.bytes + text.len() > FULL_BYTES {
            return Put::Full;
        }
        self.add(state, text)
    }

    /// Puts in a text, room or not; for what is bounded by itself, after [`Outlet::room`].
    pub(super) fn put_anyway(&self, text: Bytes) -> Put {
        self.add(self.state(), text)
    }

    fn add(&self, mut state: MutexGuard<'_, State>, text: Bytes) -> Put {
        if state.gone || state.ended {
            return Put::Gone;
        }
        state.bytes += text.len();
        state.pieces.push_back(text);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Put::Taken
    }

    /// Waits until most of what was put in is taken. `false` if it is not, or nobody listens any more.
    pub(super) async fn room(&self) -> bool {
        self.room_within(PATIENCE).await
    }

    async fn room_within(&self, patience: Duration) -> bool {
        loop {
            let moved = self.moved.notified();
            {
                let state = self.state();
                if state.gone || state.ended {
                    return false;
                }
                if state.bytes < ROOM_BYTES {
                    return true;
                }
            }
            if tokio::time::timeout(patience, moved).await.is_err() {
                return false;
            }
        }
    }

    /// Says a last thing and closes the connection. With `at_once` what still waits is left out: nobody takes it.
    pub(super) fn end(&self, last: Bytes, at_once: bool) {
        let mut state = self.state();
        if at_once {
            state.pieces.clear();
            state.bytes = 0;
        }
        self.add(state, last);
        let mut state = self.state();
        state.ended = true;
        state.place = None;
        drop(state);
        self.moved.notify_one();
    }

    /// Whether more waits than should.
    pub(super) fn is_full(&self) -> bool {
        self.state().bytes >= FULL_BYTES
    }

    /// Whether nobody listens any more.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.gone || state.ended
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection's end of an [`Outlet`]: the body of the answer.
#[derive(Debug)]
pub(super) struct Taps(Arc<Outlet>);

impl Stream for Taps {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.state();
        let Some(first) = state.pieces.pop_front() else {
            if state.ended {
                return Poll::Ready(None);
            }
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        // Small ones go together: each costs a write.
        let mut piece = first;
        if state.pieces.front().is_some_and(|next| piece.len() + next.len() <= PIECE_BYTES) {
            let mut together = piece.to_vec();
            while state.pieces.front().is_some_and(|next| together.len() + next.len() <= PIECE_BYTES) {
                together.extend_from_slice(&state.pieces.pop_front().unwrap_or_default());
            }
            piece = together.into();
        }
        state.bytes = state.bytes.saturating_sub(piece.len());
        drop(state);
        self.0.moved.notify_one();
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Drop for Taps {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.gone = true;
        state.place = None;
        state.pieces.clear();
        state.bytes = 0;
        drop(state);
        self.0.moved.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn open() -> (Arc<Outlet>, Taps) {
        Outlet::open(Place { _permits: Vec::new(), _counted: crate::metrics::Gauge::default().hold() })
    }

    #[tokio::test]
    async fn small_texts_go_together_in_order() {
        let (outlet, mut taps) = open();
        for text in ["a", "b", "c"] {
            assert_eq!(outlet.put(Bytes::from_static(text.as_bytes())), Put::Taken);
        }
        assert_eq!(taps.next().await, Some(Ok(Bytes::from_static(b"abc"))));
        outlet.end(Bytes::from_static(b"bye"), false);
        assert_eq!(outlet.put(Bytes::from_static(b"late")), Put::Gone);
        assert_eq!(taps.next().await, Some(Ok(Bytes::from_static(b"bye"))));
        assert_eq!(taps.next().await, None);
    }

    #[tokio::test]
    async fn whoever_takes_nothing_has_no_room() {
        let (outlet, mut taps) = open();
        let text = Bytes::from(vec![b'x'; FULL_BYTES]);
        assert_eq!(outlet.put(text.clone()), Put::Taken, "one text always fits");
        assert_eq!(outlet.put(Bytes::from_static(b"more")), Put::Full);
        assert!(!outlet.room_within(Duration::from_millis(20)).await);
        outlet.end(Bytes::from_static(b"dropped"), true);
        assert_eq!(taps.next().await, Some(Ok(Bytes::from_static(b"dropped"))));
        assert_eq!(taps.next().await, None);
    }

    #[tokio::test]
    async fn room_is_made_by_taking_and_a_connection_that_goes_is_noticed() {
        let (outlet, mut taps) = open();
        assert_eq!(outlet.put(Bytes::from(vec![b'x'; FULL_BYTES])), Put::Taken);
        let waits = Arc::clone(&outlet);
        let waiting = tokio::spawn(async move { waits.room().await });
        assert!(taps.next().await.is_some());
        assert!(waiting.await.unwrap());
        drop(taps);
        assert!(outlet.is_over());
        assert_eq!(outlet.put(Bytes::from_static(b"a")), Put::Gone);
    }
}
