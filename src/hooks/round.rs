use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Shared;
use super::courier::{Courier, Order};
use super::hearing::Hearing;
use crate::domain::{BootId, HookId};
use crate::store::{KeptHook, StoreError};

/// Events are gathered for so long: what happens together is one transaction for each hook.
const GATHER: Duration = Duration::from_millis(50);
/// After the store refused, or a courier broke off.
const AGAIN: Duration = Duration::from_secs(2);
/// How long couriers may take to finish at the end; what is not noted then is sent again.
const FINISH: Duration = Duration::from_millis(1_500);

/// The couriers at work.
#[derive(Default)]
struct Couriers {
    posts: HashMap<HookId, Post>,
    tasks: JoinSet<HookId>,
}

struct Post {
    orders: watch::Sender<Arc<Order>>,
    wake: Arc<Notify>,
}

impl Shared {
    /// Which boot this is, as an error of the store's where it cannot be read: nothing can be noted then.
    pub(super) fn boot_id(&self) -> Result<BootId, StoreError> {
        self.handle.boot_id().map_err(|source| StoreError::File {
            path: "/proc/sys/kernel/random/boot_id".into(),
            action: "read the boot id",
            source,
        })
    }
}

/// Hears and has sent until `stop`, or until the sessions manager is gone.
pub(super) async fn run(shared: Arc<Shared>, stop: impl Future<Output = ()>) {
    let mut couriers = Couriers::default();
    tokio::select! {
        () = stop => {}
        () = work(&shared, &mut couriers) => {}
    }
    // Without orders they finish what is under way.
    couriers.posts.clear();
    let finished = async { while couriers.tasks.join_next().await.is_some() {} };
    if timeout(FINISH, finished).await.is_err() {
        tracing::info!("some hooks were still being told; they are told again after the next start");
    }
}

async fn work(shared: &Arc<Shared>, couriers: &mut Couriers) {
    let mut groups = shared.handle.listen();
    let mut hearing = Hearing::new(Arc::clone(shared));
    let mut is_stale = true;
    loop {
        if let Err(error) = hear(shared, couriers, &mut hearing, is_stale).await {
            tracing::error!(%error, "hooks cannot be told what happens; trying again");
            shared.store.measures().errors.count("hooks");
            sleep(AGAIN).await;
            is_stale = true;
            continue;
        }
        is_stale = tokio::select! {
            () = shared.changed.notified() => true,
            Some(ended) = couriers.tasks.join_next() => {
                match ended {
                    Ok(hook) => drop(couriers.posts.remove(&hook)),
                    Err(error) => {
                        tracing::error!(%error, "telling a hook broke off; it begins anew");
                        couriers.posts.retain(|_, post| !post.orders.is_closed());
                        sleep(AGAIN).await;
                    }
                }
                true
            }
            heard = groups.recv() => match heard {
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    sleep(GATHER).await;
                    // All of it is read from the log in one go.
                    groups = groups.resubscribe();
                    false
                }
                Err(RecvError::Closed) => return,
            },
        };
    }
}

/// Hears all that there is to hear; before that, if they may have changed, takes the hooks as they are now.
async fn hear(
    shared: &Arc<Shared>,
    couriers: &mut Couriers,
    hearing: &mut Hearing,
    is_stale: bool,
) -> Result<(), StoreError> {
    if is_stale {
        let hooks = shared.store.hooks().await?;
        couriers.send_out(shared, &hooks);
        hearing.take(&hooks);
        hearing.check().await?;
    }
    while let Some(told) = hearing.step().await? {
        couriers.wake(&told);
    }
    Ok(())
}

impl Couriers {
    /// Gives every hook's courier its orders; new ones set out, those of hooks that are gone end.
    fn send_out(&mut self, shared: &Arc<Shared>, hooks: &[KeptHook]) {
        let is_there = |id: &HookId| hooks.iter().any(|kept| kept.hook.id == *id);
        for gone in self.posts.keys().filter(|id| !is_there(id)) {
            shared.tries(*gone, None);
        }
        self.posts.retain(|id, _| is_there(id));
        for kept in hooks {
            let order = Arc::new(Order { hook: kept.hook.clone(), secret: kept.secret.clone() });
            if let Some(post) = self.posts.get(&kept.hook.id) {
                post.orders.send_if_modified(|known| {
                    let is_other = **known != *order;
                    if is_other {
                        *known = order;
                    }
                    is_other
                });
                continue;
            }
            let (orders, received) = watch::channel(order);
            let wake = Arc::new(Notify::new());
            let (id, shared) = (kept.hook.id, Arc::clone(shared));
            let courier = Courier { shared, orders: received, wake: Arc::clone(&wake) };
            self.tasks.spawn(async move {
                courier.run().await;
                id
            });
            self.posts.insert(id, Post { orders, wake });
        }
    }

    fn wake(&self, hooks: &[HookId]) {
        for post in hooks.iter().filter_map(|id| self.posts.get(id)) {
            post.wake.notify_one();
        }
    }
}
