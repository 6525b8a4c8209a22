use std::net::IpAddr;
use std::time::Duration;

use super::{Lab, NET4, NET6, Ns, UdpBlaster, UdpEcho, UdpSink, eventually, header_bytes};

const GAP: Duration = Duration::from_millis(2);

/// Packets over both families of somebody who may send and of somebody who may not, counted to the byte.
pub struct Traffic {
    fars: [IpAddr; 2],
    echoes: [UdpEcho; 2],
    blasters: [UdpBlaster; 2],
    thief: UdpBlaster,
    sink: UdpSink,
}

impl Traffic {
    /// Begins to send.
    pub fn start(lab: &Lab, phone: &Ns, captive: &Ns) -> Self {
        let fars = [IpAddr::from(NET4), IpAddr::from(NET6)];
        let echoes = fars.map(|far| UdpEcho::open(&lab.internet, (far, 7)));
        let sink = UdpSink::open(&lab.internet, (NET6, 9));
        let blasters = fars.map(|far| UdpBlaster::start(phone, (far, 7), 500, GAP));
        let thief = UdpBlaster::start(captive, (NET6, 9), 100, GAP);
        Self { fars, echoes, blasters, thief, sink }
    }

    /// Whether a hundred more answers come within a second.
    pub fn goes_on(&self) -> bool {
        let answers = || self.blasters.iter().map(UdpBlaster::answers).sum::<usize>();
        let before = answers();
        eventually(Duration::from_secs(1), || answers() > before + 100)
    }

    /// Ends it: no packet was lost and none of the captive got out. The bytes both ways, as they are charged.
    pub fn settle(mut self) -> u64 {
        self.blasters.iter_mut().for_each(UdpBlaster::stop);
        for blaster in &self.blasters {
            assert_eq!(blaster.answers(), blaster.packets(), "packets were lost on the way");
        }
        self.settle_after_gaps()
    }

    /// The same where some packets were stopped by intent.
    pub fn settle_after_gaps(mut self) -> u64 {
        self.blasters.iter_mut().for_each(UdpBlaster::stop);
        assert!(self.thief.packets() > 100);
        assert_eq!(self.sink.packets(), 0, "a captive device got out");
        let up: usize = self.echoes.iter().map(UdpEcho::l3_bytes).sum();
        let down =
            self.blasters.iter().zip(self.fars).map(|(blaster, far)| {
                blaster.answer_bytes() + blaster.answers() * header_bytes((far, 7).into())
            });
        (up + down.sum::<usize>()) as u64
    }
}
