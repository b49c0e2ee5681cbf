//! The option `preset`, and what each preset decides.

use std::time::Duration;

use super::Spin;
use super::info::Kind;
use super::value::OptionValue;

/// A starting point for the options that trade processor time against latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// `balanced`: quick while there is traffic, asleep when there is none.
    #[default]
    Balanced,
    /// `latency`: a processor per shard is there to be used.
    Latency,
    /// `throughput`: no processor time goes into waiting.
    Throughput,
}

impl Preset {
    /// All of them, the default first.
    pub const ALL: [Preset; 3] = [Preset::Balanced, Preset::Latency, Preset::Throughput];

    pub(super) const fn spin(self) -> Spin {
        match self {
            Preset::Balanced => Spin::Adaptive(Duration::from_micros(20)),
            Preset::Latency => Spin::Always(Duration::from_micros(50)),
            Preset::Throughput => Spin::Never,
        }
    }
}

impl OptionValue for Preset {
    type Bounds = ();

    const KIND: Kind = Kind::Choice;

    fn parse(text: &str) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.print() == text)
    }

    fn print(self) -> String {
        match self {
            Preset::Balanced => "balanced",
            Preset::Latency => "latency",
            Preset::Throughput => "throughput",
        }
        .to_owned()
    }

    fn is_within(self, (): &()) -> bool {
        true
    }

    fn allowed((): &()) -> String {
        "balanced, latency or throughput".to_owned()
    }
}
