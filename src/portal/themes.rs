use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::{Theme, ZoneName};

use super::dress::Dress;

/// What one zone's pages wear now.
#[derive(Debug, Clone)]
pub struct ZoneTheme(Arc<RwLock<Arc<Dress>>>);

/// What the pages of all zones wear: as the configuration says, or as the admin pages have said instead. Cheap to clone; all
/// clones see a change at once.
#[derive(Debug, Clone, Default)]
pub struct Themes {
    gateway: Arc<str>,
    zones: Arc<BTreeMap<ZoneName, Zone>>,
}

#[derive(Debug)]
struct Zone {
    configured: Arc<Theme>,
    now: RwLock<Now>,
    worn: ZoneTheme,
}

#[derive(Debug)]
struct Now {
    theme: Arc<Theme>,
    is_written: bool,
}

impl ZoneTheme {
    fn new(dress: Arc<Dress>) -> Self {
        Self(Arc::new(RwLock::new(dress)))
    }

    /// What a page that is made now wears.
    pub fn now(&self) -> Arc<Dress> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn wear(&self, dress: Arc<Dress>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = dress;
    }
}

impl From<&str> for ZoneTheme {
    /// That of a place that has said nothing but its name.
    fn from(gateway: &str) -> Self {
        Self::new(Dress::plain(gateway))
    }
}

impl Themes {
    /// The themes of the configuration. `gateway` is the name of a place that gives none.
    pub fn new(gateway: &str, zones: impl IntoIterator<Item = (ZoneName, Theme)>) -> Self {
        let zone = |(name, theme): (ZoneName, Theme)| {
            let theme = Arc::new(theme);
            let worn = ZoneTheme::new(Arc::new(Dress::new(gateway, Arc::clone(&theme))));
            let now = RwLock::new(Now { theme: Arc::clone(&theme), is_written: false });
            (name, Zone { configured: theme, now, worn })
        };
        Self { gateway: gateway.into(), zones: Arc::new(zones.into_iter().map(zone).collect()) }
    }

    /// The name of a place that gives none.
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// What the pages of a zone wear; `None` if there is no such zone.
    pub fn of(&self, zone: &ZoneName) -> Option<ZoneTheme> {
        self.zones.get(zone).map(|zone| zone.worn.clone())
    }

    /// A zone's theme as it is now, and whether the admin pages have written it.
    pub fn theme(&self, zone: &ZoneName) -> Option<(Arc<Theme>, bool)> {
        let now = self.zones.get(zone)?.now.read().unwrap_or_else(PoisonError::into_inner);
        Some((Arc::clone(&now.theme), now.is_written))
    }

    /// Has a zone's pages wear a theme from the next one on; `None` is that of the configuration. A zone that there is not
    /// is passed over.
    pub fn wear(&self, zone: &ZoneName, written: Option<Theme>) {
        let Some(zone) = self.zones.get(zone) else { return };
        let is_written = written.is_some();
        let theme = written.map_or_else(|| Arc::clone(&zone.configured), Arc::new);
        let mut now = zone.now.write().unwrap_or_else(PoisonError::into_inner);
        zone.worn.wear(Arc::new(Dress::new(&self.gateway, Arc::clone(&theme))));
        *now = Now { theme, is_written };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::theme::PlaceName;

    #[test]
    fn what_is_written_holds_at_once_until_it_is_taken_back() {
        let named = |name: &str| Theme { name: PlaceName::parse(name).unwrap(), ..Theme::default() };
        let zone = ZoneName::new("guests");
        let themes =
            Themes::new("box", [(zone.clone(), named("Bar")), (ZoneName::new("staff"), Theme::default())]);
        let portal = themes.of(&zone).unwrap();
        assert_eq!(portal.now().name, "Bar");
        themes.clone().wear(&zone, Some(named("Beach")));
        assert_eq!((portal.now().name.as_str(), themes.theme(&zone).unwrap().1), ("Beach", true));
        themes.wear(&zone, None);
        assert_eq!((portal.now().name.as_str(), themes.theme(&zone).unwrap().1), ("Bar", false));
        assert_eq!(themes.of(&ZoneName::new("staff")).unwrap().now().name, "box");
        themes.wear(&ZoneName::new("nowhere"), Some(named("x")));
        assert!(themes.of(&ZoneName::new("nowhere")).is_none());
    }
}
