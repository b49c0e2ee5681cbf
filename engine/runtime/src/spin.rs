//! Whether to spin before sleeping.
//!
//! Waking a sleeping virtual CPU costs more than most operations take. A shard whose pauses are
//! short therefore gains by looking at the ring for a while before it sleeps; a shard whose pauses
//! are long would burn a core for nothing. The policy learns from the last pauses.

use std::time::Duration;

/// When a shard spins before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpinOptions {
    /// Never: the right choice when shards share cores with other work.
    Never,
    /// Up to the given time, while recent pauses were mostly shorter than that.
    Adaptive(Duration),
    /// Up to the given time before every sleep.
    Always(Duration),
}

/// The policy with its memory of recent pauses.
#[derive(Debug)]
pub(crate) struct Spin {
    options: SpinOptions,
    /// Exponentially weighted share of recent pauses that a spin would have covered, in 1/256.
    paying: u32,
}

impl Spin {
    pub(crate) fn new(options: SpinOptions) -> Spin {
        Spin { options, paying: 0 }
    }

    /// Whether to spin before this sleep.
    pub(crate) fn is_worthwhile(&self) -> bool {
        match self.options {
            SpinOptions::Never => false,
            SpinOptions::Adaptive(_) => self.paying >= PAYING_ENOUGH,
            SpinOptions::Always(_) => true,
        }
    }

    /// How long to spin at most.
    pub(crate) fn budget(&self) -> Duration {
        match self.options {
            SpinOptions::Never => Duration::ZERO,
            SpinOptions::Adaptive(budget) | SpinOptions::Always(budget) => budget,
        }
    }

    /// Learns that a pause, spun or slept, took `pause`.
    pub(crate) fn slept(&mut self, pause: Duration) {
        let sample = if pause <= self.budget() { 256 } else { 0 };
        self.paying = (self.paying * 7 + sample) / 8;
    }
}

/// Spin while at least half of the recent pauses were short.
const PAYING_ENOUGH: u32 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_pauses_turn_spinning_on_and_long_ones_off() {
        let mut spin = Spin::new(SpinOptions::Adaptive(Duration::from_micros(50)));
        assert!(!spin.is_worthwhile(), "nothing is known yet");
        (0..10).for_each(|_| spin.slept(Duration::from_micros(20)));
        assert!(spin.is_worthwhile());
        (0..10).for_each(|_| spin.slept(Duration::from_millis(5)));
        assert!(!spin.is_worthwhile());
    }
}
