//! The driver's clocks in the types that the QUIC and TLS libraries want.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quinn_proto::TimeSource;
use roundhouse_base::{Monotonic, WallTime};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// Translates between the driver's monotonic time and [`Instant`].
///
/// An `Instant` cannot be made from a number, so one reading of the system's clock serves as the
/// anchor; only differences from it are ever used, so its value has no influence on anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MonotonicClock {
    anchor: Instant,
}

impl MonotonicClock {
    #[allow(clippy::disallowed_methods, reason = "an anchor; only differences from it are used")]
    pub(crate) fn new() -> MonotonicClock {
        MonotonicClock { anchor: Instant::now() }
    }

    pub(crate) fn instant(self, now: Monotonic) -> Instant {
        self.anchor + Duration::from_nanos(now.0)
    }

    /// The time of an instant; what lies before the anchor is time zero.
    pub(crate) fn monotonic(self, at: Instant) -> Monotonic {
        let nanos = at.saturating_duration_since(self.anchor).as_nanos();
        Monotonic(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The wall clock as certificates, tickets and tokens see it: the last time any shard told it.
///
/// Clones are the same clock, so configurations that shards share stay in step.
#[derive(Clone, Debug, Default)]
pub struct WallClock(Arc<AtomicU64>);

impl WallClock {
    /// A clock that shows `now` until it is set again.
    pub fn new(now: WallTime) -> WallClock {
        WallClock(Arc::new(AtomicU64::new(now.0)))
    }

    /// Sets the clock. Shards do this once per pass; which of them is last does not matter.
    pub fn set(&self, now: WallTime) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// The time it was last set to.
    pub fn now(&self) -> WallTime {
        WallTime(self.0.load(Ordering::Relaxed))
    }
}

impl TimeSource for WallClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(WallClock::now(self).0)
    }
}

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_nanos(WallClock::now(self).0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_the_way_through_an_instant() {
        let clock = MonotonicClock::new();
        for now in [Monotonic(0), Monotonic(1), Monotonic(1_234_567_890_123)] {
            assert_eq!(clock.monotonic(clock.instant(now)), now);
        }
    }

    #[test]
    fn clones_of_a_wall_clock_are_one_clock() {
        let clock = WallClock::new(WallTime::from_millis(1));
        let other = clock.clone();
        other.set(WallTime::from_millis(7));
        assert_eq!(clock.now(), WallTime::from_millis(7));
    }
}
