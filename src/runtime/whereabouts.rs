use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::cycle::Step;
use super::handle::Handle;
use super::owner::Owner;
use crate::domain::sessions_mgr::Whereabouts;
use crate::domain::{DeviceId, Image, Refusal, WallTime};
use crate::store::Numbers;

/// How many groups whoever follows may lag behind before it has to look at everybody anew.
pub(super) const GROUPS: usize = 1024;

/// The devices that one group changed.
#[derive(Debug)]
pub struct Moves {
    /// When, as far as the wall clock can be believed.
    pub at: WallTime,
    /// Whether it could be.
    pub believed: bool,
    /// Each as it stands after it; `None` if it is not known any more.
    pub devices: Vec<(DeviceId, Option<Whereabouts>)>,
}

/// Everybody at one moment, and what changes from then on.
pub struct Following {
    /// When, as far as the wall clock can be believed.
    pub at: WallTime,
    /// Whether it could be.
    pub believed: bool,
    /// Every device.
    pub devices: Vec<Whereabouts>,
    /// What changes, a group at a time.
    pub moves: broadcast::Receiver<Arc<Moves>>,
}

impl Handle {
    /// How every device stands, and what changes from then on: nothing is missed or told twice between the two. A receiver that
    /// lags begins anew.
    pub async fn follow_devices(&self) -> Result<Following, Refusal> {
        let shared = Arc::clone(&self.shared);
        self.ask(move |mgr, _| Following {
            at: shared.clock.believable(),
            believed: shared.clock.is_believed(),
            devices: mgr.whereabouts(),
            // In the owner's task: no group is told meanwhile.
            moves: shared.moves.subscribe(),
        })
        .await
    }
}

impl Owner {
    /// The devices that these steps may have changed; nobody's business while nobody follows.
    pub(super) fn moved_by(&self, steps: &[(Step, Numbers)]) -> HashSet<DeviceId> {
        let mut moved = HashSet::new();
        if self.shared.moves.receiver_count() == 0 {
            return moved;
        }
        for image in steps.iter().flat_map(|(step, _)| &step.transition.before) {
            match image {
                Image::Device(id, _) => drop(moved.insert(*id)),
                Image::Session(_, Some(before)) => drop(moved.insert(before.device)),
                Image::Session(id, None) => moved.extend(self.mgr.session(*id).map(|session| session.device)),
            }
        }
        moved
    }

    /// Tells whoever follows how these devices stand now. Never waits for anybody.
    pub(super) fn tell_moves(&self, moved: HashSet<DeviceId>) {
        if moved.is_empty() {
            return;
        }
        let devices = moved.into_iter().map(|id| (id, self.mgr.whereabouts_of(id))).collect();
        let clock = &self.shared.clock;
        let moves = Moves { at: clock.believable(), believed: clock.is_believed(), devices };
        // Whoever followed may have gone meanwhile.
        let _ = self.shared.moves.send(Arc::new(moves));
    }
}
