use std::collections::VecDeque;

use super::observer::{NetEvent, Observer};
use super::socket::{Heard, NoticeSocket, RECEIVE_BUFFER_BYTES};
use super::{Net, NetError};

/// `RTNLGRP_LINK`, `_NEIGH`, `_IPV4_IFADDR`, `_IPV6_IFADDR` (`include/uapi/linux/rtnetlink.h`).
const GROUPS: [u32; 4] = [1, 3, 5, 9];

/// Who comes and goes on the zones' devices, as events. Nothing is ever missed for good: when the kernel had to drop notices,
/// the tables are read anew.
pub struct NetWatch {
    net: Net,
    socket: NoticeSocket,
    observer: Observer,
    waiting: VecDeque<NetEvent>,
    must_resync: bool,
}

impl NetWatch {
    /// Watches these devices, by name, whether they exist yet or not. The first event is [`NetEvent::Resynced`], after a
    /// [`NetEvent::LinkUp`] for each device that is up.
    #[expect(clippy::unused_async, reason = "opened inside the runtime that it will wait in")]
    pub async fn open(devices: &[String]) -> Result<Self, NetError> {
        Self::open_with_buffer(devices, RECEIVE_BUFFER_BYTES)
    }

    /// As [`NetWatch::open`], with this much kernel memory for notices that wait; a small one shows what happens when it is
    /// full.
    pub fn open_with_buffer(devices: &[String], receive_buffer_bytes: usize) -> Result<Self, NetError> {
        Ok(Self {
            net: Net::open()?,
            socket: NoticeSocket::open(&GROUPS, receive_buffer_bytes)?,
            observer: Observer::new(devices),
            waiting: VecDeque::new(),
            must_resync: true,
        })
    }

    /// The next event. Cancelling it loses none. An error is worth a word in the log and another call after a moment.
    pub async fn next(&mut self) -> Result<NetEvent, NetError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            if self.must_resync {
                // Notices that come meanwhile wait in the socket: told after this reading, they lead to what is.
                let links = self.net.links().await?;
                let own = self.net.own_addresses().await?;
                let sightings = self.net.sightings().await?;
                self.must_resync = false;
                self.waiting.extend(self.observer.resync(&links, own, sightings));
                continue;
            }
            match self.socket.hear().await? {
                Heard::Lost => self.must_resync = true,
                Heard::Messages(messages) => {
                    let mut events = Vec::new();
                    for message in &messages {
                        self.observer.handle(message, &mut events);
                    }
                    self.waiting.extend(events);
                }
            }
        }
    }
}
