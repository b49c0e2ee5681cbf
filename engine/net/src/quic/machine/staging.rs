//! Small writes gathered until the end of a pass.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

use crate::limits::QUIC_STAGED_BYTES;
use crate::quic::values::StreamId;

/// What was written on a connection's streams and not yet handed to the protocol.
///
/// The protocol library keeps every write as a segment of its own, allocated one by one, and walks
/// their list for each packet, which is quadratic in the writes outstanding on a stream. Here the
/// writes of a pass go into one buffer, and what follows each other on a stream becomes one
/// segment.
#[derive(Debug, Default)]
pub(super) struct Staging {
    gathered: BytesMut,
    /// Whose the gathered bytes are, in order.
    spans: Vec<Span>,
    /// What the protocol would not take yet. Every stream with something here waits for the peer.
    blocked: BTreeMap<StreamId, Blocked>,
    blocked_bytes: usize,
}

/// What waits on one stream.
#[derive(Debug, Default)]
pub(super) struct Blocked {
    pub(super) data: VecDeque<Bytes>,
    /// The stream ends after the data.
    pub(super) is_finished: bool,
}

#[derive(Debug)]
struct Span {
    stream: StreamId,
    bytes: usize,
}

/// A write of this much is worth a segment of its own.
pub(super) const DIRECT_BYTES: usize = 4096;

impl Staging {
    /// Whether a write to `stream` must wait for the peer.
    pub(super) fn is_blocked(&self, stream: StreamId) -> bool {
        !self.blocked.is_empty() && self.blocked.contains_key(&stream)
    }

    /// Whether anything waits to be handed over at the end of the pass.
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Whether so much is gathered that it should be handed over at once.
    pub(super) fn is_full(&self) -> bool {
        self.gathered.len() >= QUIC_STAGED_BYTES
    }

    /// Whether so much is blocked that nothing should be gathered.
    pub(super) fn is_clogged(&self) -> bool {
        self.blocked_bytes >= QUIC_STAGED_BYTES
    }

    /// Gathers a write.
    pub(super) fn gather(&mut self, stream: StreamId, data: &[u8]) {
        self.gathered.extend_from_slice(data);
        match self.spans.last_mut() {
            Some(last) if last.stream == stream => last.bytes += data.len(),
            _ => self.spans.push(Span { stream, bytes: data.len() }),
        }
    }

    /// Takes out what was gathered in its order, writes that follow each other on a stream as one.
    pub(super) fn take(&mut self, mut each: impl FnMut(&mut Staging, StreamId, Bytes)) {
        let mut gathered = self.gathered.split().freeze();
        let mut spans = std::mem::take(&mut self.spans);
        for span in spans.drain(..) {
            let data = gathered.split_to(span.bytes);
            each(self, span.stream, data);
        }
        // Its memory serves the next pass.
        self.spans = spans;
    }

    /// Keeps what the protocol would not take of `stream`.
    pub(super) fn block(&mut self, stream: StreamId, data: Bytes) {
        self.blocked_bytes += data.len();
        self.blocked.entry(stream).or_default().data.push_back(data);
    }

    /// Lets the stream end after what is blocked. False if nothing is.
    pub(super) fn finish_after(&mut self, stream: StreamId) -> bool {
        let Some(blocked) = self.blocked.get_mut(&stream) else { return false };
        blocked.is_finished = true;
        true
    }

    /// Takes out what is blocked on `stream`.
    pub(super) fn unblock(&mut self, stream: StreamId) -> Option<Blocked> {
        let blocked = self.blocked.remove(&stream)?;
        self.blocked_bytes -= blocked.data.iter().map(Bytes::len).sum::<usize>();
        Some(blocked)
    }

    /// Puts back what is still blocked.
    pub(super) fn put_back(&mut self, stream: StreamId, blocked: Blocked) {
        self.blocked_bytes += blocked.data.iter().map(Bytes::len).sum::<usize>();
        self.blocked.insert(stream, blocked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quic::values::Direction;

    fn stream(index: u64) -> StreamId {
        let direction = Direction::Bidirectional.to_wire();
        StreamId::from_wire(quinn_proto::StreamId::new(quinn_proto::Side::Client, direction, index))
    }

    #[test]
    fn writes_that_follow_each_other_become_one_segment() {
        let mut staging = Staging::default();
        for (index, data) in [(1, "ab"), (1, "cd"), (2, "x"), (1, "ef")] {
            staging.gather(stream(index), data.as_bytes());
        }
        let mut segments = Vec::new();
        staging.take(|_, stream, data| segments.push((stream, data)));
        let expected = [(1, "abcd"), (2, "x"), (1, "ef")];
        let expected =
            expected.map(|(index, data)| (stream(index), Bytes::from_static(data.as_bytes())));
        assert_eq!(segments, expected);
        assert!(staging.is_empty());
    }

    #[test]
    fn what_is_blocked_is_counted_until_it_is_taken() {
        let mut staging = Staging::default();
        assert!(!staging.finish_after(stream(1)));
        staging.block(stream(1), Bytes::from(vec![0; QUIC_STAGED_BYTES]));
        assert!(staging.is_blocked(stream(1)) && !staging.is_blocked(stream(2)));
        assert!(staging.is_clogged());
        assert!(staging.finish_after(stream(1)));
        let blocked = staging.unblock(stream(1)).unwrap();
        assert!(blocked.is_finished && !staging.is_clogged());
        staging.put_back(stream(1), blocked);
        assert!(staging.is_clogged());
    }
}
