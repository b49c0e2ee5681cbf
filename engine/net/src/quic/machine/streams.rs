//! What the application does with streams.

use bytes::Bytes;
use quinn_proto::WriteError as ProtoWriteError;
use quinn_proto::{FinishError, ReadError as ProtoReadError, ReadableError};

use super::Machine;
use super::entry::Entry;
use super::event::ConnectionKey;
use super::staging::DIRECT_BYTES;
use crate::quic::error::{ConnectionError, ReadError, WriteError};
use crate::quic::values::{Code, Direction, StreamId};

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// The next bytes of the stream, one at least.
    Data(Bytes),
    /// The peer finished the stream, and everything was read.
    End,
    /// Nothing yet; wait for [`Event::Readable`](super::Event::Readable).
    Nothing,
}

impl Machine {
    /// Opens a stream. `None`: the peer allows no more at the moment, wait for
    /// [`Event::Available`](super::Event::Available), or the connection is gone.
    ///
    /// The peer learns of it with the first data, or the end, sent on it.
    pub fn open_stream(&mut self, key: ConnectionKey, direction: Direction) -> Option<StreamId> {
        let id = self.entry(key)?.proto.streams().open(direction.to_wire())?;
        Some(StreamId::from_wire(id))
    }

    /// Takes a stream that the peer opened, in the order of their numbers. `None`: there is none;
    /// wait for [`Event::Opened`](super::Event::Opened).
    pub fn accept_stream(&mut self, key: ConnectionKey, direction: Direction) -> Option<StreamId> {
        let id = self.entry(key)?.proto.streams().accept(direction.to_wire())?;
        Some(StreamId::from_wire(id))
    }

    /// Writes to a stream and says how much of `data` was taken. 0: the peer, or the limit of this
    /// side, allows no more at the moment; wait for [`Event::Writable`](super::Event::Writable).
    ///
    /// Small writes go out together at the end of the pass. What is written after
    /// [`Machine::finish`] or [`Machine::reset`] is lost.
    ///
    /// # Errors
    /// [`WriteError`]: nothing of `data` was taken, and nothing can be written any more.
    pub fn write(
        &mut self,
        key: ConnectionKey,
        stream: StreamId,
        data: &[u8],
    ) -> Result<usize, WriteError> {
        let Some(entry) = self.entry(key) else { return Err(ConnectionError::ClosedHere.into()) };
        let taken = entry.write(stream, data)?;
        entry.growth.moved(taken);
        self.touch(key.index);
        self.send_soon(key.index);
        Ok(taken)
    }

    /// Ends a stream after what was written to it. Its end, too, is sent until it is acknowledged:
    /// [`Event::Finished`](super::Event::Finished).
    ///
    /// # Errors
    /// [`WriteError`]: it ended already, one way or the other.
    pub fn finish(&mut self, key: ConnectionKey, stream: StreamId) -> Result<(), WriteError> {
        let Some(entry) = self.entry(key) else { return Err(ConnectionError::ClosedHere.into()) };
        entry.flush();
        if !entry.staging.finish_after(stream) {
            entry.proto.send_stream(stream.to_wire()).finish().map_err(|error| match error {
                FinishError::Stopped(code) => WriteError::Stopped(Code::from_wire(code)),
                FinishError::ClosedStream => WriteError::Finished,
            })?;
        }
        self.send_soon(key.index);
        Ok(())
    }

    /// Gives a stream up: what was not acknowledged is forgotten, and the peer is told `code`.
    /// No effect on one that ended.
    pub fn reset(&mut self, key: ConnectionKey, stream: StreamId, code: Code) {
        let Some(entry) = self.entry(key) else { return };
        entry.flush();
        let _forgotten = entry.staging.unblock(stream);
        let _ended = entry.proto.send_stream(stream.to_wire()).reset(code.to_wire());
        self.send_soon(key.index);
    }

    /// Sets the priority of what is sent on a stream: streams with more go first, equal ones take
    /// turns. Streams begin with 0. No effect on one that ended.
    pub fn set_priority(&mut self, key: ConnectionKey, stream: StreamId, priority: i32) {
        let Some(entry) = self.entry(key) else { return };
        let _ended = entry.proto.send_stream(stream.to_wire()).set_priority(priority);
    }

    /// With what code the peer stopped reading the stream, if it did. The outer `None`: nothing is
    /// known of the stream any more, since everything was acknowledged or the connection is gone.
    pub fn ending(&mut self, key: ConnectionKey, stream: StreamId) -> Option<Option<Code>> {
        let entry = self.entry(key)?;
        let code = entry.proto.send_stream(stream.to_wire()).stopped().ok()?;
        Some(code.map(Code::from_wire))
    }

    /// Reads at most `max` bytes from a stream, in order.
    ///
    /// # Errors
    /// [`ReadError`]: nothing can be read any more.
    pub fn read(
        &mut self,
        key: ConnectionKey,
        stream: StreamId,
        max: usize,
    ) -> Result<ReadOutcome, ReadError> {
        let Some(entry) = self.entry(key) else { return Err(ConnectionError::ClosedHere.into()) };
        let mut from_stream = entry.proto.recv_stream(stream.to_wire());
        let mut chunks = match from_stream.read(true) {
            Ok(chunks) => chunks,
            Err(ReadableError::ClosedStream) => return Err(ReadError::Finished),
            Err(ReadableError::IllegalOrderedRead) => unreachable!("all reads are in order"),
        };
        let outcome = match chunks.next(max) {
            Ok(Some(chunk)) => Ok(ReadOutcome::Data(chunk.bytes)),
            Ok(None) => Ok(ReadOutcome::End),
            Err(ProtoReadError::Blocked) => Ok(ReadOutcome::Nothing),
            Err(ProtoReadError::Reset(code)) => Err(ReadError::Reset(Code::from_wire(code))),
        };
        let has_credit_to_send = chunks.finalize().should_transmit();
        if let Ok(ReadOutcome::Data(data)) = &outcome {
            entry.growth.moved(data.len());
        }
        if has_credit_to_send {
            self.touch(key.index);
            self.send_soon(key.index);
        }
        outcome
    }

    /// Stops reading a stream: what arrived is forgotten, and the peer is told `code`. No effect on
    /// one that ended.
    pub fn stop(&mut self, key: ConnectionKey, stream: StreamId, code: Code) {
        let Some(entry) = self.entry(key) else { return };
        let _ended = entry.proto.recv_stream(stream.to_wire()).stop(code.to_wire());
        self.send_soon(key.index);
    }
}

impl Entry {
    fn write(&mut self, stream: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        match self.proto.send_stream(stream.to_wire()).stopped() {
            Ok(None) => {}
            Ok(Some(code)) => return Err(WriteError::Stopped(Code::from_wire(code))),
            Err(_closed) => return Err(WriteError::Finished),
        }
        if self.staging.is_blocked(stream) {
            return Ok(0);
        }
        if data.len() < DIRECT_BYTES && !self.staging.is_clogged() {
            self.staging.gather(stream, data);
            self.unsent_bytes += data.len() + FRAME_BYTES;
            if self.staging.is_full() {
                self.flush();
            }
            return Ok(data.len());
        }
        self.flush();
        if self.staging.is_blocked(stream) {
            return Ok(0);
        }
        match self.proto.send_stream(stream.to_wire()).write(data) {
            Ok(taken) => Ok(taken),
            Err(ProtoWriteError::Blocked) => Ok(0),
            Err(ProtoWriteError::Stopped(code)) => Err(WriteError::Stopped(Code::from_wire(code))),
            Err(ProtoWriteError::ClosedStream) => Err(WriteError::Finished),
        }
    }
}

/// What a small write costs in a datagram beside its data: a frame's type, stream, offset, length.
const FRAME_BYTES: usize = 8;
