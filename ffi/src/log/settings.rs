//! When appends to a log are acknowledged, and when its records go.

use std::time::Duration;

use roundhouse::{Durability, LogConfig, Retention};

use crate::entry::Growable;
use crate::failure::Failure;

/// Settings of a log. Start from `RH_LOG_SETTINGS_INIT`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_log_settings {
    /// The size of this structure.
    pub struct_size: usize,
    /// When appends complete: one of the `RH_DURABILITY_` numbers.
    pub durability: u32,
    /// The shard to create the log on, if `on_shard` is not 0; only `rh_log_open` looks at it.
    pub shard: u32,
    /// Whether `shard` counts; otherwise the name decides.
    pub on_shard: u32,
    /// 0.
    pub reserved: u32,
    /// With `RH_DURABILITY_INTERVAL`: nanoseconds of appends that a power failure loses at most.
    pub interval_ns: u64,
    /// Nanoseconds after which records may go; 0 keeps them.
    pub retain_age_ns: u64,
    /// Bytes beyond which the oldest records may go; 0 keeps them.
    pub retain_bytes: u64,
}

/// The engine's option `durability`, if a log is created; as it was, if one is configured.
pub const RH_DURABILITY_DEFAULT: u32 = 0;
/// When the record would survive a power failure.
pub const RH_DURABILITY_ALWAYS: u32 = 1;
/// At once; a power failure loses at most what was appended in the interval.
pub const RH_DURABILITY_INTERVAL: u32 = 2;
/// At once; the record is made durable when that is convenient.
pub const RH_DURABILITY_NEVER: u32 = 3;

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_log_settings {
    const NAME: &'static str = "rh_log_settings";
    const SIZE_MIN: usize = 48;
}

impl rh_log_settings {
    /// When appends are acknowledged; `None` if that is left open.
    pub(super) fn durability(&self) -> Result<Option<Durability>, Failure> {
        Ok(match self.durability {
            RH_DURABILITY_DEFAULT => None,
            RH_DURABILITY_ALWAYS => Some(Durability::Always),
            RH_DURABILITY_INTERVAL if self.interval_ns == 0 => {
                return Err(Failure::invalid("interval_ns is 0; it is the time that may be lost"));
            }
            RH_DURABILITY_INTERVAL => {
                Some(Durability::Interval(Duration::from_nanos(self.interval_ns)))
            }
            RH_DURABILITY_NEVER => Some(Durability::Never),
            other => return Err(Failure::invalid(format!("there is no durability {other}"))),
        })
    }

    pub(super) fn retention(&self) -> Retention {
        let age = (self.retain_age_ns > 0).then(|| Duration::from_nanos(self.retain_age_ns));
        Retention { age, bytes: (self.retain_bytes > 0).then_some(self.retain_bytes) }
    }

    /// What a log is configured with, as C knows it.
    pub(super) fn of(config: &LogConfig) -> rh_log_settings {
        let (durability, interval) = match config.durability {
            Durability::Always => (RH_DURABILITY_ALWAYS, Duration::ZERO),
            Durability::Interval(interval) => (RH_DURABILITY_INTERVAL, interval),
            Durability::Never => (RH_DURABILITY_NEVER, Duration::ZERO),
        };
        rh_log_settings {
            struct_size: size_of::<rh_log_settings>(),
            durability,
            shard: 0,
            on_shard: 0,
            reserved: 0,
            interval_ns: nanoseconds(interval),
            retain_age_ns: nanoseconds(config.retention.age.unwrap_or_default()),
            retain_bytes: config.retention.bytes.unwrap_or_default(),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
