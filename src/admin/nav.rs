//! The pages that everybody finds in the navigation: one line each.

use super::clerk::{ADMINISTER, Clerk, LISTEN, SELL, VIEW};
use crate::domain::Permission;

/// Headings of the navigation, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// Who is here, and how the box is.
    Guests,
    /// What is sold.
    Sales,
    /// The box itself, and who may do what.
    System,
}

/// A page in the navigation. It is shown to whoever has all its permissions; the page itself must ask for them again.
#[derive(Debug)]
struct Entry {
    group: Group,
    title: &'static str,
    path: &'static str,
    needs: &'static [Permission],
}

const fn entry(group: Group, title: &'static str, path: &'static str, needs: &'static [Permission]) -> Entry {
    Entry { group, title, path, needs }
}

/// All pages, in the order in which they are shown.
const ENTRIES: &[Entry] = &[
    entry(Group::Guests, "Dashboard", "/admin/dashboard", VIEW),
    entry(Group::Guests, "Sessions", "/admin/sessions", VIEW),
    entry(Group::Guests, "Devices", "/admin/devices", VIEW),
    entry(Group::Guests, "Live events", "/admin/events", LISTEN),
    entry(Group::Guests, "Roles", "/admin/roles", VIEW),
    entry(Group::Sales, "Counter", "/admin/counter", &[]),
    entry(Group::Sales, "Vouchers", "/admin/vouchers", SELL),
    entry(Group::Sales, "Plans", "/admin/plans", VIEW),
    entry(Group::Sales, "Accounts", "/admin/accounts", VIEW),
    entry(Group::Sales, "Till", "/admin/till", SELL),
    entry(Group::System, "Zones", "/admin/zones", ADMINISTER),
    entry(Group::System, "Providers", "/admin/providers", VIEW),
    entry(Group::System, "Locks", "/admin/locks", VIEW),
    entry(Group::System, "Hooks", "/admin/hooks", ADMINISTER),
    entry(Group::System, "People", "/admin/people", ADMINISTER),
    entry(Group::System, "Tokens", "/admin/tokens", ADMINISTER),
    entry(Group::System, "Audit log", "/admin/audit", ADMINISTER),
    entry(Group::System, "Settings", "/admin/settings", ADMINISTER),
    entry(Group::System, "Back-up", "/admin/backup", ADMINISTER),
    entry(Group::System, "Log", "/admin/log", ADMINISTER),
];

/// A group of the navigation as one person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NavGroup {
    pub(super) title: &'static str,
    pub(super) links: Vec<NavLink>,
}

/// A link of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NavLink {
    pub(super) title: &'static str,
    pub(super) path: &'static str,
    /// It leads to the page that is shown.
    pub(super) current: bool,
}

impl Group {
    const ALL: [Self; 3] = [Self::Guests, Self::Sales, Self::System];

    const fn title(self) -> &'static str {
        match self {
            Self::Guests => "Guests",
            Self::Sales => "Sales",
            Self::System => "System",
        }
    }
}

/// Whether there is a page at a path that one person may open.
pub(super) fn leads_to(clerk: &Clerk, path: &str) -> bool {
    ENTRIES.iter().any(|entry| entry.path == path && entry.needs.iter().all(|wanted| clerk.may(wanted)))
}

/// What one person may open; groups without a page are left out. `current` is the entry that the shown page belongs to.
pub(super) fn of(clerk: &Clerk, current: &str) -> Vec<NavGroup> {
    let links = |group: Group| {
        let mine = ENTRIES.iter().filter(|entry| entry.group == group);
        let open = mine.filter(|entry| entry.needs.iter().all(|wanted| clerk.may(wanted)));
        open.map(|entry| NavLink { title: entry.title, path: entry.path, current: entry.path == current })
            .collect()
    };
    let groups = Group::ALL.into_iter().map(|group| NavGroup { title: group.title(), links: links(group) });
    groups.filter(|group| !group.links.is_empty()).collect()
}
