//! What this kernel can shape with, and what shapes a device now; nothing is changed.

use std::io;

use rustix::io::Errno;

use super::ShaperError;
use super::htb::{self, ROOT_HANDLE};
use super::leaf::FQ_CODEL_FLOWS;
use super::socket::TcSocket;
use super::wire::{CREATE, DEL_QDISC, EXCL, Message, NEW_QDISC, OPTIONS, ROOT, Target, put_attribute};

/// Every network namespace has one, and nobody shapes it.
const LOOPBACK: &str = "lo";
/// A handle that is ours, for what a kernel might make after all.
const TRIED_HANDLE: u32 = 0xfffd_0000;

/// The queues that matter, and whether the kernel has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// The tree of classes. Without it no speed is limited.
    pub htb: bool,
    /// The best queue under a class.
    pub fq_codel: bool,
    /// The next best.
    pub tbf: bool,
}

/// What is at the root of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootQdisc {
    /// Its kind, as in `cake`.
    pub kind: String,
    /// Whether it is our tree.
    pub is_ours: bool,
    /// Whether the kernel put it there by itself.
    pub is_default: bool,
}

/// Finds out which queues this kernel has, by asking for some that cannot be made: whether it says that the options are wrong,
/// or that there is no such kind (`net/sched/sch_api.c`). It may load a module for that. Needs a tokio runtime; works in the
/// network namespace of the calling thread.
pub async fn probe_queues() -> Result<Queues, ShaperError> {
    let mut socket = TcSocket::open()?;
    let Some(index) = socket.index_of(LOOPBACK)? else {
        return Err(io::Error::other("there is no loopback device to try it on").into());
    };
    let mut no_flows = Vec::new();
    put_attribute(&mut no_flows, FQ_CODEL_FLOWS, &0_u32.to_ne_bytes());
    Ok(Queues {
        htb: has(&mut socket, index, "htb", &[]).await?,
        fq_codel: has(&mut socket, index, "fq_codel", &no_flows).await?,
        tbf: has(&mut socket, index, "tbf", &[]).await?,
    })
}

async fn has(socket: &mut TcSocket, index: u32, kind: &str, options: &[u8]) -> Result<bool, ShaperError> {
    let target = Target { index, handle: TRIED_HANDLE, parent: ROOT, info: 0 };
    let message = Message::new(NEW_QDISC, CREATE | EXCL, target).kind(kind).attribute(OPTIONS, options);
    let errno = socket.send_all(&[message]).await?.first().copied().unwrap_or_default();
    match Errno::from_raw_os_error(errno) {
        Errno::NOENT => Ok(false),
        // It says that the options are wrong.
        Errno::INVAL | Errno::RANGE => Ok(true),
        _ if errno == 0 => {
            socket.send_all(&[Message::new(DEL_QDISC, 0, target)]).await?;
            Ok(true)
        }
        error => Err(io::Error::from(error).into()),
    }
}

/// What is at the root of a device; `None` if there is nothing to speak of, or no such device. Needs a tokio runtime; works in
/// the network namespace of the calling thread.
pub async fn root_qdisc(device: &str) -> Result<Option<RootQdisc>, ShaperError> {
    let mut socket = TcSocket::open()?;
    let Some(index) = socket.index_of(device)? else { return Ok(None) };
    Ok(root(&mut socket, index).await?.map(|(handle, kind)| RootQdisc {
        is_ours: handle == ROOT_HANDLE && kind == "htb",
        // Handle 0 is what the kernel puts there by itself.
        is_default: handle == 0,
        kind,
    }))
}

/// Handle and kind of a device's root qdisc.
pub(super) async fn root(socket: &mut TcSocket, index: u32) -> Result<Option<(u32, String)>, ShaperError> {
    let mut root = None;
    let asked = socket
        .ask(&htb::ask_root(index), false, |answer| {
            if let (Some(target), Some(kind)) = (answer.target(), answer.name()) {
                root = Some((target.handle, kind.to_owned()));
            }
        })
        .await;
    match asked {
        Ok(()) => Ok(root),
        Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
