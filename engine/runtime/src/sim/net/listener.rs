//! A socket that connections come to.

use std::collections::{BTreeSet, VecDeque};

use super::socket::SocketNo;
use super::stream::StreamOptions;
use crate::op::OpId;

/// Connections on their way to being accepted, bounded by the backlog.
#[derive(Debug)]
pub(super) struct Listener {
    backlog: usize,
    /// What its connections begin with.
    pub(super) options: StreamOptions,
    /// The multishot accept in flight.
    pub(super) accepting: Option<OpId>,
    /// Those whose handshake is not done.
    half_open: BTreeSet<SocketNo>,
    /// Those that nobody has taken yet.
    ready: VecDeque<SocketNo>,
}

impl Listener {
    pub(super) fn new(backlog: u32, options: StreamOptions) -> Listener {
        Listener {
            backlog: backlog.max(1) as usize,
            options,
            accepting: None,
            half_open: BTreeSet::new(),
            ready: VecDeque::new(),
        }
    }

    /// Whether there is room for one more.
    pub(super) fn has_room(&self) -> bool {
        self.half_open.len() + self.ready.len() < self.backlog
    }

    /// A handshake began.
    pub(super) fn begun(&mut self, connection: SocketNo) {
        self.half_open.insert(connection);
    }

    /// A handshake is done.
    pub(super) fn agreed(&mut self, connection: SocketNo) {
        if self.half_open.remove(&connection) {
            self.ready.push_back(connection);
        }
    }

    /// A connection is gone before anybody took it.
    pub(super) fn forget(&mut self, connection: SocketNo) {
        self.half_open.remove(&connection);
        self.ready.retain(|other| *other != connection);
    }

    /// The oldest connection, for the accept in flight. `None` if either is missing.
    pub(super) fn take(&mut self) -> Option<(OpId, SocketNo)> {
        let accepting = self.accepting?;
        Some((accepting, self.ready.pop_front()?))
    }

    /// All that nobody has taken.
    pub(super) fn unaccepted(&self) -> impl Iterator<Item = SocketNo> {
        self.half_open.iter().chain(&self.ready).copied()
    }
}
