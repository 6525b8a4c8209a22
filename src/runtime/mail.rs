use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::domain::sessions_mgr::Command;
use crate::domain::{ClientDevice, ClientSession, Now, Refusal, SessionsMgr};

/// What the caller of a command gets.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Done,
    Device(Box<ClientDevice>),
    Session(Box<ClientSession>),
    Previous(BTreeMap<String, Option<String>>),
    Matched(usize),
}

/// Where an answer goes; `None` if nobody waits for it.
pub(super) type ReplyTo = Option<oneshot::Sender<Result<Reply, Refusal>>>;

/// A question that looks at the sessions manager between two groups and changes nothing.
pub(super) type Question = Box<dyn FnOnce(&SessionsMgr, Now) + Send>;

/// What lies in the owner's mailbox.
pub(super) enum Mail {
    /// A command and who waits for its answer.
    Command(Box<Command>, ReplyTo),
    /// The command for which the providers were asked, with their answer in it.
    Answered(crate::domain::DeviceId, Box<Command>, ReplyTo),
    /// A question.
    Ask(Question),
    /// Exact books first, then a question: for the answer that must be true to the byte.
    AskExact(crate::domain::DeviceId, Question),
    /// Compare the kernel with what it must hold. `reload` also puts the base ruleset in place anew. `done` is who waits until
    /// the kernel holds it.
    Reconcile { reload: bool, why: &'static str, done: Option<oneshot::Sender<()>> },
    /// Write all usage and stop; the rules stand.
    Stop(oneshot::Sender<()>),
}
