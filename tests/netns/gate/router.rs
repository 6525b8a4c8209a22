use std::collections::HashMap;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use turnpike::domain::{Access, Books, BootTime, ClientKey, GateOp, Grant, KernelBooks, MacAddr, ZoneName};
use turnpike::gate::{Gate, GateError, Policy, Repairs, ZoneGate};

use crate::lab::{Lab, LabBuilder, Phone};

pub const MASK: u32 = 0xff00_00ff;
/// The clock of these tests stands still: what counts is the time left from here.
pub const NOW: BootTime = BootTime(1_000_000);
pub const SECOND: Duration = Duration::from_secs(1);
/// The router's address on `br-lan`.
pub const ROUTER_MAC: &str = "02:00:00:00:77:01";

/// A lab whose router has the gate loaded.
pub struct Router {
    pub gate: Gate,
    pub policy: Policy,
    runtime: Runtime,
    pub lab: Lab,
}

impl Router {
    pub fn with_phones(phones: usize) -> Self {
        Self::new(Lab::builder().phones(phones).guests(1), |_| {})
    }

    /// Two zones, `br-lan` with its portal on 2050 and `br-guest` on 2051, after `adapt` has changed what it wants.
    pub fn new(builder: LabBuilder, adapt: impl FnOnce(&mut Policy)) -> Self {
        let lab = builder.build();
        let mut policy = Policy {
            zones: vec![zone("lan", "br-lan", 2050), zone("guest", "br-guest", 2051)],
            wan: vec!["wan".into()],
            mark_mask: MASK,
        };
        adapt(&mut policy);
        let gate = lab.router.enter(|| Gate::open(policy.mark_mask)).expect("a gate");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let router = Self { gate, policy, runtime, lab };
        router.load().expect("a ruleset");
        router
    }

    pub fn load(&self) -> Result<(), GateError> {
        self.lab.router.enter_async(|| self.gate.load(&self.policy))
    }

    pub fn phone(&self, number: usize) -> &Phone {
        &self.lab.phones[number]
    }

    pub fn apply(&self, ops: &[GateOp]) -> Vec<Result<(), GateError>> {
        self.runtime.block_on(self.gate.apply(NOW, ops))
    }

    /// Everything must succeed.
    pub fn must(&self, ops: &[GateOp]) {
        for (op, result) in ops.iter().zip(self.apply(ops)) {
            result.unwrap_or_else(|error| panic!("{op:?}: {error}"));
        }
    }

    /// The phone gets the key `number + 1`.
    pub fn learn(&self, number: usize) {
        self.must(&[GateOp::Learn { mac: mac(self.phone(number)), key: key_of(number) }]);
    }

    pub fn open(&self, number: usize, grant: Grant) {
        self.learn(number);
        self.must(&[GateOp::Open { key: key_of(number), grant }]);
    }

    pub fn close(&self, number: usize) {
        self.must(&[GateOp::Close { key: key_of(number) }]);
    }

    pub fn read(&self, number: usize) -> KernelBooks {
        self.runtime.block_on(self.gate.read(&[key_of(number)])).expect("the books")[&key_of(number)]
    }

    pub fn read_all(&self) -> HashMap<ClientKey, KernelBooks> {
        self.runtime.block_on(self.gate.read_all()).expect("the books")
    }

    pub fn shut(&self, number: usize) -> KernelBooks {
        self.runtime.block_on(self.gate.shut(&[key_of(number)])).expect("the books")[&key_of(number)]
    }

    pub fn reconcile(&self, desired: &[Access]) -> Repairs {
        self.runtime.block_on(self.gate.reconcile(NOW, desired)).expect("repairs")
    }

    pub fn tend_gardens(&self) -> usize {
        self.runtime.block_on(self.gate.tend_gardens()).expect("the garden's addresses")
    }

    pub fn access(&self, number: usize, grant: Option<Grant>) -> Access {
        Access { mac: mac(self.phone(number)), key: key_of(number), grant }
    }

    pub fn nft(&self, argv: &[&str]) -> String {
        self.lab.router.must(&[&["nft"], argv].concat())
    }
}

fn zone(name: &str, device: &str, portal_port: u16) -> ZoneGate {
    ZoneGate {
        name: ZoneName::new(name),
        devices: vec![device.into()],
        portal_port,
        portal_tls_port: None,
        trusted: Vec::new(),
        trusted_ports: [].into(),
        inbound: false,
        garden_prefixes: Vec::new(),
        has_garden_domains: false,
    }
}

pub fn key(number: u16) -> ClientKey {
    ClientKey::new(number).expect("a key")
}

pub fn key_of(phone: usize) -> ClientKey {
    key(u16::try_from(phone).expect("a small number") + 1)
}

pub fn mac(phone: &Phone) -> MacAddr {
    phone.mac.parse().expect("a MAC")
}

/// Nothing limits it.
pub fn free() -> Grant {
    Grant { deadline: None, end_counter: None, rates: None, books: Books::default() }
}

pub fn bytes_left(bytes: u64) -> Grant {
    Grant { end_counter: Some(bytes), ..free() }
}

pub fn millis_left(millis: u64) -> Grant {
    Grant { deadline: Some(NOW.plus_millis(millis)), ..free() }
}
