use super::roster::PluginStatus;
use super::{ProviderStatus, Registry};
use crate::domain::Text;

/// What something of [`Registry::overview`] is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provides {
    /// Sessions.
    Sessions,
    /// It may say no.
    Authentication,
    /// A plugin that has registered nothing at present.
    Nothing,
}

impl Provides {
    /// Each, with its name in the API.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Sessions, "sessions"), (Self::Authentication, "authentication"), (Self::Nothing, "nothing")];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(provides, _)| *provides == self).map_or("nothing", |(_, name)| name)
    }
}

/// A session provider, an authenticator, or a plugin that is neither at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provided {
    /// Its name; a plugin's that has registered nothing.
    pub name: String,
    /// What for.
    pub provides: Provides,
    /// What guests read above its form.
    pub title: Option<Text>,
    /// `false`: an authenticator that the configuration names and that has not come.
    pub is_there: bool,
    /// How it is doing, if it is a session provider.
    pub status: Option<ProviderStatus>,
    /// Whose it is; `None` if it is built in.
    pub plugin: Option<PluginStatus>,
}

impl Registry {
    /// The session providers in the order they are asked, then the authenticators in theirs, then plugins that have
    /// registered neither.
    pub fn overview(&self) -> Vec<Provided> {
        let plugins = self.plugins().all();
        let owner =
            |is_its: &dyn Fn(&PluginStatus) -> bool| plugins.iter().find(|plugin| is_its(plugin)).cloned();
        let mut all: Vec<Provided> = Vec::new();
        for status in self.status() {
            let face = self.provider(&status.name).and_then(|provider| provider.face());
            all.push(Provided {
                name: status.name.to_string(),
                provides: Provides::Sessions,
                title: face.map(|face| face.title.clone()),
                is_there: true,
                plugin: owner(&|plugin| plugin.providers.contains(&status.name)),
                status: Some(status),
            });
        }
        for (name, is_there) in self.authenticators().names() {
            let plugin = owner(&|plugin| plugin.authenticators.contains(&name));
            let provides = Provides::Authentication;
            all.push(Provided { name, provides, title: None, is_there, status: None, plugin });
        }
        let idle = |plugin: &&PluginStatus| plugin.providers.is_empty() && plugin.authenticators.is_empty();
        all.extend(plugins.iter().filter(idle).map(|plugin| Provided {
            name: plugin.name.clone(),
            provides: Provides::Nothing,
            title: None,
            is_there: true,
            status: None,
            plugin: Some(plugin.clone()),
        }));
        all
    }
}
