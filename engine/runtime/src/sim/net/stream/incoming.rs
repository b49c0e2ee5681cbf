//! The receiving direction of a stream.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, Bytes, BytesMut};

/// Bytes that came, put in order.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Everything before this position has arrived.
    next: u64,
    /// What arrived in order and was not taken.
    ready: VecDeque<Bytes>,
    ready_bytes: usize,
    /// What arrived ahead of its turn, by position.
    early: BTreeMap<u64, Bytes>,
    bytes_max: usize,
    /// Where the stream ends, once that is known.
    end: Option<u64>,
    /// What the other end was told last: the first position there is no room for.
    promised: u64,
    /// Nobody will read any more: what comes is acknowledged and dropped.
    pub(super) is_shut: bool,
}

impl Incoming {
    pub(super) fn new(bytes_max: usize) -> Incoming {
        Incoming {
            next: 0,
            ready: VecDeque::new(),
            ready_bytes: 0,
            early: BTreeMap::new(),
            bytes_max,
            end: None,
            promised: 0,
            is_shut: false,
        }
    }

    /// Whether a segment carries bytes that did not come before.
    pub(super) fn is_news(&self, position: u64, bytes: usize) -> bool {
        bytes > 0 && position + bytes as u64 > self.next
    }

    /// Takes in what a segment carries, as far as there is room.
    pub(super) fn take_in(&mut self, position: u64, mut data: Bytes, is_end: bool) {
        let limit = self.next + self.window();
        let end = position + data.len() as u64;
        if is_end && end <= limit {
            self.end = Some(end);
        }
        data.truncate(limit.saturating_sub(position) as usize);
        let seen = self.next.saturating_sub(position);
        if seen < data.len() as u64 {
            data.advance(seen as usize);
            let slot = self.early.entry(position + seen).or_default();
            if slot.len() < data.len() {
                *slot = data;
            }
        }
        self.put_in_order();
    }

    fn put_in_order(&mut self) {
        while let Some(first) = self.early.first_entry() {
            if *first.key() > self.next {
                return;
            }
            let (position, mut data) = first.remove_entry();
            let seen = (self.next - position).min(data.len() as u64);
            data.advance(seen as usize);
            self.next += data.len() as u64;
            if !self.is_shut && !data.is_empty() {
                self.ready_bytes += data.len();
                self.ready.push_back(data);
            }
        }
    }

    /// Up to `bytes_max` bytes off the front, copied together; `None` if there are none.
    pub(super) fn take(&mut self, bytes_max: usize) -> Option<BytesMut> {
        let mut taken = BytesMut::with_capacity(self.ready_bytes.min(bytes_max));
        while let Some(first) = self.ready.front_mut() {
            let part = first.split_to(first.len().min(bytes_max - taken.len()));
            taken.extend_from_slice(&part);
            if !first.is_empty() {
                break;
            }
            self.ready.pop_front();
        }
        self.ready_bytes -= taken.len();
        (!taken.is_empty()).then_some(taken)
    }

    /// Drops what was not read, and all that is to come.
    pub(super) fn shut(&mut self) {
        self.is_shut = true;
        self.ready.clear();
        self.ready_bytes = 0;
    }

    /// Bytes that arrived in order and were not taken.
    pub(super) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    /// Bytes it holds.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.ready_bytes + self.early.values().map(Bytes::len).sum::<usize>()
    }

    /// Whether everything up to the end of the stream has arrived.
    pub(super) fn has_ended(&self) -> bool {
        self.end == Some(self.next)
    }

    /// What to acknowledge, and the room after it; both count as told.
    pub(super) fn tell(&mut self) -> (u64, u64) {
        let window = self.window();
        self.promised = self.next + window;
        (self.next + u64::from(self.has_ended()), window)
    }

    /// Whether there is so much more room than the other end knows of that it should be told: half
    /// of all, so that a slow reader does not cause small segments (RFC 9293, section 3.8.6.2.2).
    pub(super) fn has_news(&self) -> bool {
        let more = (self.next + self.window()).saturating_sub(self.promised);
        more >= self.bytes_max as u64 / 2 && !self.has_ended()
    }

    fn window(&self) -> u64 {
        (self.bytes_max - self.ready_bytes.min(self.bytes_max)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(range: std::ops::Range<u8>) -> Bytes {
        range.collect::<Vec<u8>>().into()
    }

    #[test]
    fn pieces_in_any_order_and_more_than_once_make_one_stream() {
        let mut incoming = Incoming::new(100);
        incoming.take_in(10, bytes(10..20), true);
        assert!(incoming.take(100).is_none() && !incoming.has_ended());
        incoming.take_in(0, bytes(0..5), false);
        incoming.take_in(0, bytes(0..5), false);
        assert_eq!(incoming.tell(), (5, 95));
        incoming.take_in(3, bytes(3..12), false);
        assert_eq!(incoming.tell(), (21, 80), "the end counts");
        assert_eq!(incoming.take(7).unwrap(), &bytes(0..7)[..]);
        assert_eq!(incoming.take(100).unwrap(), &bytes(7..20)[..]);
        assert_eq!((incoming.buffered_bytes(), incoming.has_ended()), (0, true));
    }

    #[test]
    fn what_there_is_no_room_for_is_cut_off_and_the_window_opens_in_one_step() {
        let mut incoming = Incoming::new(10);
        incoming.take_in(0, bytes(0..20), true);
        assert_eq!(incoming.tell(), (10, 0));
        assert!(!incoming.has_ended());
        incoming.take(4);
        assert!(!incoming.has_news(), "a little room is no news");
        incoming.take(1);
        assert!(incoming.has_news());
        assert_eq!(incoming.tell(), (10, 5));
        assert!(!incoming.has_news());
    }
}
