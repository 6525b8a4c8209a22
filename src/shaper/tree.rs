use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;

use super::htb::{self, KernelClass};
use super::leaf::BY_PREFERENCE;
use super::plan::{self, ClassPlan, Direction};
use super::probe;
use super::socket::TcSocket;
use super::wire::Message;
use super::{LeafKind, ShaperConfig, ShaperError, ZoneShape};
use crate::domain::{ClassRates, ClientKey};

/// A device that carries a tree, and what is known to be on it.
#[derive(Debug)]
pub(super) struct Device {
    pub name: String,
    pub direction: Direction,
    /// Positions of the zones whose traffic passes here in that direction.
    pub zones: BTreeSet<usize>,
    /// The device's number and the zones that have their class, as far as we know.
    ready: Option<(u32, BTreeSet<usize>)>,
}

/// A message, and what may come back as well as success.
pub(super) struct Step {
    pub message: Message,
    pub doing: &'static str,
    pub tolerated: &'static [Errno],
}

/// "Already gone": no such class, no such qdisc any more, no such device any more.
pub(super) const GONE: &[Errno] = &[Errno::NOENT, Errno::INVAL, Errno::NODEV];
/// "Already there".
const THERE: &[Errno] = &[Errno::EXIST];

impl Step {
    /// Whether the kernel's answer means that it is done.
    pub fn is_done(&self, errno: i32) -> bool {
        errno == 0 || self.tolerated.iter().any(|tolerated| tolerated.raw_os_error() == errno)
    }

    /// What its answer means otherwise.
    pub fn refused(&self, device: &str, errno: i32) -> ShaperError {
        ShaperError::Refused {
            device: device.to_owned(),
            doing: self.doing,
            source: Errno::from_raw_os_error(errno),
        }
    }
}

/// All the trees, with the socket that they are changed through.
pub(super) struct Trees {
    pub socket: TcSocket,
    pub zones: Vec<ZoneShape>,
    pub devices: Vec<Device>,
    pub clients: BTreeMap<ClientKey, ClassRates>,
    pub warnings: BTreeMap<String, String>,
    leaf: Option<LeafKind>,
    replace_foreign_root: bool,
}

impl Trees {
    pub fn new(config: ShaperConfig, leaf: Option<LeafKind>) -> Result<Self, ShaperError> {
        if config.zones.len() > plan::MAX_ZONES {
            return Err(ShaperError::TooManyZones(config.zones.len()));
        }
        let mut devices: Vec<Device> = Vec::new();
        let mut add = |name: &String, direction, zone| match devices
            .iter_mut()
            .find(|device| device.name == *name && device.direction == direction)
        {
            Some(device) => {
                device.zones.insert(zone);
            }
            None => {
                let zones = BTreeSet::from([zone]);
                devices.push(Device { name: name.clone(), direction, zones, ready: None });
            }
        };
        for (position, zone) in config.zones.iter().enumerate() {
            zone.devices.iter().for_each(|name| add(name, Direction::Down, position));
            config.wan.iter().for_each(|name| add(name, Direction::Up, position));
        }
        Ok(Self {
            socket: TcSocket::open()?,
            zones: config.zones,
            devices,
            clients: BTreeMap::new(),
            warnings: BTreeMap::new(),
            leaf,
            replace_foreign_root: config.replace_foreign_root,
        })
    }

    /// The position of a zone.
    pub fn position(&self, rates: &ClassRates) -> Result<usize, ShaperError> {
        let position = self.zones.iter().position(|zone| zone.name == rates.zone);
        position.ok_or_else(|| ShaperError::UnknownZone(rates.zone.clone()))
    }

    /// The class of a zone in one direction.
    pub fn zone_plan(&self, position: usize, direction: Direction) -> ClassPlan {
        let speed = self.zones.get(position).and_then(|zone| match direction {
            Direction::Down => zone.down,
            Direction::Up => zone.up,
        });
        plan::zone_class(position, speed)
    }

    /// The class of a client in one direction.
    pub fn client_plan(
        &self,
        key: ClientKey,
        position: usize,
        rates: &ClassRates,
        direction: Direction,
    ) -> ClassPlan {
        plan::client_class(key, self.zone_plan(position, direction), plan::speed(rates.client, direction))
    }

    /// What makes or changes a class and its queue.
    pub fn class_steps(&self, index: u32, plan: &ClassPlan) -> Vec<Step> {
        let mut steps =
            vec![Step { message: htb::set_class(index, plan), doing: "setting a class", tolerated: &[] }];
        if let Some(leaf) = self.leaf {
            let messages = leaf.messages(index, plan.minor, plan.ceil);
            let last = messages.len().saturating_sub(1);
            for (position, message) in messages.into_iter().enumerate() {
                let tolerated: &[Errno] = if position == last { &[] } else { THERE };
                steps.push(Step { message, doing: "setting a class's queue", tolerated });
            }
        }
        steps
    }

    /// Takes it that nothing is known to be on the devices.
    pub fn forget_what_is_there(&mut self) {
        for device in &mut self.devices {
            device.ready = None;
        }
    }

    /// Sees to it that a device has our root and the classes of these zones. Its number; `None` if it is not to be shaped
    /// now: it is not there, or somebody else's qdisc is on it.
    pub async fn ensure(&mut self, at: usize, zones: &BTreeSet<usize>) -> Result<Option<u32>, ShaperError> {
        let Some(device) = self.devices.get_mut(at) else { return Ok(None) };
        let name = device.name.clone();
        let direction = device.direction;
        let Some(index) = self.socket.index_of(&name)? else {
            device.ready = None;
            let text = format!("there is no device {name}: speeds are not limited on it until it is back");
            self.warn(name, text);
            return Ok(None);
        };
        let known = device.ready.take().filter(|(known, _)| *known == index);
        let mut has = match known {
            Some((_, zones)) => zones,
            None if self.ensure_root(&name, index).await? => BTreeSet::new(),
            None => return Ok(None),
        };
        self.warnings.remove(&name);
        let missing: Vec<usize> = zones.difference(&has).copied().collect();
        let steps: Vec<Step> = missing
            .iter()
            .map(|position| Step {
                message: htb::set_class(index, &self.zone_plan(*position, direction)),
                doing: "setting a zone's class",
                tolerated: &[],
            })
            .collect();
        self.run(&name, &steps).await?;
        has.extend(missing);
        if self.leaf.is_none() {
            self.leaf = Some(self.probe_leaf(index).await?);
        }
        if let Some(device) = self.devices.get_mut(at) {
            device.ready = Some((index, has));
        }
        Ok(Some(index))
    }

    /// Whether our root is on the device, now at the latest.
    async fn ensure_root(&mut self, name: &str, index: u32) -> Result<bool, ShaperError> {
        let root = self.root(index).await?;
        let foreign = match root {
            Some((htb::ROOT_HANDLE, kind)) if kind == "htb" => return Ok(true),
            // Handle 0 is what the kernel puts there by itself.
            Some((0, _)) | None => None,
            Some((_, kind)) => Some(kind),
        };
        if let (Some(kind), false) = (&foreign, self.replace_foreign_root) {
            let text = format!(
                "the root qdisc {kind} on {name} is not ours: speeds are not limited there; remove it (tc qdisc del dev {name} \
                 root), or allow it to be replaced"
            );
            self.warn(name.to_owned(), text);
            return Ok(false);
        }
        let step = Step {
            message: htb::make_root(index, foreign.is_some()),
            doing: "making the root qdisc",
            tolerated: &[],
        };
        match self.run(name, &[step]).await {
            Ok(()) => Ok(true),
            Err(ShaperError::Refused { source: Errno::NOENT, .. }) => Err(ShaperError::NoHtb),
            Err(error) => Err(error),
        }
    }

    /// Handle and kind of a device's root qdisc; `None` if it has none to speak of.
    pub async fn root(&mut self, index: u32) -> Result<Option<(u32, String)>, ShaperError> {
        probe::root(&mut self.socket, index).await
    }

    /// All classes of our tree on a device.
    pub async fn classes(&mut self, index: u32) -> Result<Vec<KernelClass>, ShaperError> {
        let mut classes = Vec::new();
        self.socket
            .ask(&htb::ask_classes(index), true, |answer| classes.extend(KernelClass::read(&answer)))
            .await?;
        Ok(classes)
    }

    /// The best queue that this kernel has, tried out under a class of its own.
    async fn probe_leaf(&mut self, index: u32) -> Result<LeafKind, ShaperError> {
        let plan = ClassPlan { minor: plan::PROBE_MINOR, parent: 0, rate: 1_000, ceil: 1_000 };
        let mut best = LeafKind::Bfifo;
        for kind in BY_PREFERENCE {
            let mut messages = vec![htb::set_class(index, &plan)];
            messages.extend(kind.messages(index, plan.minor, plan.ceil));
            messages.push(htb::remove_class(index, plan.minor));
            if self.socket.send_all(&messages).await?.iter().all(|errno| *errno == 0) {
                best = kind;
                break;
            }
        }
        tracing::info!(queue = ?best, "the queue for each client's class");
        Ok(best)
    }

    /// Sends the steps to one device; the first that fails is the error.
    pub async fn run(&mut self, device: &str, steps: &[Step]) -> Result<(), ShaperError> {
        let messages: Vec<Message> = steps.iter().map(|step| step.message.clone()).collect();
        let errnos = self.socket.send_all(&messages).await?;
        for (step, errno) in steps.iter().zip(errnos) {
            if !step.is_done(errno) {
                return Err(step.refused(device, errno));
            }
        }
        Ok(())
    }

    fn warn(&mut self, device: String, text: String) {
        let before = self.warnings.insert(device, text.clone());
        if before.as_ref() != Some(&text) {
            tracing::warn!("{text}");
        }
    }

    /// The handle that the queue under a class should have; 0 where there is no choice of queue yet.
    pub fn wants_leaf(&self, plan: &ClassPlan) -> u32 {
        if self.leaf.is_some() { super::leaf::leaf_handle(plan.minor) } else { 0 }
    }
}
