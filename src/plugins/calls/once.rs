use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::{Actor, AuditLine, Once, OnceSubject, Proviso, Text};
use crate::plugins::connection::Peer;
use crate::plugins::rpc::{Fault, REFUSED};
use crate::runtime::Handle;

/// A change that a plugin asks for: carried out once if it bears a key, however often it is asked for, also across crashes
/// of either side.
pub(super) struct Change {
    once: Option<Once>,
    actor: Actor,
}

/// A plugin as the audit log names it.
fn actor(peer: &Peer, action: &'static str, details: &str) -> Actor {
    let name = Text::new(&format!("plugin {}", peer.account.name));
    Actor { name, origin: Text::new(&peer.origin), action, details: Text::new(details) }
}

/// Notes what a plugin did that the sessions manager does not note.
pub(super) async fn note(peer: &Peer, action: &'static str, subject: &str, details: &str) {
    let (actor, at) = (actor(peer, action, details), peer.host.handle.now().wall);
    let line = AuditLine { at, actor, subject: Some(subject.to_owned()), before: None, after: None };
    if let Err(error) = peer.host.store.append_audit(&[line]).await {
        peer.host.store.measures().audit_lines_lost.count();
        // It is done: what is known of it must at least be in the log.
        tracing::error!(%error, plugin = peer.account.name, action, "an audit line was lost");
    }
}

impl Change {
    /// Reads the key; what was asked under it must be the same each time.
    pub(super) fn new(
        peer: &Peer,
        action: &'static str,
        params: &Value,
        key: Option<String>,
    ) -> Result<Self, Fault> {
        let name = format!("plugin {}", peer.account.name);
        let actor = actor(peer, action, "");
        let Some(key) = key else { return Ok(Self { once: None, actor }) };
        let is_key =
            (1..=Once::MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_key {
            let text = format!("must be 1 to {} visible ASCII characters", Once::MAX_KEY_CHARS);
            return Err(Fault::invalid("idempotency_key", text));
        }
        let mut digest = Sha256::new();
        digest.update(action.as_bytes());
        // Objects are written with their keys in order: the same request has the same text.
        digest.update(params.to_string().as_bytes());
        let handle = &peer.host.handle;
        let boot_id = handle.boot_id().map_err(|error| Fault::internal(&error))?;
        let fingerprint = digest.finalize().into();
        Ok(Self { once: Some(Once { caller: name, key, fingerprint, boot_id, at: handle.now() }), actor })
    }

    /// What was made or changed when this was carried out before; `None` if it was not.
    pub(super) async fn before(&self, peer: &Peer) -> Result<Option<OnceSubject>, Fault> {
        let Some(once) = &self.once else { return Ok(None) };
        let found = peer.host.store.find_once(&once.caller, &once.key).await;
        match found.map_err(|error| Fault::internal(&error))? {
            None => Ok(None),
            Some(found) if found.fingerprint == once.fingerprint => Ok(Some(found.subject)),
            Some(_) => {
                let text =
                    "idempotency_key: was sent with another request before: a key stands for one request";
                Err(Fault::new(REFUSED, text))
            }
        }
    }

    /// The sessions manager, for this one change.
    pub(super) fn handle(&self, peer: &Peer) -> Handle {
        let (once, by) = (self.once.clone(), Some(self.actor.clone()));
        peer.host.handle.under(Proviso { once, expected: None, by })
    }

    /// An id that is the same each time this is asked for; `None` without a key.
    pub(super) fn id(&self) -> Option<uuid::Uuid> {
        let once = self.once.as_ref()?;
        let digest = Sha256::digest(format!("{}\n{}", once.caller, once.key).as_bytes());
        let bytes: [u8; 16] = digest.get(..16)?.try_into().ok()?;
        // Version 8: made by a rule of one's own (RFC 9562).
        Some(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}
