//! The certificates of our own listeners: opened at start, followed while the daemon runs.

use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::api::ShownCertificate;
use crate::clock::Clock;
use crate::config::{AdminTls, Config};
use crate::domain::WallTime;
use crate::runtime::Handle;
use crate::tls::{CertificateFiles, Facts, Identity, Looked, Pair, Renewal, own_pair};

/// How often the files are looked at. Whoever does not want to wait sends SIGHUP.
const EVERY: Duration = Duration::from_secs(10);
/// Whoever renews certificates does so about a month before they end; within so long something has gone wrong.
const ENDS_SOON_MS: i64 = 14 * 86_400_000;

/// The certificates that are shown, and what follows their files.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// The portals'; `None` if none of them speaks TLS, or there is no certificate at all.
    pub(super) portal: Option<Identity>,
    /// The admin listener's.
    pub(super) admin: Option<Identity>,
    followed: Vec<Followed>,
}

#[derive(Debug)]
struct Followed {
    /// Whose they are, for messages.
    whose: &'static str,
    /// Under what `status` warns.
    area: &'static str,
    identity: Identity,
    renewal: Option<Renewal>,
    trouble: Option<String>,
}

impl Certificates {
    /// Opens what the listeners need. Files that cannot be used are no reason to let nobody through: `status` warns of
    /// them, one that is made here is shown instead, and they are looked at again.
    pub(super) fn open(config: &Config, clock: &Clock) -> Self {
        let mut certificates = Self::default();
        let mut own = Own { config, now: clock.believable(), made: None };
        if config.zones.iter().any(|zone| zone.portal_tls.is_some()) {
            certificates.portal = certificates.follow("[tls]", "tls", config.tls.files.as_ref(), &mut own);
        }
        if config.admin.tls != AdminTls::Off {
            let files = config.admin.files.as_ref();
            certificates.admin = match (&certificates.portal, files) {
                // One and the same is followed once.
                (Some(portal), Some(files)) if config.tls.files.as_ref() == Some(files) => {
                    Some(portal.clone())
                }
                (Some(portal), None) if config.tls.files.is_none() => Some(portal.clone()),
                (Some(_) | None, _) => certificates.follow("[admin]", "admin_tls", files, &mut own),
            };
        }
        certificates
    }

    fn follow(
        &mut self,
        whose: &'static str,
        area: &'static str,
        files: Option<&CertificateFiles>,
        own: &mut Own<'_>,
    ) -> Option<Identity> {
        let (pair, trouble) = match files.map(Pair::read) {
            Some(Ok(pair)) => (pair, None),
            Some(Err(error)) => {
                warn!("{whose}: {error}; one that is made here is shown instead");
                (own.pair()?, Some(error))
            }
            None => (own.pair()?, None),
        };
        let facts = pair.facts();
        let kind = if facts.is_own { "a certificate made here" } else { "its certificate" };
        info!(sha256 = facts.sha256, "{whose} shows {kind}");
        let identity = Identity::new(pair);
        let text = trouble.as_ref().map(|error| format!("{whose}: {error}; one that is made here is shown"));
        let renewal = files.map(|files| Renewal::new(identity.clone(), files.clone(), trouble));
        self.followed.push(Followed { whose, area, identity: identity.clone(), renewal, trouble: text });
        Some(identity)
    }

    /// What `status` shows.
    pub(super) fn shown(&self) -> Vec<ShownCertificate> {
        let shown = |listener, identity: &Option<Identity>| {
            identity.clone().map(|identity| ShownCertificate { listener, identity })
        };
        [shown("portal", &self.portal), shown("admin", &self.admin)].into_iter().flatten().collect()
    }

    /// Looks at the files again and again, for ever.
    pub(super) async fn watch(mut self, handle: Handle) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => Some(hangup),
            Err(error) => {
                warn!(%error, "SIGHUP cannot be heard; certificates are looked at by themselves");
                None
            }
        };
        let mut asked = false;
        loop {
            for followed in &mut self.followed {
                let text = followed.look(asked, handle.believable());
                handle.warn(followed.area, text);
            }
            let told = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            asked = tokio::time::timeout(EVERY, told).await.is_ok();
        }
    }
}

impl Followed {
    /// What `status` is to warn of.
    fn look(&mut self, asked: bool, now: WallTime) -> Option<String> {
        match self.renewal.as_mut().map_or(Looked::Same, |renewal| renewal.look(asked)) {
            Looked::Same => {}
            Looked::Renewed(facts) => {
                info!(sha256 = facts.sha256, "{} has a new certificate", self.whose);
                self.trouble = None;
            }
            Looked::Recovered => {
                info!("{}: the certificate and its key are in order again", self.whose);
                self.trouble = None;
            }
            Looked::Refused(error) => {
                warn!("{}: {error}; the old certificate is still shown", self.whose);
                self.trouble = Some(format!("{}: {error}; the old certificate is still shown", self.whose));
            }
        }
        self.trouble.clone().or_else(|| ending(self.whose, &self.identity.facts(), now))
    }
}

/// Devices believe no certificate that has ended, and none that has yet to begin.
fn ending(whose: &str, facts: &Facts, now: WallTime) -> Option<String> {
    let left = facts.ends.0.saturating_sub(now.0);
    if facts.is_own || left > ENDS_SOON_MS {
        None
    } else if left <= 0 {
        Some(format!("{whose}: the certificate has ended, and devices do not believe it: renew it"))
    } else {
        Some(format!("{whose}: the certificate ends in {} days: renew it", left.div_euclid(86_400_000)))
    }
}

/// The certificate that is made here, if it is needed.
struct Own<'c> {
    config: &'c Config,
    now: WallTime,
    made: Option<Pair>,
}

impl Own<'_> {
    fn pair(&mut self) -> Option<Pair> {
        if self.made.is_none() {
            let mut names = vec!["localhost".to_owned(), self.config.gateway.name.to_string()];
            names.extend(self.config.tls.host.clone());
            names.retain(|name| is_dns_name(name));
            match own_pair(&beside(&self.config.store.path), &names, self.now) {
                Ok(pair) => self.made = Some(pair),
                Err(error) => warn!(%error, "there is no TLS"),
            }
        }
        self.made.clone()
    }
}

/// A gateway may be called anything; a certificate holds letters, digits, hyphens and dots.
fn is_dns_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=253).contains(&name.len()) && name.bytes().all(plain)
}

/// It lies beside the database, as the vouchers' key does.
fn beside(database: &std::path::Path) -> PathBuf {
    let mut path = database.to_owned().into_os_string();
    path.push(".tls");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_ends_is_warned_of_and_ours_is_not() {
        let now = WallTime(1_795_219_200_000);
        let facts = |days: i64, is_own| Facts {
            sha256: String::new(),
            begins: WallTime(0),
            ends: now.plus_millis(days * 86_400_000),
            is_own,
        };
        assert_eq!(ending("[tls]", &facts(15, false), now), None);
        assert_eq!(
            ending("[tls]", &facts(3, false), now).as_deref(),
            Some("[tls]: the certificate ends in 3 days: renew it")
        );
        assert!(ending("[tls]", &facts(0, false), now).is_some_and(|text| text.contains("has ended")));
        assert_eq!(ending("[tls]", &facts(0, true), now), None);
    }
}
