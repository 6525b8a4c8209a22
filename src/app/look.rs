use tracing::warn;

use crate::config::Config;
use crate::domain::theme::Picture;
use crate::portal::Themes;
use crate::runtime::Handle;
use crate::store::{Store, StoreError};

/// Tells the pictures that the file names from others at the same places.
pub(super) fn pictures(config: &Config) -> Vec<[Option<String>; 2]> {
    let tag = |picture: Option<Picture>| picture.map(|picture| picture.tag().to_owned());
    let themes = config.zones.iter().map(|zone| zone.theme.load().0);
    themes.map(|theme| [tag(theme.logo), tag(theme.background)]).collect()
}

/// How the portals of all zones look: as the file says, or as the admin pages have said since. What cannot be used of it is no
/// reason to let nobody through.
pub(super) async fn themes(config: &Config, handle: &Handle, store: &Store) -> Result<Themes, StoreError> {
    let mut all = Vec::new();
    let zones = config.zones.iter().map(|zone| {
        let (theme, problems) = zone.theme.load();
        all.extend(problems);
        (zone.name.clone(), theme)
    });
    let themes = Themes::new(config.gateway.name.as_str(), zones);
    all.dedup();
    for problem in &all {
        warn!(problem, "a picture of the portal is not used");
    }
    handle
        .warn("theme", all.first().map(|problem| format!("a picture of the portal is not used: {problem}")));
    for kept in store.themes().await? {
        themes.wear(&kept.zone, Some(kept.theme));
    }
    Ok(themes)
}
