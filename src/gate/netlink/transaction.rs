//! Changes of set elements, many in one atomic batch.

use std::collections::HashMap;

use super::element::{self, DELETE_ELEMENT, DESTROY_ELEMENT, Element, LIST_SET, NEW_ELEMENT};
use super::message::{self, Body, FAMILY_INET, FLAG_ACK, FLAG_CREATE, FLAG_ECHO, MessageKind};
use super::socket::{NetfilterSocket, Reading};
use crate::gate::error::GateError;
use crate::gate::names::TABLE;

/// What is to become of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// There is one; nothing happens if there is one already.
    Add,
    /// There is none; with its last state told if there was one and the kernel is asked to.
    Remove {
        /// Whether its last state is wanted.
        echo: bool,
    },
}

/// One change of one element.
#[derive(Debug, Clone)]
pub struct ElementOp {
    /// The set.
    pub set: &'static str,
    /// What is to become of it.
    pub action: Action,
    /// The element; to remove it the key is enough.
    pub element: Element,
}

/// What became of a batch.
#[derive(Debug)]
pub enum Outcome {
    /// All of it happened: the echoes by the number of the change.
    Done(HashMap<usize, Element>),
    /// Nothing happened: the guilty changes by number, with the error numbers.
    Failed(Vec<(usize, i32)>),
    /// Nothing happened, for a reason that is no single change's.
    FailedWhole(i32),
}

impl ElementOp {
    /// How many bytes its message takes, at most.
    pub fn size_bound(&self) -> usize {
        let data = self.element.data.as_ref().map_or(0, |data| data.len() + 16);
        240 + self.element.key.len() + data
    }

    fn write(&self, buffer: &mut Vec<u8>, sequence: u32, extra_flags: u16, has_destroy: bool) {
        let (command, flags) = match self.action {
            Action::Add => (NEW_ELEMENT, FLAG_CREATE),
            Action::Remove { echo } => {
                (if has_destroy { DESTROY_ELEMENT } else { DELETE_ELEMENT }, if echo { FLAG_ECHO } else { 0 })
            }
        };
        message::push(
            buffer,
            MessageKind::nftables(command),
            flags | extra_flags,
            sequence,
            FAMILY_INET,
            |attrs| self.element.write(attrs, TABLE, self.set),
        );
    }
}

impl NetfilterSocket {
    /// Runs the changes as one batch. The kernel checks all of them before it gives up, so every guilty one is named.
    pub fn transact(&mut self, ops: &[&ElementOp], has_destroy: bool) -> Result<Outcome, GateError> {
        let Some(last) = ops.len().checked_sub(1) else { return Ok(Outcome::Done(HashMap::new())) };
        let begin = self.sequences(ops.len() + 2);
        let first = begin + 1;
        let mut buffer = Vec::with_capacity(64 + ops.iter().map(|op| op.size_bound()).sum::<usize>());
        message::begin_batch(&mut buffer, begin);
        for (index, (sequence, op)) in (first..).zip(ops).enumerate() {
            let ack = if index == last { FLAG_ACK } else { 0 };
            op.write(&mut buffer, sequence, ack, has_destroy);
        }
        let end = first + u32::try_from(ops.len()).unwrap_or(u32::MAX - first);
        message::end_batch(&mut buffer, end);
        self.send(&buffer)?;

        // Kernel 6.18 echoes with the sequence number 0: an echo is known by its set and key.
        let asked: HashMap<(&str, &[u8]), usize> = ops
            .iter()
            .enumerate()
            .filter(|(_, op)| op.action == Action::Remove { echo: true })
            .map(|(index, op)| ((op.set, op.element.key.as_slice()), index))
            .collect();
        let own_port = self.port();
        let mut echoes = HashMap::new();
        let mut errors = Vec::new();
        let mut whole = None;
        self.receive(|message| {
            if let Body::Object { .. } = message.body {
                if message.port == own_port {
                    note_echo(&message.body, &asked, &mut echoes);
                }
                return Ok(Reading::More);
            }
            if message.sequence < begin || message.sequence > end {
                return Ok(Reading::More);
            }
            let index = message
                .sequence
                .checked_sub(first)
                .and_then(|index| usize::try_from(index).ok())
                .filter(|i| *i <= last);
            match (message.body, index) {
                (Body::Result(errno), Some(index)) => {
                    if errno != 0 {
                        errors.push((index, errno));
                    }
                    Ok(if index == last { Reading::Finished } else { Reading::More })
                }
                (Body::Result(0), None) => Ok(Reading::More),
                (Body::Result(errno), None) => {
                    whole = Some(errno);
                    Ok(Reading::Finished)
                }
                (Body::Object { .. } | Body::Done | Body::Other, _) => Ok(Reading::More),
            }
        })?;
        Ok(match whole {
            Some(errno) => Outcome::FailedWhole(errno),
            None if errors.is_empty() => Outcome::Done(echoes),
            None => Outcome::Failed(errors),
        })
    }
}

fn note_echo(body: &Body<'_>, asked: &HashMap<(&str, &[u8]), usize>, echoes: &mut HashMap<usize, Element>) {
    let object = |command| body.object(MessageKind::nftables(command));
    let Some(attrs) = object(DELETE_ELEMENT).or_else(|| object(DESTROY_ELEMENT)) else { return };
    let Some(set) = attrs.find_kind(LIST_SET).and_then(|name| name.text()) else { return };
    for element in element::read_elements(attrs) {
        if let Some(index) = asked.get(&(set, element.key.as_slice())) {
            echoes.insert(*index, element);
        }
    }
}
