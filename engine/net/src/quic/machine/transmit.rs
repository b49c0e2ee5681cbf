//! From connections to datagrams.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use quinn_proto::Transmit;
use roundhouse_base::Monotonic;
use roundhouse_runtime::socket::Ecn;

use super::Machine;
use super::entry::Entry;
use super::event::ConnectionKey;
use super::metrics::Metrics;
use crate::limits::{
    QUIC_ANSWERS, QUIC_DATAGRAMS_PER_TURN, QUIC_EARLY_DATAGRAMS, QUIC_TRAIN_DATAGRAMS,
    UDP_TRAIN_BYTES,
};

/// Where a train goes and how it is cut; its bytes are in the buffer given to
/// [`Machine::transmit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Train {
    /// Where to.
    pub destination: SocketAddr,
    /// From which of the machine's addresses; `None` lets the system choose.
    pub source: Option<IpAddr>,
    /// The mark to send it with.
    pub ecn: Ecn,
    /// Bytes of each datagram but the last, which may be shorter; `None`: there is only one.
    pub segment_bytes: Option<u16>,
}

impl Train {
    /// How many datagrams `bytes` bytes of it are.
    pub fn datagrams(&self, bytes: usize) -> usize {
        self.segment_bytes.map_or(1, |segment| bytes.div_ceil(segment.into()))
    }

    fn new(transmit: &Transmit) -> Train {
        Train {
            destination: transmit.destination,
            source: transmit.src_ip,
            ecn: transmit.ecn.map_or(Ecn::NotCapable, |ecn| Ecn::from_bits(ecn as u8)),
            segment_bytes: transmit.segment_size.map(|bytes| bytes as u16),
        }
    }
}

impl Machine {
    /// Puts the next datagrams to send into `buffer`, which is cleared first, and says where they
    /// go. `None`: there is nothing to send now.
    ///
    /// Connections take turns. A train holds datagrams of one connection only, so that a receiver
    /// that steers by connection ID never gets one that belongs in two places.
    pub fn transmit(&mut self, now: Monotonic, buffer: &mut Vec<u8>) -> Option<Train> {
        let train = self.answers.pop(buffer).or_else(|| self.transmit_connections(now, buffer))?;
        self.count(&train, buffer);
        Some(train)
    }

    /// Whether small writes on a connection have filled so many datagrams that
    /// [`Machine::transmit_early`] has something to send.
    pub fn has_early(&mut self, key: ConnectionKey) -> bool {
        self.entry(key).is_some_and(|entry| entry.unsent_bytes >= entry.early_bytes())
    }

    /// As [`Machine::transmit`], but in the middle of a pass, and only datagrams that small writes
    /// on one connection have filled ([`QUIC_EARLY_DATAGRAMS`]).
    pub fn transmit_early(
        &mut self,
        now: Monotonic,
        key: ConnectionKey,
        buffer: &mut Vec<u8>,
    ) -> Option<Train> {
        let at = self.clock.instant(now);
        let entry = self.entry(key)?;
        let early_bytes = entry.early_bytes();
        entry.flush();
        buffer.clear();
        let train = entry.proto.poll_transmit(at, QUIC_EARLY_DATAGRAMS, buffer);
        entry.path.is_untried = false;
        let Some(train) = train.as_ref().map(Train::new) else {
            // It may not send now. What it has leaves when it may, with the pass or later.
            entry.unsent_bytes = 0;
            return None;
        };
        entry.unsent_bytes = entry.unsent_bytes.saturating_sub(early_bytes);
        self.count(&train, buffer);
        Some(train)
    }

    fn count(&self, train: &Train, buffer: &[u8]) {
        self.metrics.trains_sent.add(1);
        self.metrics.datagrams_sent.add(train.datagrams(buffer.len()) as u64);
    }

    fn transmit_connections(&mut self, now: Monotonic, buffer: &mut Vec<u8>) -> Option<Train> {
        let at = self.clock.instant(now);
        while let Some(&index) = self.sending.front() {
            let Some(entry) = self.entries[index as usize].entry.as_deref_mut() else {
                self.sending.pop_front();
                continue;
            };
            entry.flush();
            buffer.clear();
            let fitting = UDP_TRAIN_BYTES / usize::from(entry.proto.current_mtu());
            let datagrams_max = QUIC_TRAIN_DATAGRAMS.min(fitting.max(1));
            let train = entry.proto.poll_transmit(at, datagrams_max, buffer);
            entry.path.is_untried = false;
            let Some(train) = train.as_ref().map(Train::new) else {
                entry.queued.is_sending = false;
                entry.datagrams_this_turn = 0;
                entry.unsent_bytes = 0;
                self.sending.pop_front();
                // Sending set its timers.
                self.touch(index);
                continue;
            };
            entry.datagrams_this_turn += train.datagrams(buffer.len());
            if entry.datagrams_this_turn >= QUIC_DATAGRAMS_PER_TURN {
                entry.datagrams_this_turn = 0;
                self.sending.rotate_left(1);
            }
            return Some(train);
        }
        self.settle(now);
        None
    }
}

impl Entry {
    /// Bytes of small writes that are sent without waiting for the end of the pass.
    fn early_bytes(&self) -> usize {
        QUIC_EARLY_DATAGRAMS * usize::from(self.proto.current_mtu())
    }
}

/// Datagrams that answer what belongs to no connection.
#[derive(Debug, Default)]
pub(super) struct Answers {
    waiting: VecDeque<(Train, Vec<u8>)>,
    /// A buffer for the next one, since nearly every datagram needs none.
    spare: Option<Vec<u8>>,
}

impl Answers {
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.take().unwrap_or_default()
    }

    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.spare = Some(buffer);
    }

    pub(super) fn push(&mut self, transmit: &Transmit, mut buffer: Vec<u8>, metrics: &Metrics) {
        if self.waiting.len() >= QUIC_ANSWERS {
            metrics.answers_dropped.add(1);
            return self.give_back(buffer);
        }
        buffer.truncate(transmit.size);
        self.waiting.push_back((Train::new(transmit), buffer));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn pop(&mut self, buffer: &mut Vec<u8>) -> Option<Train> {
        let (train, mut answer) = self.waiting.pop_front()?;
        std::mem::swap(buffer, &mut answer);
        self.give_back(answer);
        Some(train)
    }
}
