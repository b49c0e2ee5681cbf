//! Which batches of idempotent producers a partition has (KIP-98): a repetition is answered with the
//! offset of the first time, a gap is refused.

use std::collections::{HashMap, VecDeque};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use crate::limits::PRODUCERS_PER_PARTITION;
use crate::protocol::batch::BatchInfo;

/// Every producer's last batches in one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Producers {
    by_id: HashMap<i64, Producer>,
}

/// One producer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Producer {
    epoch: i16,
    /// The latest last; clients have at most as many in flight as are kept.
    batches: VecDeque<Sent>,
}

/// A batch that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Sent {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: u64,
}

/// What is to be done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the next.
    Append,
    /// It is there already.
    Duplicate {
        /// The offset of its first record.
        base_offset: u64,
    },
    /// It can't be appended.
    Refuse(ResponseError),
}

impl Producers {
    /// Judges a batch of an idempotent producer. Of a producer that is not known, any sequence is
    /// taken: it may have been forgotten, or trimmed away.
    pub(super) fn judge(&self, info: &BatchInfo) -> Verdict {
        let Some(producer) = self.by_id.get(&info.producer_id) else { return Verdict::Append };
        if info.producer_epoch < producer.epoch {
            return Verdict::Refuse(ResponseError::InvalidProducerEpoch);
        }
        if info.producer_epoch > producer.epoch {
            return match info.base_sequence {
                0 => Verdict::Append,
                _ => Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber),
            };
        }
        let (first, last) = (info.base_sequence, last_sequence(info));
        let same = |sent: &&Sent| (sent.first_sequence, sent.last_sequence) == (first, last);
        if let Some(sent) = producer.batches.iter().find(same) {
            return Verdict::Duplicate { base_offset: sent.base_offset };
        }
        match producer.batches.back() {
            Some(sent) if first != advance(sent.last_sequence, 1) => {
                Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber)
            }
            _ => Verdict::Append,
        }
    }

    /// Notes that a batch was appended.
    pub(super) fn note(&mut self, info: &BatchInfo, base_offset: u64) {
        if !self.by_id.contains_key(&info.producer_id) {
            self.make_room();
        }
        let fresh = || Producer { epoch: info.producer_epoch, batches: VecDeque::new() };
        let producer = self.by_id.entry(info.producer_id).or_insert_with(fresh);
        if producer.epoch != info.producer_epoch {
            *producer = fresh();
        }
        if producer.batches.len() == BATCHES_KEPT {
            producer.batches.pop_front();
        }
        let (first_sequence, last_sequence) = (info.base_sequence, last_sequence(info));
        producer.batches.push_back(Sent { first_sequence, last_sequence, base_offset });
    }

    /// Forgets the producer that has been silent for longest, if there are too many.
    fn make_room(&mut self) {
        if self.by_id.len() < PRODUCERS_PER_PARTITION {
            return;
        }
        let latest = |producer: &Producer| producer.batches.back().map(|sent| sent.base_offset);
        let oldest = self.by_id.iter().min_by_key(|(_, producer)| latest(producer));
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.by_id.remove(&id);
        }
    }
}

fn last_sequence(info: &BatchInfo) -> i32 {
    advance(info.base_sequence, info.count - 1)
}

/// Sequences go on at 0 after `i32::MAX`.
fn advance(sequence: i32, by: u32) -> i32 {
    ((i64::from(sequence) + i64::from(by)) & i64::from(i32::MAX)) as i32
}

/// Batches kept of a producer: as many as a client may have in flight
/// (`max.in.flight.requests.per.connection`).
const BATCHES_KEPT: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(producer_epoch: i16, base_sequence: i32, count: u32) -> BatchInfo {
        BatchInfo {
            attributes: 0,
            count,
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: 7,
            producer_epoch,
            base_sequence,
        }
    }

    #[test]
    fn each_of_the_last_five_batches_is_recognised_when_it_comes_again() {
        let mut producers = Producers::default();
        for number in 0..6 {
            let next = batch(0, number * 10, 10);
            assert_eq!(producers.judge(&next), Verdict::Append);
            producers.note(&next, number as u64 * 10);
        }
        for number in 1..6 {
            let base_offset = number as u64 * 10;
            let verdict = producers.judge(&batch(0, number * 10, 10));
            assert_eq!(verdict, Verdict::Duplicate { base_offset });
        }
        let refused = Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber);
        assert_eq!(producers.judge(&batch(0, 0, 10)), refused, "too old to be known");
        assert_eq!(producers.judge(&batch(0, 61, 1)), refused, "a gap");
        assert_eq!(producers.judge(&batch(0, 50, 9)), refused, "another batch");
    }

    #[test]
    fn sequences_go_on_at_zero() {
        let mut producers = Producers::default();
        producers.note(&batch(0, i32::MAX - 1, 2), 0);
        assert_eq!(producers.judge(&batch(0, 0, 5)), Verdict::Append);
        let across = batch(1, i32::MAX, 3);
        producers.note(&across, 2);
        assert_eq!(producers.judge(&batch(1, 2, 1)), Verdict::Append);
        assert_eq!(producers.judge(&across), Verdict::Duplicate { base_offset: 2 });
    }

    #[test]
    fn a_new_epoch_begins_at_zero_and_ends_the_old_one() {
        let mut producers = Producers::default();
        producers.note(&batch(1, 0, 1), 0);
        let out_of_order = Verdict::Refuse(ResponseError::OutOfOrderSequenceNumber);
        assert_eq!(producers.judge(&batch(2, 5, 1)), out_of_order);
        assert_eq!(producers.judge(&batch(2, 0, 1)), Verdict::Append);
        producers.note(&batch(2, 0, 1), 1);
        let fenced = Verdict::Refuse(ResponseError::InvalidProducerEpoch);
        assert_eq!(producers.judge(&batch(1, 1, 1)), fenced);
    }

    #[test]
    fn the_producer_that_was_silent_for_longest_is_forgotten() {
        let mut producers = Producers::default();
        for id in 0..=PRODUCERS_PER_PARTITION as i64 {
            producers.note(&BatchInfo { producer_id: id, ..batch(0, 9, 1) }, id as u64);
        }
        assert_eq!(producers.by_id.len(), PRODUCERS_PER_PARTITION);
        let first = BatchInfo { producer_id: 0, ..batch(0, 9, 1) };
        assert_eq!(producers.judge(&first), Verdict::Append);
    }
}
