use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Lab, NET4, NET6, Ns, UdpBlaster, UdpEcho, UdpSink, eventually, header_bytes};

const GAP: Duration = Duration::from_millis(4);
const BYTES: usize = 400;
/// Traffic goes on when so much of it is answered for so long.
const STEADY: Duration = Duration::from_millis(200);
const STEADY_ANSWERS: usize = 25;

/// Packets over both families of somebody who may send and of somebody who may not, while something happens that may cost
/// some of them.
pub struct Crossing {
    echoes: [UdpEcho; 2],
    blasters: [UdpBlaster; 2],
    _thieves: [UdpBlaster; 2],
    sinks: [UdpSink; 2],
}

impl Crossing {
    /// Begins to send.
    pub fn start(lab: &Lab, phone: &Ns, captive: &Ns) -> Self {
        let fars = [IpAddr::from(NET4), IpAddr::from(NET6)];
        let echoes = fars.map(|far| UdpEcho::open(&lab.internet, (far, 7)));
        let sinks = fars.map(|far| UdpSink::open(&lab.internet, (far, 9)));
        let blasters = fars.map(|far| UdpBlaster::start(phone, (far, 7), BYTES, GAP));
        let thieves = fars.map(|far| UdpBlaster::start(captive, (far, 9), 100, GAP));
        Self { echoes, blasters, _thieves: thieves, sinks }
    }

    /// Whether traffic that is sent after this instant goes on over both families.
    pub fn recovers(&self, after: Instant) -> bool {
        eventually(Duration::from_secs(2), || {
            let since = Instant::now().checked_sub(STEADY).expect("the machine runs that long").max(after);
            self.blasters.iter().all(|blaster| blaster.answered_since(since) >= STEADY_ANSWERS)
        })
    }

    /// The longest time since then in which nothing came through over one of the families.
    pub fn longest_silence(&self, since: Instant) -> Duration {
        let silences = self.blasters.iter().map(|blaster| blaster.longest_silence(since));
        silences.max().expect("two")
    }

    /// What got out of the device that may not.
    pub fn leaked(&self) -> usize {
        self.sinks.iter().map(UdpSink::packets).sum()
    }

    /// When the last of it was sent.
    pub fn last_leak(&self) -> Option<Instant> {
        self.sinks.iter().filter_map(UdpSink::last).max()
    }

    /// Stops the one who may.
    pub fn stop(&mut self) {
        self.blasters.iter_mut().for_each(UdpBlaster::stop);
    }

    /// The bytes that arrived at either end: at least those were let through.
    pub fn arrived(&self) -> u64 {
        let up: usize = self.echoes.iter().map(UdpEcho::l3_bytes).sum();
        let down: usize =
            self.blasters.iter().map(|blaster| blaster.answers() * (BYTES + header(blaster))).sum();
        (up + down) as u64
    }

    /// The bytes that either end sent: no more can have been let through.
    pub fn sent(&self) -> u64 {
        let up: usize = self.blasters.iter().map(UdpBlaster::l3_bytes).sum();
        // Each that arrived was sent back.
        let down: usize = self.echoes.iter().map(UdpEcho::l3_bytes).sum();
        (up + down) as u64
    }
}

fn header(blaster: &UdpBlaster) -> usize {
    header_bytes(blaster.to())
}
