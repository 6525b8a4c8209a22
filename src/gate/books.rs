//! The books as the kernel holds them.

use std::collections::HashMap;
use std::thread;

use super::error::GateError;
use super::kernel::{Group, Kernel};
use super::names::{ONLINE, RECEIVED, SENT};
use super::netlink::element::{Counter, Element, Quota};
use crate::domain::{ClientKey, KernelBooks};

/// From so many clients on, listing whole sets is faster than asking for each.
const MANY: usize = 256;

/// What was found, by client.
pub(super) type AllBooks = HashMap<ClientKey, KernelBooks>;

impl Kernel {
    /// The books of these clients; all zeroes where there is nothing.
    pub(super) fn read(&mut self, keys: &[ClientKey]) -> Result<AllBooks, GateError> {
        if keys.len() >= MANY {
            let mut all = self.read_all()?;
            return Ok(keys.iter().map(|key| (*key, all.remove(key).unwrap_or_default())).collect());
        }
        let marks: Vec<_> = keys.iter().map(|key| self.mark_bytes(*key)).collect();
        // First online, then the counters: what passes in between is in the books and not yet in the quota.
        let online = self.socket.get(ONLINE, &marks)?;
        let mut books: AllBooks = keys.iter().map(|key| (*key, KernelBooks::default())).collect();
        self.note_quotas(&mut books, online.into_iter().flatten());
        self.read_counters(&mut books, &marks)?;
        Ok(books)
    }

    /// The books of every client in any of the sets.
    pub(super) fn read_all(&mut self) -> Result<AllBooks, GateError> {
        let mut books = AllBooks::new();
        let online = self.socket.dump(ONLINE)?;
        let many = online.len() >= MANY;
        self.note_quotas(&mut books, online.into_iter());
        let (sent, received) =
            if many { self.dump_counters()? } else { (self.socket.dump(SENT)?, self.socket.dump(RECEIVED)?) };
        self.note_counters(&mut books, sent.into_iter(), note_sent);
        self.note_counters(&mut books, received.into_iter(), note_received);
        Ok(books)
    }

    /// Both counters at the same time: the kernel lists a set on the processor of whoever asks.
    fn dump_counters(&mut self) -> Result<(Vec<Element>, Vec<Element>), GateError> {
        let (first, second) = (&mut self.socket, &mut self.second_socket);
        thread::scope(|scope| {
            let received = thread::Builder::new()
                .spawn_scoped(scope, || second.dump(RECEIVED))
                .map_err(GateError::socket("start a thread"))?;
            let sent = first.dump(SENT)?;
            Ok((sent, received.join().map_err(|_| GateError::Stopped)??))
        })
    }

    /// Nothing passes from here on; then the last books.
    pub(super) fn shut_and_read(&mut self, keys: &[ClientKey]) -> Result<AllBooks, GateError> {
        for key in keys {
            self.check_key(*key)?;
        }
        let groups: Vec<Group> = keys.iter().map(|key| vec![self.shut(*key)]).collect();
        let (results, echoes) = self.run(&groups);
        results.into_iter().collect::<Result<(), _>>()?;
        let mut books: AllBooks = keys.iter().map(|key| (*key, KernelBooks::default())).collect();
        self.note_quotas(&mut books, echoes.into_values());
        let marks: Vec<_> = keys.iter().map(|key| self.mark_bytes(*key)).collect();
        self.read_counters(&mut books, &marks)?;
        Ok(books)
    }

    fn read_counters(&mut self, books: &mut AllBooks, marks: &[Vec<u8>]) -> Result<(), GateError> {
        let sent = self.socket.get(SENT, marks)?;
        self.note_counters(books, sent.into_iter().flatten(), note_sent);
        let received = self.socket.get(RECEIVED, marks)?;
        self.note_counters(books, received.into_iter().flatten(), note_received);
        Ok(())
    }

    fn note_quotas(&self, books: &mut AllBooks, elements: impl Iterator<Item = Element>) {
        for element in elements {
            let Some(key) = element.key_number().and_then(|mark| self.key_of(mark)) else { continue };
            // An element without a quota is not ours to have made; it limits nothing.
            let quota = element.quota.unwrap_or(Quota { limit_bytes: Quota::UNLIMITED_BYTES, used_bytes: 0 });
            let entry = books.entry(key).or_default();
            entry.quota_used = Some(quota.used_bytes);
            entry.quota_exhausted = quota.is_exhausted();
        }
    }

    fn note_counters(
        &self,
        books: &mut AllBooks,
        elements: impl Iterator<Item = Element>,
        note: impl Fn(&mut KernelBooks, Counter),
    ) {
        for element in elements {
            let Some(key) = element.key_number().and_then(|mark| self.key_of(mark)) else { continue };
            note(books.entry(key).or_default(), element.counter.unwrap_or_default());
        }
    }
}

fn note_sent(books: &mut KernelBooks, counter: Counter) {
    books.books.sent_bytes = counter.bytes;
    books.books.sent_packets = counter.packets;
}

fn note_received(books: &mut KernelBooks, counter: Counter) {
    books.books.received_bytes = counter.bytes;
    books.books.received_packets = counter.packets;
}
