//! One way between two nodes, packet by packet.

use std::time::Duration;

use roundhouse_base::{Monotonic, Random};

use super::counts::NetworkCounts;
use super::options::LinkOptions;

/// A link with what it remembers of the packets before.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) options: LinkOptions,
    /// When the last packet has left the narrow part.
    busy_until: Monotonic,
    /// When the last packet that was not to be overtaken arrives.
    last_arrival: Monotonic,
}

/// How one packet arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) at: Monotonic,
    pub(super) is_corrupt: bool,
    pub(super) is_marked: bool,
}

impl Link {
    pub(super) fn new(options: LinkOptions) -> Link {
        Link { options, busy_until: Monotonic(0), last_arrival: Monotonic(0) }
    }

    /// Sends one packet of `bytes`, headers included: it arrives once, twice or never. A fault that
    /// is switched off draws no random number.
    pub(super) fn carry(
        &mut self,
        now: Monotonic,
        bytes: usize,
        is_markable: bool,
        random: &mut Random,
        counts: &mut NetworkCounts,
    ) -> impl Iterator<Item = Passage> + use<> {
        counts.sent += 1;
        let passages = match self.enter(now, bytes, is_markable, random, counts) {
            Some((departure, is_marked)) => self.pass(departure, is_marked, random, counts),
            None => [None; 2],
        };
        passages.into_iter().flatten()
    }

    /// When a packet leaves the narrow part, and whether it is marked there. `None` if it is lost.
    fn enter(
        &mut self,
        now: Monotonic,
        bytes: usize,
        is_markable: bool,
        random: &mut Random,
        counts: &mut NetworkCounts,
    ) -> Option<(Monotonic, bool)> {
        if self.options.is_cut {
            counts.cut += 1;
            return None;
        }
        if bytes > self.options.path_mtu_bytes {
            counts.too_long += 1;
            return None;
        }
        let Some((departure, waiting)) = self.leave_queue(now, bytes) else {
            counts.overflowed += 1;
            return None;
        };
        let is_marked = is_markable && waiting > self.options.queue_bytes / 2;
        counts.marked += u64::from(is_marked);
        if strikes(self.options.loss, random, &mut counts.lost) {
            return None;
        }
        Some((departure, is_marked))
    }

    /// Waits behind what is queued. Gives the time and the bytes that were there before, or `None`
    /// if there is no room.
    fn leave_queue(&mut self, now: Monotonic, bytes: usize) -> Option<(Monotonic, u64)> {
        let Some(bandwidth) = self.options.bandwidth else { return Some((now, 0)) };
        let bandwidth = u128::from(bandwidth.max(1));
        let wait = self.busy_until.since(now).as_nanos();
        let waiting = (wait * bandwidth / NANOS_PER_SECOND) as u64;
        if waiting > 0 && waiting + bytes as u64 > self.options.queue_bytes {
            return None;
        }
        let time = (bytes as u128 * NANOS_PER_SECOND).div_ceil(bandwidth) as u64;
        self.busy_until = self.busy_until.max(now) + Duration::from_nanos(time);
        Some((self.busy_until, waiting))
    }

    fn pass(
        &mut self,
        departure: Monotonic,
        is_marked: bool,
        random: &mut Random,
        counts: &mut NetworkCounts,
    ) -> [Option<Passage>; 2] {
        let LinkOptions { latency, jitter, reordering, reordering_delay, .. } = self.options;
        let mut at = (departure + latency + draw(jitter, random)).max(self.last_arrival);
        if strikes(reordering, random, &mut counts.reordered) {
            at = at + draw(reordering_delay, random);
        } else {
            self.last_arrival = at;
        }
        let is_corrupt = strikes(self.options.corruption, random, &mut counts.corrupted);
        let first = Passage { at, is_corrupt, is_marked };
        let is_doubled = strikes(self.options.duplication, random, &mut counts.duplicated);
        let second = is_doubled.then(|| {
            let at = at + draw(latency + reordering_delay, random);
            Passage { at, is_corrupt: false, is_marked }
        });
        [Some(first), second]
    }
}

/// Whether something of this rate happens now, and counts it.
fn strikes(rate: f64, random: &mut Random, count: &mut u64) -> bool {
    let strikes = rate > 0.0 && random.chance(rate);
    *count += u64::from(strikes);
    strikes
}

/// A time from zero to `most`.
fn draw(most: Duration, random: &mut Random) -> Duration {
    match most.as_nanos() as u64 {
        0 => Duration::ZERO,
        most => Duration::from_nanos(random.below(most.saturating_add(1))),
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(options: LinkOptions, packets: usize, bytes: usize) -> (Vec<u64>, NetworkCounts) {
        let mut link = Link::new(options);
        let (mut random, mut counts) = (Random::new(1), NetworkCounts::default());
        let mut carry =
            |_| link.carry(Monotonic(0), bytes, true, &mut random, &mut counts).collect::<Vec<_>>();
        let times = (0..packets).flat_map(&mut carry).map(|passage| passage.at.0).collect();
        (times, counts)
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_does_not() {
        let jitter = Duration::from_millis(3);
        let (times, _) = arrivals(LinkOptions { jitter, ..LinkOptions::default() }, 100, 100);
        assert!(times.is_sorted() && times[0] >= 1_000_000 && times[99] <= 4_000_000);
        let mixed = LinkOptions { reordering: 0.2, ..LinkOptions::default() };
        let (times, counts) = arrivals(mixed, 100, 100);
        assert!(!times.is_sorted() && counts.reordered > 0 && times.len() == 100);
    }

    #[test]
    fn a_narrow_link_delays_marks_and_drops() {
        let latency = Duration::ZERO;
        let options = LinkOptions {
            latency,
            jitter: latency,
            bandwidth: Some(1_000_000),
            queue_bytes: 10_000,
            ..LinkOptions::default()
        };
        let (times, counts) = arrivals(options, 20, 1000);
        let expected: Vec<u64> = (1..=10).map(|n| n * 1_000_000).collect();
        assert_eq!(times, expected, "a thousand bytes a millisecond, until the queue is full");
        assert_eq!((counts.overflowed, counts.marked), (10, 4));
    }

    #[test]
    fn each_rate_counts_what_it_did() {
        let all = LinkOptions { loss: 0.1, duplication: 0.1, ..LinkOptions::default() };
        let (times, counts) = arrivals(all, 1000, 100);
        assert!((50..200).contains(&counts.lost) && (50..200).contains(&counts.duplicated));
        assert_eq!(times.len() as u64, 1000 - counts.lost + counts.duplicated);
        let (none, counts) =
            arrivals(LinkOptions { path_mtu_bytes: 99, ..LinkOptions::default() }, 5, 100);
        assert!(none.is_empty() && counts.too_long == 5);
        let cut = LinkOptions { is_cut: true, ..LinkOptions::default() };
        assert_eq!(arrivals(cut, 5, 100).1.cut, 5);
    }
}
