use std::collections::HashMap;

use crate::domain::{Access, BootTime, BoxFuture, ClientKey, GateOp, KernelBooks, Refusal, ShapeOp};

/// The kernel refused, or could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KernelError(pub String);

impl KernelError {
    /// What a caller is told.
    pub fn refusal(&self) -> Refusal {
        Refusal::Kernel(self.0.clone())
    }
}

/// What is known of the kernel's elements, by client.
pub type AllBooks = HashMap<ClientKey, KernelBooks>;

/// What the owner's task asks of the kernel. One implementation speaks netlink; tests have their own.
pub trait Kernel: Send + Sync {
    /// Puts the base ruleset in place; elements that are there stay.
    fn load(&self) -> BoxFuture<'_, Result<(), KernelError>>;

    /// What the kernel holds; `None` if our table is not there.
    fn read_table(&self) -> BoxFuture<'_, Result<Option<AllBooks>, KernelError>>;

    /// All running books. A client without elements is absent.
    fn read_all(&self) -> BoxFuture<'_, Result<AllBooks, KernelError>>;

    /// The books of these clients.
    fn read<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>>;

    /// Takes these clients out of `online`, then reads their books: they are final.
    fn shut<'a>(&'a self, keys: &'a [ClientKey]) -> BoxFuture<'a, Result<AllBooks, KernelError>>;

    /// Carries out a group: classes that are to exist, then set elements in one batch, then classes that are to go. One
    /// answer for each of `gate`. What fails of `shape` is a warning of the implementation: a client that was paid for
    /// is let through even where its speed cannot be limited.
    fn apply<'a>(
        &'a self,
        now: BootTime,
        gate: &'a [GateOp],
        shape: &'a [ShapeOp],
    ) -> BoxFuture<'a, Vec<Result<(), KernelError>>>;

    /// Makes the kernel hold exactly this; how many things had to be put right.
    fn reconcile<'a>(
        &'a self,
        now: BootTime,
        desired: &'a [Access],
    ) -> BoxFuture<'a, Result<u64, KernelError>>;

    /// Whether something of that could not be put right that nobody is cut off for: it is worth another try soon.
    fn is_amiss(&self) -> bool {
        false
    }

    /// What an operator should know, in plain sentences.
    fn warnings(&self) -> Vec<String>;
}
