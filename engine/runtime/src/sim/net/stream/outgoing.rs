//! The sending direction of a stream.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use roundhouse_base::Monotonic;

use crate::socket::Pieces;

/// Bytes to send, and those sent that may have to be sent again: slow start, congestion avoidance
/// and fast retransmit (RFC 5681), recovery from several losses in a window (RFC 6582), timeouts
/// (RFC 6298), and smaller segments where full ones keep getting lost (RFC 4821).
#[derive(Debug)]
pub(super) struct Outgoing {
    /// What was not acknowledged, from position `first` on.
    pieces: VecDeque<Bytes>,
    bytes: usize,
    bytes_max: usize,
    first: u64,
    /// The next position to send.
    next: u64,
    /// The first position that was never sent.
    fresh: u64,
    /// Nothing comes after what is here. The end takes one position.
    is_ending: bool,
    is_end_acknowledged: bool,
    /// The first position there is no room for at the other end.
    limit: u64,
    segment_bytes: usize,
    congestion_window: usize,
    slow_start_end: usize,
    /// Acknowledgements of the same position in a row.
    repeats: u32,
    /// While losses of a window are being repaired: where it ends.
    repaired_at: Option<u64>,
    /// The segment at `first` is to be sent again at once.
    resends_first: bool,
    round_trip: Option<RoundTrip>,
    /// A position and when it was sent, to measure the time until it is acknowledged.
    timed: Option<(u64, Monotonic)>,
    expiries: u32,
    expires_at: Option<Monotonic>,
    /// When the other end was last heard of, or there was nothing to hear of.
    silent_since: Monotonic,
}

/// Part of a stream to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) position: u64,
    pub(super) data: Bytes,
    pub(super) is_end: bool,
}

#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    smoothed: Duration,
    variation: Duration,
}

impl Outgoing {
    pub(super) fn new(bytes_max: usize, segment_bytes: usize, now: Monotonic) -> Outgoing {
        Outgoing {
            pieces: VecDeque::new(),
            bytes: 0,
            bytes_max,
            first: 0,
            next: 0,
            fresh: 0,
            is_ending: false,
            is_end_acknowledged: false,
            limit: 0,
            segment_bytes,
            congestion_window: INITIAL_SEGMENTS * segment_bytes,
            slow_start_end: usize::MAX,
            repeats: 0,
            repaired_at: None,
            resends_first: false,
            round_trip: None,
            timed: None,
            expiries: 0,
            expires_at: None,
            silent_since: now,
        }
    }

    /// Takes as much off the front of `data` as there is room for.
    pub(super) fn push(&mut self, data: &mut Pieces) {
        let room = self.bytes_max - self.bytes.min(self.bytes_max);
        let taken = data.split_to(room.min(data.bytes()));
        self.bytes += taken.bytes();
        self.pieces.extend(taken.as_slice().iter().filter(|piece| !piece.is_empty()).cloned());
    }

    /// Nothing more will be pushed.
    pub(super) fn finish(&mut self) {
        self.is_ending = true;
    }

    pub(super) fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// Whether everything, the end included, was acknowledged.
    pub(super) fn is_finished(&self) -> bool {
        self.is_ending && self.is_end_acknowledged
    }

    /// Whether everything pushed so far was acknowledged.
    pub(super) fn is_idle(&self) -> bool {
        self.bytes == 0 && (!self.is_ending || self.is_end_acknowledged)
    }

    /// Bytes it holds.
    pub(super) fn buffered_bytes(&self) -> usize {
        self.bytes
    }

    /// The next position to be sent; what an acknowledgement without data carries.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The next part to send now, if any may be sent. With `no_delay` a short one does not wait for
    /// the acknowledgement of those before (RFC 9293, section 3.7.4).
    pub(super) fn next_part(&mut self, now: Monotonic, no_delay: bool) -> Option<Part> {
        if std::mem::take(&mut self.resends_first) && self.first < self.fresh {
            self.timed = None;
            let bytes = self.segment_bytes.min((self.fresh - self.first) as usize);
            return Some(self.part(now, self.first, bytes));
        }
        if self.next >= self.last() {
            return None;
        }
        let in_flight = (self.next - self.first) as usize;
        let allowed = self.limit.saturating_sub(self.next) as usize;
        let room = self.congestion_window.saturating_sub(in_flight);
        let waiting = (self.end().saturating_sub(self.next)) as usize;
        let bytes = waiting.min(allowed).min(room).min(self.segment_bytes);
        let is_partial = bytes < self.segment_bytes && !(self.is_ending && bytes == waiting);
        if is_partial && in_flight > 0 && !no_delay {
            return None;
        }
        // The end itself needs no window.
        if bytes == 0 && waiting > 0 {
            self.watch(now);
            return None;
        }
        if self.timed.is_none() && self.next == self.fresh {
            self.timed = Some((self.next, now));
        }
        let part = self.part(now, self.next, bytes);
        self.next += part.data.len() as u64 + u64::from(part.is_end);
        Some(part)
    }

    /// The other end has everything before `position`, and room for `window` bytes after it.
    /// Acknowledgements with data tell nothing about losses. False: it can't be.
    pub(super) fn acknowledged(
        &mut self,
        now: Monotonic,
        position: u64,
        window: u64,
        is_bare: bool,
    ) -> bool {
        if position > self.fresh {
            return false;
        }
        self.silent_since = now;
        let has_more_room = position + window > self.limit;
        self.limit = self.limit.max(position + window);
        if position > self.first || has_more_room {
            self.measure(now, position);
            self.advance(position);
            (self.expiries, self.expires_at) = (0, None);
            self.watch(now);
        } else if position == self.first && is_bare && self.first < self.next {
            self.repeated();
        }
        true
    }

    /// When something is to be done if nothing is heard until then.
    pub(super) fn expires_at(&self) -> Option<Monotonic> {
        self.expires_at
    }

    /// How long the other end has been silent although it owes an acknowledgement.
    pub(super) fn silence(&self, now: Monotonic) -> Duration {
        if self.is_idle() { Duration::ZERO } else { now.since(self.silent_since) }
    }

    /// Nothing was heard for too long: everything unacknowledged counts as lost, and where the
    /// other end had no room, one byte asks whether it has.
    pub(super) fn expire(&mut self, now: Monotonic) -> Option<Part> {
        self.expires_at = None;
        if self.is_idle() {
            return None;
        }
        self.expiries += 1;
        self.timed = None;
        if self.limit <= self.first && self.first < self.end() {
            return Some(self.part(now, self.first, 1));
        }
        if self.expiries >= BLACK_HOLE_EXPIRIES {
            self.segment_bytes = self.segment_bytes.min(BLACK_HOLE_SEGMENT_BYTES);
        }
        let in_flight = (self.next - self.first) as usize;
        self.slow_start_end = (in_flight / 2).max(2 * self.segment_bytes);
        self.congestion_window = self.segment_bytes;
        self.next = self.first;
        (self.repeats, self.repaired_at) = (0, None);
        self.watch(now);
        None
    }

    /// The position after the last byte.
    fn end(&self) -> u64 {
        self.first + self.bytes as u64
    }

    /// The position after the last that there is to send so far.
    fn last(&self) -> u64 {
        self.end() + u64::from(self.is_ending)
    }

    fn part(&mut self, now: Monotonic, position: u64, bytes: usize) -> Part {
        let data = self.copy(position, bytes);
        let end = position + data.len() as u64;
        let is_end = self.is_ending && end == self.end();
        self.fresh = self.fresh.max(end + u64::from(is_end));
        self.watch(now);
        Part { position, data, is_end }
    }

    /// Up to `bytes` bytes from `position` on.
    fn copy(&self, position: u64, bytes: usize) -> Bytes {
        let mut skipped = (position - self.first) as usize;
        let mut copied = BytesMut::new();
        for piece in &self.pieces {
            if skipped >= piece.len() {
                skipped -= piece.len();
                continue;
            }
            let part = piece.slice(skipped..piece.len().min(skipped + bytes - copied.len()));
            if part.len() == bytes {
                return part;
            }
            copied.extend_from_slice(&part);
            skipped = 0;
            if copied.len() == bytes {
                break;
            }
        }
        copied.freeze()
    }

    /// Sees to it that silence is noticed.
    fn watch(&mut self, now: Monotonic) {
        if self.expires_at.is_none() && !self.is_idle() {
            let timeout = self.timeout() * 2u32.saturating_pow(self.expiries.min(20));
            self.expires_at = Some(now + timeout.min(TIMEOUT_MAX));
            if self.expiries == 0 {
                self.silent_since = now;
            }
        }
    }

    fn timeout(&self) -> Duration {
        let measured = self.round_trip.map(|it| (it.smoothed + 4 * it.variation).max(TIMEOUT_MIN));
        measured.unwrap_or(TIMEOUT_INITIAL)
    }

    fn measure(&mut self, now: Monotonic, position: u64) {
        let Some((_, sent)) = self.timed.take_if(|(timed, _)| *timed < position) else { return };
        let sample = now.since(sent);
        self.round_trip = Some(match self.round_trip {
            None => RoundTrip { smoothed: sample, variation: sample / 2 },
            Some(RoundTrip { smoothed, variation }) => RoundTrip {
                smoothed: (smoothed * 7 + sample) / 8,
                variation: (variation * 3 + smoothed.abs_diff(sample)) / 4,
            },
        });
    }

    /// Forgets what was acknowledged, and sends more at once from now on.
    fn advance(&mut self, position: u64) {
        let acknowledged = position.min(self.end()).saturating_sub(self.first) as usize;
        self.is_end_acknowledged = self.is_ending && position > self.end();
        self.drop_front(acknowledged);
        self.first += acknowledged as u64;
        self.next = self.next.max(position);
        self.repeats = 0;
        match self.repaired_at {
            Some(end) if position < end => self.resends_first = true,
            Some(_) => self.repaired_at = None,
            None if self.congestion_window < self.slow_start_end => {
                self.congestion_window += acknowledged.min(self.segment_bytes);
            }
            None => {
                let segment = self.segment_bytes;
                self.congestion_window += (segment * segment / self.congestion_window).max(1);
            }
        }
    }

    /// The same position was acknowledged again: something after it arrived, and what is at it may
    /// be lost.
    fn repeated(&mut self) {
        self.repeats += 1;
        if self.repeats == REPEATS_OF_A_LOSS && self.repaired_at.is_none() {
            let in_flight = (self.next - self.first) as usize;
            self.slow_start_end = (in_flight / 2).max(2 * self.segment_bytes);
            self.congestion_window = self.slow_start_end;
            self.repaired_at = Some(self.fresh);
            self.resends_first = true;
        }
    }

    fn drop_front(&mut self, mut bytes: usize) {
        self.bytes -= bytes;
        while bytes > 0
            && let Some(piece) = self.pieces.front_mut()
        {
            let part = piece.len().min(bytes);
            drop(piece.split_to(part));
            bytes -= part;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

/// Segments sent before anything is known of the path (RFC 6928).
const INITIAL_SEGMENTS: usize = 10;
const REPEATS_OF_A_LOSS: u32 = 3;
const TIMEOUT_INITIAL: Duration = Duration::from_secs(1);
/// Linux's bounds.
const TIMEOUT_MIN: Duration = Duration::from_millis(200);
const TIMEOUT_MAX: Duration = Duration::from_mins(2);
/// After so many timeouts in a row the path may be one that drops long packets.
const BLACK_HOLE_EXPIRIES: u32 = 3;
const BLACK_HOLE_SEGMENT_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Monotonic = Monotonic(1_000_000_000);

    fn outgoing(bytes: usize) -> Outgoing {
        let mut outgoing = Outgoing::new(100_000, 100, NOW);
        let pieces = vec![Bytes::from(vec![1; bytes / 2]), Bytes::from(vec![2; bytes - bytes / 2])];
        outgoing.push(&mut Pieces::Many(pieces));
        assert!(outgoing.acknowledged(NOW, 0, 50_000, true));
        outgoing
    }

    fn positions(outgoing: &mut Outgoing) -> Vec<u64> {
        std::iter::from_fn(|| outgoing.next_part(NOW, true)).map(|part| part.position).collect()
    }

    #[test]
    fn the_window_opens_with_what_is_acknowledged() {
        let mut outgoing = outgoing(5_000);
        assert_eq!(positions(&mut outgoing).len(), INITIAL_SEGMENTS);
        for n in 1..=10 {
            assert!(outgoing.acknowledged(NOW, n * 100, 50_000, true));
        }
        assert_eq!(positions(&mut outgoing).len(), 2 * INITIAL_SEGMENTS);
        assert!(!outgoing.acknowledged(NOW, 100_000, 0, true), "that was never sent");
    }

    #[test]
    fn three_repeats_send_the_first_again_and_each_partial_answer_the_next_hole() {
        let mut outgoing = outgoing(5_000);
        positions(&mut outgoing);
        for _ in 0..3 {
            outgoing.acknowledged(NOW, 0, 50_000, true);
        }
        assert_eq!(positions(&mut outgoing), [0]);
        outgoing.acknowledged(NOW, 300, 50_000, true);
        assert_eq!(positions(&mut outgoing)[0], 300);
    }

    #[test]
    fn silence_sends_everything_again_and_waits_longer_each_time() {
        let mut outgoing = outgoing(250);
        outgoing.finish();
        assert_eq!(positions(&mut outgoing), [0, 100, 200]);
        let first = outgoing.expires_at().unwrap();
        assert_eq!(first, NOW + TIMEOUT_INITIAL);
        assert_eq!(outgoing.expire(first), None);
        assert_eq!(outgoing.expires_at(), Some(first + 2 * TIMEOUT_INITIAL));
        assert_eq!(outgoing.next_part(first, true).map(|part| part.position), Some(0));
        assert!(outgoing.silence(first) == TIMEOUT_INITIAL && !outgoing.is_finished());

        outgoing.acknowledged(first, 251, 50_000, true);
        assert!(outgoing.is_finished() && outgoing.expires_at().is_none());
        assert_eq!(outgoing.silence(first + TIMEOUT_MAX), Duration::ZERO);
    }

    #[test]
    fn a_closed_window_is_asked_about_with_one_byte() {
        let mut outgoing = Outgoing::new(100, 10, NOW);
        outgoing.push(&mut Bytes::from_static(b"abc").into());
        assert_eq!(outgoing.next_part(NOW, true), None);
        let at = outgoing.expires_at().expect("it will ask");
        let probe = outgoing.expire(at).expect("a probe");
        assert_eq!((probe.position, &probe.data[..]), (0, &b"a"[..]));
        outgoing.acknowledged(at, 0, 10, true);
        assert_eq!(&outgoing.next_part(at, true).unwrap().data[..], b"abc");
    }

    #[test]
    fn without_no_delay_a_short_part_waits_for_an_answer() {
        let mut outgoing = outgoing(150);
        assert_eq!(outgoing.next_part(NOW, false).map(|part| part.position), Some(0));
        assert_eq!(outgoing.next_part(NOW, false), None);
        outgoing.acknowledged(NOW, 100, 50_000, true);
        assert_eq!(outgoing.next_part(NOW, false).map(|part| part.position), Some(100));
    }
}
