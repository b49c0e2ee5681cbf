//! A fingerprint of everything that happened in a world, to tell whether two runs were the same.

use std::fmt;

use roundhouse_base::random::mix;

use crate::op::{Errno, Op};
use crate::socket::SocketOp;

/// The hash of a sequence of numbers.
#[derive(Debug, Default)]
pub(super) struct Trace {
    hash: u64,
}

impl Trace {
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn note(&mut self, words: &[u64]) {
        for word in words {
            self.hash = mix(self.hash ^ mix(*word));
        }
    }

    /// Notes how an operation ended.
    pub(super) fn note_completion(&mut self, op: &Op, result: Result<u32, Errno>) {
        self.note(&describe(op));
        self.note(&[match result {
            Ok(count) => u64::from(count),
            Err(errno) => u64::MAX - errno.raw_os_error() as u64,
        }]);
    }
}

/// An operation without the content of its buffers, for people.
pub(super) struct Brief<'a>(pub(super) &'a Op);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Op::Read { file, buf, at } => {
                write!(f, "read {} at {at} of file {}", buf.len(), file.0)
            }
            Op::Write { file, buf, at, durable } => {
                let how = if *durable { "durable write" } else { "write" };
                write!(f, "{how} {} at {at} of file {}", buf.len(), file.0)
            }
            Op::SyncData { file } => write!(f, "sync data of file {}", file.0),
            Op::Sync { file } => write!(f, "sync file {}", file.0),
            Op::Open { path, mode } => write!(f, "open {} for {mode:?}", path.display()),
            Op::Allocate { file, bytes } => write!(f, "allocate {bytes} for file {}", file.0),
            Op::Remove { path } => write!(f, "remove {}", path.display()),
            Op::Close { file } => write!(f, "close file {}", file.0),
            Op::Socket(op) => {
                let (_, name, bytes) = outline(op);
                write!(f, "{name} {bytes} bytes, socket {}", op.socket().0)
            }
        }
    }
}

/// What kind of operation it is, on which file, where, and how many bytes.
fn describe(op: &Op) -> [u64; 4] {
    match op {
        Op::Read { file, buf, at } => [1, file.0.into(), *at, buf.len() as u64],
        Op::Write { file, buf, at, durable } => {
            [2 + u64::from(*durable), file.0.into(), *at, buf.len() as u64]
        }
        Op::SyncData { file } => [4, file.0.into(), 0, 0],
        Op::Sync { file } => [5, file.0.into(), 0, 0],
        Op::Open { path, .. } => [6, 0, 0, path.as_os_str().len() as u64],
        Op::Allocate { file, bytes } => [7, file.0.into(), 0, *bytes],
        Op::Remove { path } => [8, 0, 0, path.as_os_str().len() as u64],
        Op::Close { file } => [9, file.0.into(), 0, 0],
        Op::Socket(op) => {
            let (kind, _, bytes) = outline(op);
            [kind, op.socket().0.into(), 0, bytes as u64]
        }
    }
}

/// The number of a socket operation in the trace, its name, and the bytes it sends. What they are
/// is left out: keys differ from run to run, and with them what is encrypted.
fn outline(op: &SocketOp) -> (u64, &'static str, usize) {
    match op {
        SocketOp::Accept { .. } => (10, "accept", 0),
        SocketOp::Connect { .. } => (11, "connect", 0),
        SocketOp::Receive { .. } => (12, "receive", 0),
        SocketOp::Send { data, .. } => (13, "send", data.bytes()),
        SocketOp::ReceiveDatagrams { .. } => (14, "receive datagrams", 0),
        SocketOp::SendDatagrams { transmit, .. } => (15, "send datagrams", transmit.data.bytes()),
        SocketOp::Shutdown { .. } => (16, "shut down", 0),
        SocketOp::Close { .. } => (17, "close", 0),
    }
}
