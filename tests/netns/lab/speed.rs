use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::ns::Ns;
use super::poll::eventually;
use super::stolen::Stolen;
use super::udp::{UdpBlaster, UdpEcho, header_bytes};

const SECOND: Duration = Duration::from_secs(1);
/// The Ethernet header: what tc counts beside layer 3.
const ETHERNET_BYTES: usize = 14;
const PAYLOAD_BYTES: usize = 1400;
/// How often a speed is measured before it counts as too low.
const ATTEMPTS: usize = 5;

/// What counters grow by during `time`, as Mbit/s.
pub fn speeds<const N: usize>(time: Duration, counters: impl Fn() -> [usize; N]) -> [f64; N] {
    let (begun, before) = (Instant::now(), counters());
    std::thread::sleep(time);
    let (after, took) = (counters(), begun.elapsed());
    std::array::from_fn(|n| {
        #[expect(clippy::cast_precision_loss, reason = "a measurement")]
        let bits = ((after[n] - before[n]) * 8) as f64;
        bits / took.as_secs_f64() / 1e6
    })
}

/// What a counter grows by during `time`, as Mbit/s.
pub fn mbps(time: Duration, counter: impl Fn() -> usize) -> f64 {
    let [speed] = speeds(time, || [counter()]);
    speed
}

/// Waits until TCP is near a rate: it begins with more than fits, loses it, and gathers speed again.
pub fn settles(rate: f64, counter: impl Fn() -> usize) {
    let near = eventually(Duration::ZERO, || {
        let stolen = Stolen::from_now();
        let share = mbps(SECOND / 2, &counter) / rate;
        (0.8 * stolen.turns()..=1.05).contains(&share)
    });
    assert!(near, "never near {rate} Mbit/s");
}

/// What TCP connections usually reach, in Mbit/s: the median of nine half seconds. One that loses a retransmission, or whose
/// sender gets no turn on a busy machine, stands still for a moment: that is no matter of the rate.
pub fn usual_mbps<const N: usize>(counters: impl Fn() -> [usize; N]) -> [f64; N] {
    let mut slices = [(); 9].map(|()| speeds(SECOND / 2, &counters));
    std::array::from_fn(|n| {
        slices.sort_by(|one, other| one[n].total_cmp(&other[n]));
        slices[4][n]
    })
}

/// Measures speeds until they are as `enough` says. They have to be as `allowed` says each time: nothing excuses too much. Too
/// little may be a retransmission that was lost, or a machine whose host gave its turns to others: `enough` is told the share
/// of its turns that this one had meanwhile.
#[track_caller]
pub fn measured<const N: usize>(
    what: &str,
    measure: impl Fn() -> [f64; N],
    allowed: impl Fn([f64; N]) -> bool,
    enough: impl Fn([f64; N], f64) -> bool,
) {
    for _ in 0..ATTEMPTS {
        let stolen = Stolen::from_now();
        let speeds = measure();
        let turns = stolen.turns();
        let seen = format!("{what}: {speeds:.3?} Mbit/s, with {turns:.2} of the machine's turns");
        eprintln!("{seen}");
        assert!(allowed(speeds), "{seen}: too much");
        if enough(speeds, turns) {
            return;
        }
    }
    panic!("{what}: not what it should be in {ATTEMPTS} tries");
}

/// Asserts that rates are reached and not exceeded, by shares of them.
#[track_caller]
pub fn assert_rates<const N: usize>(
    what: &str,
    rates: [f64; N],
    wanted: RangeInclusive<f64>,
    measure: impl Fn() -> [f64; N],
) {
    let all = |speeds: [f64; N], fits: &dyn Fn(f64) -> bool| {
        speeds.iter().zip(rates).all(|(speed, rate)| fits(speed / rate))
    };
    let allowed = |speeds| all(speeds, &|share| share <= *wanted.end());
    let enough = |speeds, turns: f64| all(speeds, &|share| share >= wanted.start() * turns);
    measured(&format!("{what}, of {rates:.1?}"), measure, allowed, enough);
}

/// Asserts what one TCP connection makes of a rate, by the bytes that have arrived: headers do not count, and it tries again and
/// again whether there is more.
#[track_caller]
pub fn assert_tcp(what: &str, rate: f64, arrived: impl Fn() -> usize) {
    settles(rate, &arrived);
    assert_rates(what, [rate], 0.88..=1.02, || usual_mbps(|| [arrived()]));
}

/// More datagrams than fit, to the far end and back: what passes is the rate itself, whatever TCP would make of it.
pub struct Flood {
    echo: UdpEcho,
    blaster: UdpBlaster,
    header_bytes: usize,
}

impl Flood {
    /// Sends at `mbps` from a phone to a port of its own.
    pub fn start(phone: &Ns, internet: &Ns, far: impl Into<SocketAddr>, mbps: f64) -> Self {
        let far = far.into();
        let header_bytes = header_bytes(far) + ETHERNET_BYTES;
        #[expect(clippy::cast_precision_loss, reason = "a packet")]
        let packet_bits = ((PAYLOAD_BYTES + header_bytes) * 8) as f64;
        let echo = UdpEcho::open(internet, far);
        let gap = Duration::from_secs_f64(packet_bits / mbps / 1e6);
        Self { echo, blaster: UdpBlaster::start(phone, far, PAYLOAD_BYTES, gap), header_bytes }
    }

    /// Bytes of whole frames that came down and up so far.
    pub fn bytes(&self) -> [usize; 2] {
        let (down, up) = (self.blaster.answers(), self.echo.packets());
        [down, up].map(|packets| packets * (PAYLOAD_BYTES + self.header_bytes))
    }
}

/// How fast frames go down and up while `mbps` are sent. To tell one from the other, up must be the faster one: all that comes
/// down went up.
pub fn frame_speeds(phone: &Ns, internet: &Ns, far: impl Into<IpAddr>, mbps: f64) -> [f64; 2] {
    let flood = Flood::start(phone, internet, (far.into(), 7), mbps);
    // The queues are full then.
    std::thread::sleep(SECOND / 2);
    speeds(2 * SECOND, || flood.bytes())
}
