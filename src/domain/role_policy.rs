use super::Mbps;

/// What a role says of the sessions and devices that have it: `[roles.NAME]` in the configuration.
///
/// The outer `None` is a role that says nothing of the matter, so that the session's or the zone's own value holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolePolicy {
    /// Towards the client; `Some(None)` is unlimited.
    pub down: Option<Option<Mbps>>,
    /// From the client; `Some(None)` is unlimited.
    pub up: Option<Option<Mbps>>,
    /// A device that passes nothing for so many seconds is paused; `Some(None)` is never.
    pub idle_timeout_secs: Option<Option<u64>>,
    /// What is used is counted, not consumed.
    pub unmetered: bool,
}

impl RolePolicy {
    /// What several roles say together: the fastest speed, the longest idle time-out, any `unmetered`. Of no role at all:
    /// nothing.
    pub fn combine<'a>(roles: impl Iterator<Item = &'a Self>) -> Self {
        roles.fold(Self::default(), |all, role| Self {
            down: most(all.down, role.down),
            up: most(all.up, role.up),
            idle_timeout_secs: most(all.idle_timeout_secs, role.idle_timeout_secs),
            unmetered: all.unmetered || role.unmetered,
        })
    }
}

/// The more generous of two: no bound beats every bound, and any word beats none.
fn most<T: Ord>(a: Option<Option<T>>, b: Option<Option<T>>) -> Option<Option<T>> {
    match (a, b) {
        (None, said) | (said, None) => said,
        (Some(a), Some(b)) => Some(a.zip(b).map(|(a, b)| a.max(b))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mbps(mbps: f64) -> Option<Option<Mbps>> {
        Some(Mbps::from_mbps(mbps).unwrap())
    }

    #[test]
    fn no_role_says_nothing() {
        assert_eq!(RolePolicy::combine([].into_iter()), RolePolicy::default());
    }

    #[test]
    fn one_role_says_what_it_says() {
        let role =
            RolePolicy { down: mbps(5.0), up: mbps(0.0), idle_timeout_secs: Some(Some(60)), unmetered: true };
        assert_eq!(RolePolicy::combine([&role].into_iter()), role);
        assert_eq!(role.up, Some(None), "0 is unlimited");
    }

    #[test]
    fn of_several_roles_the_most_generous_word_holds() {
        let slow =
            RolePolicy { down: mbps(1.0), idle_timeout_secs: Some(Some(900)), ..RolePolicy::default() };
        let fast = RolePolicy {
            down: mbps(10.0),
            up: mbps(2.0),
            idle_timeout_secs: Some(Some(60)),
            ..RolePolicy::default()
        };
        let staff = RolePolicy {
            up: mbps(0.0),
            idle_timeout_secs: Some(None),
            unmetered: true,
            ..RolePolicy::default()
        };
        let silent = RolePolicy::default();
        for roles in [[&slow, &fast, &staff, &silent], [&silent, &staff, &fast, &slow]] {
            let all = RolePolicy::combine(roles.into_iter());
            assert_eq!(all.down, mbps(10.0), "the fastest");
            assert_eq!(all.up, Some(None), "unlimited is the fastest");
            assert_eq!(all.idle_timeout_secs, Some(None), "never is the longest");
            assert!(all.unmetered);
        }
        let both = RolePolicy::combine([&slow, &fast].into_iter());
        assert_eq!(both.idle_timeout_secs, Some(Some(900)), "the longest");
        assert!(!both.unmetered);
    }
}
