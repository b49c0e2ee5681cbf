//! One connection as its handles share it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::error::ConnectionError;
use super::hub::Hub;
use super::machine::{ConnectionKey, Event};
use super::values::{Code, Direction, StreamId};

/// A connection and everyone who waits for something on it. Ends the connection when the last
/// handle, of the connection or of one of its streams, is dropped.
pub(super) struct Link {
    pub(super) hub: Rc<Hub>,
    pub(super) key: ConnectionKey,
    /// Why it ended; `None` while it did not.
    error: RefCell<Option<ConnectionError>>,
    is_connected: Cell<bool>,
    pub(super) early_data: Cell<EarlyData>,
    /// Who waits for something that concerns all of it. One list for all kinds, since there are many
    /// connections on which nobody waits for most of them.
    any: RefCell<Vec<(Wait, Waker)>>,
    readable: RefCell<BTreeMap<StreamId, Waker>>,
    writable: RefCell<BTreeMap<StreamId, Waker>>,
    ended: RefCell<BTreeMap<StreamId, Waker>>,
}

/// What became of data that a client sent before the handshake was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EarlyData {
    /// There was none, or the server took it, or it is not known yet.
    Fine,
    /// The server did not take it.
    Rejected,
}

/// What any number of tasks may wait for on a connection as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Connected,
    Ended,
    OpenedBidirectional,
    OpenedUnidirectional,
    AvailableBidirectional,
    AvailableUnidirectional,
    DatagramReceived,
    DatagramsUnblocked,
}

impl Wait {
    pub(super) fn opened(direction: Direction) -> Wait {
        match direction {
            Direction::Bidirectional => Wait::OpenedBidirectional,
            Direction::Unidirectional => Wait::OpenedUnidirectional,
        }
    }

    pub(super) fn available(direction: Direction) -> Wait {
        match direction {
            Direction::Bidirectional => Wait::AvailableBidirectional,
            Direction::Unidirectional => Wait::AvailableUnidirectional,
        }
    }
}

/// What one task may wait for on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamWait {
    Readable,
    Writable,
    /// Everything sent was acknowledged, or the peer stopped it.
    Ended,
}

impl Link {
    pub(super) fn new(hub: Rc<Hub>, key: ConnectionKey) -> Link {
        Link {
            hub,
            key,
            error: RefCell::new(None),
            is_connected: Cell::new(false),
            early_data: Cell::new(EarlyData::Fine),
            any: RefCell::default(),
            readable: RefCell::default(),
            writable: RefCell::default(),
            ended: RefCell::default(),
        }
    }

    /// Why it ended, if it did.
    pub(super) fn error(&self) -> Option<ConnectionError> {
        self.error.borrow().clone()
    }

    /// # Errors
    /// Why it ended, if it did.
    pub(super) fn check(&self) -> Result<(), ConnectionError> {
        self.error().map_or(Ok(()), Err)
    }

    pub(super) fn is_connected(&self) -> bool {
        self.is_connected.get()
    }

    /// Ends it from this side.
    pub(super) fn close(&self, code: Code, reason: Bytes) {
        if self.error.borrow().is_none() {
            let now = self.hub.now();
            self.hub.change(|machine| machine.close(now, self.key, code, reason));
            self.end(ConnectionError::ClosedHere);
        }
    }

    /// Waits with others for something that concerns the whole connection.
    pub(super) fn wait(&self, wait: Wait, context: &Context<'_>) {
        let mut waiting = self.any.borrow_mut();
        let is_same =
            |(other, waker): &(Wait, Waker)| *other == wait && waker.will_wake(context.waker());
        if !waiting.iter().any(is_same) {
            waiting.push((wait, context.waker().clone()));
        }
    }

    /// Waits for something on a stream, in the place of whoever waited for it before.
    pub(super) fn wait_stream(&self, wait: StreamWait, stream: StreamId, context: &Context<'_>) {
        let before = self.waiting(wait).borrow_mut().insert(stream, context.waker().clone());
        drop(before);
    }

    /// Nobody waits on the stream any more.
    pub(super) fn forget(&self, wait: StreamWait, stream: StreamId) {
        let before = self.waiting(wait).borrow_mut().remove(&stream);
        drop(before);
    }

    /// Polls `f` until it is ready or the connection has ended.
    pub(super) fn poll_with<R>(
        &self,
        wait: Wait,
        context: &Context<'_>,
        f: impl FnOnce() -> Option<R>,
    ) -> Poll<Result<R, ConnectionError>> {
        if let Some(found) = f() {
            return Poll::Ready(Ok(found));
        }
        self.check()?;
        self.wait(wait, context);
        Poll::Pending
    }

    /// Tells those concerned. True if there was anyone.
    pub(super) fn happened(&self, event: &Event) -> bool {
        match event {
            Event::Incoming => false,
            Event::Connected => self.connected(),
            Event::Lost(error) => self.end(error.clone()),
            Event::Gone => self.end(ConnectionError::ClosedHere),
            Event::Opened(direction) => self.wake(Wait::opened(*direction)),
            Event::Available(direction) => self.wake(Wait::available(*direction)),
            Event::Readable(stream) => self.wake_stream(StreamWait::Readable, *stream),
            Event::Writable(stream) => self.wake_stream(StreamWait::Writable, *stream),
            Event::Finished(stream) => self.wake_stream(StreamWait::Ended, *stream),
            Event::Stopped(stream) => {
                let writer = self.wake_stream(StreamWait::Writable, *stream);
                self.wake_stream(StreamWait::Ended, *stream) || writer
            }
            Event::DatagramReceived => self.wake(Wait::DatagramReceived),
            Event::DatagramsUnblocked => self.wake(Wait::DatagramsUnblocked),
        }
    }

    fn connected(&self) -> bool {
        self.is_connected.set(true);
        let (had, accepted) = self.hub.look(|machine| {
            (machine.has_early_data(self.key), machine.early_data_was_accepted(self.key))
        });
        if had && !accepted {
            self.early_data.set(EarlyData::Rejected);
            self.wake_all();
        }
        self.wake(Wait::Connected)
    }

    /// Keeps the first reason and tells everyone.
    fn end(&self, error: ConnectionError) -> bool {
        self.error.borrow_mut().get_or_insert(error);
        self.wake_all()
    }

    fn wake_all(&self) -> bool {
        let any = self.any.take();
        let mut has_woken = !any.is_empty();
        for (_, waker) in any {
            waker.wake();
        }
        for streams in [&self.readable, &self.writable, &self.ended] {
            let streams = streams.take();
            has_woken |= !streams.is_empty();
            streams.into_values().for_each(Waker::wake);
        }
        has_woken
    }

    fn wake(&self, wait: Wait) -> bool {
        let is_concerned = |(other, _): &mut (Wait, Waker)| *other == wait;
        // Whoever is woken may wait again at once.
        let concerned: Vec<_> = self.any.borrow_mut().extract_if(.., is_concerned).collect();
        let has_any = !concerned.is_empty();
        for (_, waker) in concerned {
            waker.wake();
        }
        has_any
    }

    fn wake_stream(&self, wait: StreamWait, stream: StreamId) -> bool {
        let waker = self.waiting(wait).borrow_mut().remove(&stream);
        let Some(waker) = waker else { return false };
        waker.wake();
        true
    }

    fn waiting(&self, wait: StreamWait) -> &RefCell<BTreeMap<StreamId, Waker>> {
        match wait {
            StreamWait::Readable => &self.readable,
            StreamWait::Writable => &self.writable,
            StreamWait::Ended => &self.ended,
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close(Code::default(), Bytes::new());
    }
}
