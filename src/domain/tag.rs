use std::fmt;

use sha2::{Digest, Sha256};

use super::{Account, Admin, AtEnd, ClientDevice, ClientSession, Hook, Plan, SessionState, SessionTerms};

/// Bytes of a tag: as many as nobody meets twice by chance.
const TAG_BYTES: usize = 16;

/// A short name for how a device, a session, a plan or an account stands: it differs as soon as anything differs that somebody could change
/// or decide by.
///
/// What merely flows is left out: usage, addresses, sightings. So a tag lasts while a session is being used, and says that
/// nobody has changed it. It depends on what is stored alone, and outlives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag([u8; TAG_BYTES]);

impl Tag {
    /// How a session stands.
    pub fn of_session(session: &ClientSession) -> Self {
        let mut fields = Fields::new("session");
        fields.text(&session.id.to_string());
        fields.text(&session.device.to_string());
        fields.text(session.state.as_str());
        match &session.state {
            SessionState::Paused(reason) => fields.text(reason.as_str()),
            SessionState::Closed(reason, text) => {
                fields.text(reason.as_str());
                fields.text(text.as_str());
            }
            SessionState::Available
            | SessionState::Running(_)
            | SessionState::Consumed
            | SessionState::Expired => {}
        }
        fields.terms(&session.terms);
        for at in [session.started_at, session.resumed_at, session.expires_at, session.ended_at] {
            fields.number(at.map(|at| at.0));
        }
        fields.text_if(session.plan.as_deref());
        fields.text_if(session.principal.as_deref());
        fields.number(Some(session.properties.len() as u64));
        for (key, value) in &session.properties {
            fields.text(key);
            fields.text(value);
        }
        fields.list(session.roles.iter());
        fields.finish()
    }

    /// How a device stands; whether it is let through is part of it.
    pub fn of_device(device: &ClientDevice, connected: bool) -> Self {
        let mut fields = Fields::new("device");
        fields.text(&device.id.to_string());
        fields.text_if(device.alias.as_ref().map(super::Text::as_str));
        fields.text_if(device.zone.as_ref().map(super::ZoneName::as_str));
        fields.number(Some(u8::from(device.blocked)));
        fields.number(Some(u8::from(connected)));
        fields.list(device.roles.iter());
        fields.finish()
    }

    /// How a plan stands.
    pub fn of_plan(plan: &Plan) -> Self {
        let mut fields = Fields::new("plan");
        fields.text(plan.name.as_str());
        fields.text(plan.title.as_str());
        fields.terms(&plan.terms);
        fields.number(Some(plan.price.0));
        fields.number(Some(u64::try_from(plan.properties.len()).unwrap_or(u64::MAX)));
        for (key, value) in &plan.properties {
            fields.text(key);
            fields.text(value);
        }
        let slow = match plan.at_end {
            AtEnd::CutOff => None,
            AtEnd::Slow(slow) => Some(slow),
        };
        fields.number(slow.map(|slow| slow.lasts_ms));
        fields.number(slow.and_then(|slow| slow.rates.down).map(super::Mbps::bits_per_sec));
        fields.number(slow.and_then(|slow| slow.rates.up).map(super::Mbps::bits_per_sec));
        fields.text_if(plan.repeat.map(|repeat| repeat.every.as_str()));
        fields.number(plan.repeat.map(|repeat| repeat.at_hour));
        fields.number(Some(plan.max_devices));
        fields.number(Some(u8::from(plan.on_sale)));
        fields.list(plan.roles.iter());
        fields.finish()
    }

    /// How an account stands; its password and where it is logged in are no part of it.
    pub fn of_account(account: &Account) -> Self {
        let mut fields = Fields::new("account");
        fields.number(Some(account.id));
        fields.text(account.name.as_str());
        fields.text_if(account.full_name.as_ref().map(super::Text::as_str));
        fields.text_if(account.note.as_ref().map(super::Text::as_str));
        fields.number(Some(u64::try_from(account.plans.len()).unwrap_or(u64::MAX)));
        for attached in &account.plans {
            fields.text(attached.plan.as_str());
            fields.number(Some(attached.attached_at.0));
        }
        fields.number(Some(account.max_devices));
        fields.text(account.one_more.as_str());
        fields.number(Some(u8::from(account.disabled)));
        fields.number(account.expires_at.map(|at| at.0));
        fields.list(account.roles.iter());
        fields.number(Some(u64::try_from(account.properties.len()).unwrap_or(u64::MAX)));
        for (key, value) in &account.properties {
            fields.text(key);
            fields.text(value);
        }
        fields.finish()
    }

    /// What an admin account may do.
    pub fn of_admin(admin: &Admin) -> Self {
        let mut fields = Fields::new("admin");
        fields.number(Some(admin.id));
        fields.number(Some(u8::from(admin.disabled)));
        let permissions: Vec<String> = admin.permissions.iter().map(ToString::to_string).collect();
        fields.list(permissions.iter());
        fields.finish()
    }

    /// How a webhook stands; its secret is no part of it.
    pub fn of_hook(hook: &Hook) -> Self {
        let mut fields = Fields::new("hook");
        fields.text(&hook.id.to_string());
        fields.text(hook.name.as_str());
        fields.text(hook.url.as_str());
        fields.text_if(hook.filter.as_ref().map(ToString::to_string).as_deref());
        fields.text(&hook.kinds.names().join(" "));
        fields.text(&hook.properties.names().join(" "));
        fields.number(Some(u8::from(hook.enabled)));
        fields.finish()
    }

    /// The tag that this text shows; `None` if it shows none.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * TAG_BYTES {
            return None;
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; TAG_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Fields on their way into a digest, each with its length in front, so that no two sequences of them read the same.
struct Fields(Sha256);

impl Fields {
    fn new(kind: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.text(kind);
        fields
    }

    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn text_if(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        self.text(text.unwrap_or_default());
    }

    fn number(&mut self, number: Option<impl Into<i128>>) {
        self.0.update([u8::from(number.is_some())]);
        self.0.update(number.map_or(0, Into::into).to_be_bytes());
    }

    fn terms(&mut self, terms: &SessionTerms) {
        self.text(terms.kind.as_str());
        self.number(terms.time_limit_ms);
        self.number(terms.data_limit_bytes);
        self.number(terms.exp_days);
        self.number(terms.down.map(super::Mbps::bits_per_sec));
        self.number(terms.up.map(super::Mbps::bits_per_sec));
        self.number(Some(u8::from(terms.use_global_speed)));
    }

    fn list<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a String>) {
        self.number(Some(texts.len() as u64));
        texts.for_each(|text| self.text(text));
    }

    fn finish(self) -> Tag {
        let mut bytes = [0; TAG_BYTES];
        for (byte, digest) in bytes.iter_mut().zip(self.0.finalize()) {
            *byte = digest;
        }
        Tag(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        BootId, BootTime, Checkpoint, ClientKey, DeviceId, MacAddr, PauseReason, ProviderName, SessionId,
        Text, WallTime,
    };

    fn session() -> ClientSession {
        let (id, device) = (SessionId::new(uuid::Uuid::nil()), DeviceId::new(uuid::Uuid::nil()));
        ClientSession::new(id, device, ProviderName::new("x"), SessionTerms::unlimited(), WallTime(5))
    }

    #[test]
    fn what_flows_keeps_the_tag_of_a_session_and_what_is_decided_changes_it() {
        let running = |at| {
            let mut session = session();
            session.state = SessionState::Running(Checkpoint {
                boot_id: BootId::new("boot-1"),
                at: BootTime(at),
                key: ClientKey::new(1).unwrap(),
                sent_bytes: at,
                received_bytes: at,
            });
            session.usage.time_ms = at;
            session
        };
        assert_eq!(Tag::of_session(&running(1)), Tag::of_session(&running(2)));
        let changes: [fn(&mut ClientSession); 8] = [
            |session| session.state = SessionState::Paused(PauseReason::Asked),
            |session| session.state = SessionState::Paused(PauseReason::Idle),
            |session| session.terms.time_limit_ms = Some(0),
            |session| session.terms.data_limit_bytes = Some(0),
            |session| session.terms.use_global_speed = !session.terms.use_global_speed,
            |session| session.expires_at = Some(WallTime(0)),
            |session| session.properties = [("a".to_owned(), "b".to_owned())].into(),
            |session| session.roles = ["a".to_owned()].into(),
        ];
        let mut tags = vec![Tag::of_session(&session()), Tag::of_session(&running(1))];
        for change in changes {
            let mut session = session();
            change(&mut session);
            let tag = Tag::of_session(&session);
            assert!(!tags.contains(&tag), "{session:?}");
            tags.push(tag);
        }
    }

    #[test]
    fn where_a_device_is_seen_keeps_its_tag_and_what_is_decided_changes_it() {
        let mac = MacAddr::from_bytes([2, 0, 0, 0, 0, 1]).unwrap();
        let device = ClientDevice::new(DeviceId::new(uuid::Uuid::nil()), mac, WallTime(5));
        let tag = Tag::of_device(&device, false);
        let mut seen = device.clone();
        seen.ipv4.insert([10, 0, 0, 1].into());
        (seen.present, seen.last_seen) = (true, Some(WallTime(7)));
        assert_eq!(Tag::of_device(&seen, false), tag);
        assert_ne!(Tag::of_device(&device, true), tag);
        let named = ClientDevice { alias: Some(Text::new("till")), ..device.clone() };
        let blocked = ClientDevice { blocked: true, ..device };
        assert_ne!(Tag::of_device(&named, false), tag);
        assert_ne!(Tag::of_device(&blocked, false), tag);
    }

    #[test]
    fn a_tag_is_read_back_as_shown() {
        let tag = Tag::of_session(&session());
        assert_eq!(Tag::parse(&tag.to_string()), Some(tag));
        for wrong in ["", "0", &"g".repeat(32), &"A".repeat(32), &"0".repeat(33), "é"] {
            assert_eq!(Tag::parse(wrong), None, "{wrong:?}");
        }
    }
}
