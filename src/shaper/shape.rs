use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;

use super::htb::{self, KernelClass};
use super::plan::ClassPlan;
use super::tree::{GONE, Step, Trees};
use super::{LeafKind, ShaperConfig, ShaperError};
use crate::domain::{ClassMinor, ClassRates, ClientKey, Mbps, ShapeOp, ZoneName};

/// The traffic classes of all clients. Nothing is put on any device before the first client needs a class.
pub struct Shaper {
    trees: Mutex<Trees>,
    warnings: StdMutex<Vec<String>>,
}

impl Shaper {
    /// Opens the socket in this thread's network namespace; needs a tokio runtime. The queue for the clients is chosen by
    /// trying what the kernel has.
    pub fn open(config: ShaperConfig) -> Result<Self, ShaperError> {
        Self::open_with(config, None)
    }

    /// As [`Shaper::open`], with a given queue instead of the best one.
    pub fn open_with_leaf(config: ShaperConfig, leaf: LeafKind) -> Result<Self, ShaperError> {
        Self::open_with(config, Some(leaf))
    }

    fn open_with(config: ShaperConfig, leaf: Option<LeafKind>) -> Result<Self, ShaperError> {
        Ok(Self { trees: Mutex::new(Trees::new(config, leaf)?), warnings: StdMutex::default() })
    }

    /// Does all of it, in few system calls, and says for each what came of it. A class that is there is changed while packets
    /// wait in it. On a device that is not there, or that somebody else shapes, nothing is done: see [`Shaper::warnings`].
    pub async fn apply(&self, ops: &[ShapeOp]) -> Vec<Result<(), ShaperError>> {
        let mut trees = self.trees.lock().await;
        let mut results = trees.apply(ops, &(0..ops.len()).collect()).await;
        let failed: BTreeSet<usize> =
            results.iter().enumerate().filter(|(_, result)| result.is_err()).map(|(at, _)| at).collect();
        if !failed.is_empty() {
            // Perhaps the tree is not what it was: somebody removed the root, or the device was made anew.
            trees.forget_what_is_there();
            let again = trees.apply(ops, &failed).await;
            for (at, result) in again.into_iter().enumerate().filter(|(at, _)| failed.contains(at)) {
                if let Some(place) = results.get_mut(at) {
                    *place = result;
                }
            }
        }
        self.keep_warnings(&trees);
        results
    }

    /// Makes what the kernel has equal to what it should have: missing and wrong classes are set, superfluous ones removed.
    /// How many were put right. Tries every device; the first error is told.
    pub async fn reconcile(&self, desired: &[(ClientKey, ClassRates)]) -> Result<u64, ShaperError> {
        let mut trees = self.trees.lock().await;
        for (_, rates) in desired {
            trees.position(rates)?;
        }
        trees.clients = desired.iter().cloned().collect();
        trees.forget_what_is_there();
        let mut result = Ok(0);
        for at in 0..trees.devices.len() {
            let repaired = trees.reconcile(at).await;
            result = result.and_then(|before: u64| repaired.map(|more| before + more));
        }
        self.keep_warnings(&trees);
        result
    }

    /// Changes a zone's speeds, on running transfers too.
    pub async fn set_zone(
        &self,
        zone: &ZoneName,
        down: Option<Mbps>,
        up: Option<Mbps>,
    ) -> Result<(), ShaperError> {
        let mut trees = self.trees.lock().await;
        let found = trees.zones.iter_mut().find(|found| found.name == *zone);
        let found = found.ok_or_else(|| ShaperError::UnknownZone(zone.clone()))?;
        (found.down, found.up) = (down, up);
        trees.forget_what_is_there();
        let ops: Vec<ShapeOp> = trees
            .clients
            .iter()
            .filter(|(_, rates)| rates.zone == *zone)
            .map(|(key, rates)| ShapeOp::Set { key: *key, rates: rates.clone() })
            .collect();
        let results = trees.apply(&ops, &(0..ops.len()).collect()).await;
        self.keep_warnings(&trees);
        results.into_iter().collect()
    }

    /// Where speeds are not limited, why, and what to do about it.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Removes our trees; what somebody else put on a device stays. Tries every device; the first error is told.
    pub async fn down(&self) -> Result<(), ShaperError> {
        let mut trees = self.trees.lock().await;
        trees.clients.clear();
        trees.forget_what_is_there();
        let names: BTreeSet<String> = trees.devices.iter().map(|device| device.name.clone()).collect();
        let mut result = Ok(());
        for name in names {
            let removed = trees.remove(&name).await;
            result = result.and(removed);
        }
        result
    }

    fn keep_warnings(&self, trees: &Trees) {
        *self.warnings.lock().unwrap_or_else(PoisonError::into_inner) =
            trees.warnings.values().cloned().collect();
    }
}

impl Trees {
    /// Does the chosen ops; the results of the others are `Ok`.
    async fn apply(&mut self, ops: &[ShapeOp], chosen: &BTreeSet<usize>) -> Vec<Result<(), ShaperError>> {
        let mut results: Vec<Result<(), ShaperError>> = ops.iter().map(|_| Ok(())).collect();
        let mut moves = Vec::new();
        for (at, op) in ops.iter().enumerate().filter(|(at, _)| chosen.contains(at)) {
            match self.note(op) {
                Ok(change) => moves.push((at, change)),
                Err(error) => fail(&mut results, at, error),
            }
        }
        for device in 0..self.devices.len() {
            if let Err(error) = self.apply_on(device, &moves, &mut results).await {
                for (at, _) in &moves {
                    fail(&mut results, *at, error.clone());
                }
            }
        }
        results
    }

    /// Takes down what a client should have, and says what it was and is to be.
    fn note(&mut self, op: &ShapeOp) -> Result<Move, ShaperError> {
        match op {
            ShapeOp::Set { key, rates } => {
                let to = self.position(rates)?;
                let before = self.clients.insert(*key, rates.clone());
                let from = before.and_then(|before| self.position(&before).ok()).filter(|from| *from != to);
                Ok(Move { key: *key, from, to: Some((to, rates.clone())) })
            }
            ShapeOp::Remove { key, zone } => {
                let before = self.clients.remove(key);
                let rates =
                    before.unwrap_or_else(|| ClassRates { zone: zone.clone(), client: Default::default() });
                Ok(Move { key: *key, from: Some(self.position(&rates)?), to: None })
            }
        }
    }

    async fn apply_on(
        &mut self,
        at: usize,
        moves: &[(usize, Move)],
        results: &mut [Result<(), ShaperError>],
    ) -> Result<(), ShaperError> {
        let Some(device) = self.devices.get(at) else { return Ok(()) };
        let (name, direction, here) = (device.name.clone(), device.direction, device.zones.clone());
        let zones: BTreeSet<usize> = moves
            .iter()
            .filter_map(|(_, change)| change.to.as_ref().map(|(to, _)| *to))
            .filter(|to| here.contains(to))
            .collect();
        let index = if zones.is_empty() {
            // Only removals: nothing is made for them.
            self.socket.index_of(&name)?
        } else {
            self.ensure(at, &zones).await?
        };
        let Some(index) = index else { return Ok(()) };
        let mut steps: Vec<(usize, Step)> = Vec::new();
        for (op, change) in moves {
            if change.from.is_some_and(|from| here.contains(&from)) {
                let message = htb::remove_class(index, change.key.get());
                steps.push((*op, Step { message, doing: "removing a class", tolerated: GONE }));
            }
            if let Some((to, rates)) = change.to.as_ref().filter(|(to, _)| here.contains(to)) {
                let plan = self.client_plan(change.key, *to, rates, direction);
                steps.extend(self.class_steps(index, &plan).into_iter().map(|step| (*op, step)));
            }
        }
        let messages: Vec<_> = steps.iter().map(|(_, step)| step.message.clone()).collect();
        let errnos = self.socket.send_all(&messages).await?;
        for ((op, step), errno) in steps.iter().zip(errnos) {
            if !step.is_done(errno) {
                fail(results, *op, step.refused(&name, errno));
            }
        }
        Ok(())
    }

    async fn reconcile(&mut self, at: usize) -> Result<u64, ShaperError> {
        let Some(device) = self.devices.get(at) else { return Ok(0) };
        let (name, direction, here) = (device.name.clone(), device.direction, device.zones.clone());
        let mut wanted: BTreeMap<ClassMinor, ClassPlan> = BTreeMap::new();
        let mut zones = BTreeSet::new();
        for (key, rates) in &self.clients {
            let position = self.position(rates)?;
            if here.contains(&position) {
                zones.insert(position);
                wanted.insert(key.get(), self.client_plan(*key, position, rates, direction));
            }
        }
        let there = self.kernel_classes(&name).await?;
        if wanted.is_empty() && there.is_none() {
            return Ok(0);
        }
        let mut repairs = u64::from(there.is_none());
        let there = there.unwrap_or_default();
        // Sets the zones' classes as they should be, whatever they were.
        let Some(index) = self.ensure(at, &zones).await? else { return Ok(0) };
        for position in &zones {
            let plan = self.zone_plan(*position, direction);
            repairs += u64::from(there.get(&plan.minor).map(|class| class.plan) != Some(plan));
        }
        let mut steps = Vec::new();
        for (minor, class) in &there {
            let kept = wanted.get(minor).is_some_and(|plan| plan.parent == class.plan.parent);
            let is_zone = here.iter().any(|position| super::plan::zone_minor(*position) == *minor);
            if !kept && !is_zone {
                let message = htb::remove_class(index, *minor);
                steps.push(Step { message, doing: "removing a class", tolerated: GONE });
                repairs += u64::from(!wanted.contains_key(minor));
            }
        }
        for (minor, plan) in &wanted {
            let right = there
                .get(minor)
                .is_some_and(|class| class.plan == *plan && class.leaf == self.wants_leaf(plan));
            if !right {
                steps.extend(self.class_steps(index, plan));
                repairs += 1;
            }
        }
        self.run(&name, &steps).await?;
        Ok(repairs)
    }

    /// The classes of our tree on a device by number; `None` if our tree is not there.
    async fn kernel_classes(
        &mut self,
        device: &str,
    ) -> Result<Option<BTreeMap<ClassMinor, KernelClass>>, ShaperError> {
        let Some(index) = self.socket.index_of(device)? else { return Ok(None) };
        match self.root(index).await? {
            Some((htb::ROOT_HANDLE, kind)) if kind == "htb" => {
                let classes = self.classes(index).await?;
                Ok(Some(classes.into_iter().map(|class| (class.plan.minor, class)).collect()))
            }
            Some(_) | None => Ok(None),
        }
    }

    async fn remove(&mut self, device: &str) -> Result<(), ShaperError> {
        let Some(index) = self.socket.index_of(device)? else { return Ok(()) };
        match self.root(index).await? {
            Some((htb::ROOT_HANDLE, kind)) if kind == "htb" => {
                let message = htb::remove_root(index);
                self.run(device, &[Step { message, doing: "removing the root qdisc", tolerated: GONE }]).await
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Where a client's class was, if not where it is to be, and where it is to be.
struct Move {
    key: ClientKey,
    from: Option<usize>,
    to: Option<(usize, ClassRates)>,
}

/// Keeps the first error of each op.
fn fail(results: &mut [Result<(), ShaperError>], at: usize, error: ShaperError) {
    if let Some(place) = results.get_mut(at).filter(|place| place.is_ok()) {
        *place = Err(error);
    }
}
