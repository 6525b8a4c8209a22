use std::collections::BTreeSet;
use std::net::IpAddr;

use super::bulk::Bulk;
use super::steer::RolePatch;
use crate::domain::{
    Allowed, ClientKey, ClientSession, ClientType, CloseReason, DeviceId, Guard, MacAddr, Message, Once,
    Parting, PauseReason, PropertyPatch, ProviderName, Proviso, Refusal, Sale, SessionId, SessionPatch,
    SourceData, Text, Transport, WallTime, ZoneName,
};

/// What somebody wants. Ids of things to be made come with it, so that the domain draws no random numbers.
#[derive(Debug, Clone)]
pub enum Command {
    /// Let a device through on its running or next usable session.
    Connect {
        /// Whom.
        device: DeviceId,
        /// A text for its portal page.
        notify: Option<Text>,
        /// What the providers said, if they were asked.
        answer: Option<ProviderAnswer>,
        /// What the authenticators said, if they were asked.
        verdict: Option<AuthAnswer>,
    },
    /// Let a device through on a session of its own choice, in place of what it runs.
    ConnectOn {
        /// Whom.
        device: DeviceId,
        /// On which: one of its own that could be used.
        session: SessionId,
        /// What the session's source said, if it was asked.
        answer: Option<ProviderAnswer>,
        /// What the authenticators said, if they were asked.
        verdict: Option<AuthAnswer>,
    },
    /// Cut a device off and pause its session.
    Disconnect {
        /// Whom.
        device: DeviceId,
        /// A text for its portal page.
        notify: Option<Text>,
        /// Why.
        reason: PauseReason,
    },
    /// Make a session.
    CreateSession(Box<NewSession>),
    /// Change a session's terms.
    UpdateSession {
        /// Which.
        session: SessionId,
        /// How.
        patch: SessionPatch,
    },
    /// Add to a session what was bought for it.
    TopUp {
        /// Which.
        session: SessionId,
        /// How much.
        patch: SessionPatch,
        /// The sale.
        sale: Box<Sale>,
    },
    /// A session's source says anew what it grants.
    Reloaded {
        /// Which.
        session: SessionId,
        /// What.
        data: Box<SourceData>,
    },
    /// Set and delete properties of a session.
    SetProperties {
        /// Which.
        session: SessionId,
        /// What.
        patch: PropertyPatch,
    },
    /// Change a session's roles.
    ChangeRoles {
        /// Which.
        session: SessionId,
        /// How.
        patch: RolePatch,
    },
    /// Say who is behind a session.
    SetPrincipal {
        /// Which.
        session: SessionId,
        /// The account; `None` is nobody.
        principal: Option<String>,
        /// What the authenticators change with it.
        allowed: Allowed,
    },
    /// Move what a device has left to another one, which is the same phone with another MAC.
    MoveSessions {
        /// From this one, which is cut off.
        from: DeviceId,
        /// To this one.
        to: DeviceId,
        /// The ids that the sessions get there, in the order of use; one for each.
        fresh: Vec<SessionId>,
    },
    /// Move some of what a device has left to another one, which takes its place.
    TakeOver {
        /// From this one.
        from: DeviceId,
        /// To this one.
        to: DeviceId,
        /// Which sessions, each with the id that it gets there.
        sessions: Vec<(SessionId, SessionId)>,
        /// What must hold for it.
        guards: Vec<Guard>,
    },
    /// Leave a text for a device's portal page.
    Message {
        /// The text, and whose page.
        message: Box<Message>,
        /// The session by which the device was named, if it was.
        session: Option<SessionId>,
    },
    /// Change many sessions.
    Bulk(Box<Bulk>),
    /// End a session.
    CloseSession {
        /// Which.
        session: SessionId,
        /// Why.
        reason: CloseReason,
        /// In words.
        text: Text,
    },
    /// Forget a session.
    DeleteSession {
        /// Which.
        session: SessionId,
        /// The store's row, if it has ended and is in the store only.
        ended: Option<Box<ClientSession>>,
    },
    /// Make a device known before it is seen.
    RegisterDevice {
        /// The id it gets.
        id: DeviceId,
        /// Its MAC.
        mac: MacAddr,
        /// The operator's name for it.
        alias: Option<Text>,
        /// Where it belongs.
        zone: Option<ZoneName>,
    },
    /// Change, block or unblock a device.
    UpdateDevice {
        /// Which.
        device: DeviceId,
        /// How.
        patch: DevicePatch,
    },
    /// Forget a device with its sessions.
    DeleteDevice {
        /// Which.
        device: DeviceId,
    },
    /// Forget a device that has nothing left.
    Retire {
        /// Which.
        device: DeviceId,
        /// What nothing means.
        parting: Parting,
    },
    /// Forget sessions that were over long ago, each with its device.
    ForgetSessions(Vec<(SessionId, DeviceId)>),
    /// A device was seen on a zone's network.
    Seen {
        /// The id it gets if it is new.
        fresh: DeviceId,
        /// The id of the session it gets if it is trusted and has none.
        fresh_session: SessionId,
        /// Its MAC.
        mac: MacAddr,
        /// Where.
        zone: ZoneName,
        /// The address it speaks from.
        address: Option<IpAddr>,
        /// The name it gave.
        hostname: Option<Text>,
        /// The network device it is on, and how it is attached; `None` if that was not looked at.
        attached: Option<(Text, Transport)>,
        /// Whether it spoke just now, or is merely still in the table.
        alive: bool,
    },
    /// What a device's browser says of it.
    NoteClient {
        /// Which.
        device: DeviceId,
        /// What it is; `None` says nothing.
        client_type: Option<ClientType>,
        /// Its language; `None` says nothing.
        language: Option<Text>,
    },
    /// An address of a device is gone from the network.
    Lost {
        /// Its MAC.
        mac: MacAddr,
        /// The address.
        address: IpAddr,
    },
    /// A command that is carried out only if something holds.
    Under {
        /// What must hold.
        proviso: Box<Proviso>,
        /// What is then done.
        command: Box<Self>,
    },
}

impl Command {
    /// What names the request that it came of, if it is to be carried out once.
    pub fn once(&self) -> Option<&Once> {
        if let Self::Under { proviso, .. } = self { proviso.once.as_ref() } else { None }
    }

    /// The same command with what the providers said; only a connect has them asked.
    pub fn answered(self, answer: ProviderAnswer) -> Self {
        if let Self::Under { proviso, command } = self {
            return Self::Under { proviso, command: Box::new(command.answered(answer)) };
        }
        if let Self::Connect { device, notify, verdict, .. } = self {
            return Self::Connect { device, notify, answer: Some(answer), verdict };
        }
        if let Self::ConnectOn { device, session, verdict, .. } = self {
            return Self::ConnectOn { device, session, answer: Some(answer), verdict };
        }
        self
    }

    /// The same command with what the authenticators said; only a connect has them asked.
    pub fn judged(self, verdict: AuthAnswer) -> Self {
        if let Self::Under { proviso, command } = self {
            return Self::Under { proviso, command: Box::new(command.judged(verdict)) };
        }
        if let Self::Connect { device, notify, answer, .. } = self {
            return Self::Connect { device, notify, answer, verdict: Some(verdict) };
        }
        if let Self::ConnectOn { device, session, answer, .. } = self {
            return Self::ConnectOn { device, session, answer, verdict: Some(verdict) };
        }
        self
    }

    /// The change of many that it is, if it is one.
    pub fn bulk(&self) -> Option<&Bulk> {
        if let Self::Under { command, .. } = self {
            return command.bulk();
        }
        if let Self::Bulk(bulk) = self { Some(bulk) } else { None }
    }

    /// The same change of many with the sessions that it is about.
    pub fn selected(self, sessions: Vec<SessionId>) -> Self {
        if let Self::Under { proviso, command } = self {
            return Self::Under { proviso, command: Box::new(command.selected(sessions)) };
        }
        if let Self::Bulk(mut bulk) = self {
            bulk.selected = Some(sessions);
            return Self::Bulk(bulk);
        }
        self
    }

    /// Whether it is a connect that carries what the providers said.
    pub fn is_answered(&self) -> bool {
        if let Self::Under { command, .. } = self {
            return command.is_answered();
        }
        matches!(self, Self::Connect { answer: Some(_), .. } | Self::ConnectOn { answer: Some(_), .. })
    }

    /// Whom the authenticators have just said no to.
    pub(super) const fn denied(&self) -> Option<DeviceId> {
        if let Self::Connect { device, verdict: Some(AuthAnswer { verdict: Err(_), .. }), .. } = self {
            Some(*device)
        } else {
            None
        }
    }
}

/// A session to be made.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The id it gets.
    pub id: SessionId,
    /// For whom.
    pub device: DeviceId,
    /// By whom.
    pub provider: ProviderName,
    /// What it is made of.
    pub data: SourceData,
}

impl NewSession {
    /// The session as it begins.
    pub fn session(&self, created_at: WallTime) -> ClientSession {
        let data = &self.data;
        let provider = self.provider.clone();
        let mut session = ClientSession::new(self.id, self.device, provider, data.terms.clone(), created_at);
        session.source.clone_from(&data.reference);
        session.usage = data.usage;
        session.expires_at = data.expires_at;
        session.at_end = data.at_end;
        session.plan.clone_from(&data.plan);
        session.principal.clone_from(&data.principal);
        session.voucher.clone_from(&data.voucher);
        session.properties.clone_from(&data.properties);
        session.roles.clone_from(&data.roles);
        session
    }
}

/// What the authenticators said of a session that is to run.
#[derive(Debug, Clone)]
pub struct AuthAnswer {
    /// Which session.
    pub session: SessionId,
    /// What they change of it, or why not.
    pub verdict: Result<Allowed, Refusal>,
}

/// What the providers said of a device.
#[derive(Debug, Clone)]
pub enum ProviderAnswer {
    /// None has anything.
    Nothing,
    /// One has this.
    Offer(Box<NewSession>),
    /// The source of a session that is here already was asked anew; `None` if it did not answer, which changes nothing.
    Reloaded {
        /// Which session.
        session: SessionId,
        /// What it said.
        data: Option<Box<SourceData>>,
    },
}

/// A change of a device; absent fields stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DevicePatch {
    /// The operator's name for it; `Some(None)` takes it away.
    pub alias: Option<Option<Text>>,
    /// The zone it belongs to until it is seen.
    pub zone: Option<ZoneName>,
    /// Its roles from now on.
    pub roles: Option<BTreeSet<String>>,
    /// Shut out, or let back in.
    pub blocked: Option<bool>,
    /// Cut it off and pause its session, as by a disconnect.
    pub disconnect: bool,
}

/// What must be asked of the kernel before a command is handled, so that it is decided on exact books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing.
    Nothing,
    /// Read this client's books.
    Read(ClientKey),
    /// Take it out of `online`, then read its books: they are final.
    Shut(ClientKey),
}
