use super::Mbps;

/// What a role changes for the sessions that have it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolePolicy {
    /// Speed towards the client: `None` says nothing of it, `Some(None)` is unlimited.
    pub down: Option<Option<Mbps>>,
    /// Speed from the client, likewise.
    pub up: Option<Option<Mbps>>,
    /// Quiet seconds until a pause: `None` says nothing of it, `Some(None)` is never.
    pub idle_timeout_secs: Option<Option<u64>>,
    /// What is used is counted and not consumed.
    pub unmetered: bool,
}

impl RolePolicy {
    /// Of several the fastest, the longest, and unmetered if any is.
    pub fn combine<'a>(roles: impl Iterator<Item = &'a Self>) -> Self {
        fn most<T: Ord + Copy>(a: Option<Option<T>>, b: Option<Option<T>>) -> Option<Option<T>> {
            match (a, b) {
                (None, other) | (other, None) => other,
                (Some(None), _) | (_, Some(None)) => Some(None),
                (Some(Some(a)), Some(Some(b))) => Some(Some(a.max(b))),
            }
        }
        roles.fold(Self::default(), |all, role| Self {
            down: most(all.down, role.down),
            up: most(all.up, role.up),
            idle_timeout_secs: most(all.idle_timeout_secs, role.idle_timeout_secs),
            unmetered: all.unmetered || role.unmetered,
        })
    }
}
