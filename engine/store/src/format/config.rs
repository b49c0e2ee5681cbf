//! The settings of a log, as its catalogue records and every head frame keep them.
//!
//! ```text
//!      0        1                          8                                 16
//!   0 |durabil.| zeros                    | interval_ns                       |
//!  16 | retention_age_ns                  | retention_bytes                   |
//! ```

use std::time::Duration;

use zerocopy::byteorder::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::reject::{FieldReject, check_field, check_zeros};

/// Bytes of an encoded [`LogConfig`].
pub const LOG_CONFIG_BYTES: usize = size_of::<RawLogConfig>();

/// The settings of one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// When an append counts as done.
    pub durability: Durability,
    /// When old records may go.
    pub retention: Retention,
}

/// When an append counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it would survive a power failure.
    #[default]
    Always,
    /// At once; a power failure loses at most what was appended in this much time. Kept in whole
    /// nanoseconds, up to 584 years.
    Interval(Duration),
    /// At once; it is made durable when that is convenient.
    Never,
}

/// When old records may go. A record goes when either limit says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Records older than this may go; `None` keeps them. Kept in whole nanoseconds; what exceeds
    /// 584 years is kept as that.
    pub age: Option<Duration>,
    /// The oldest may go while the log has more than this many bytes; `None` keeps them.
    /// `u64::MAX`, which no log reaches, is kept as one byte less.
    pub bytes: Option<u64>,
}

impl LogConfig {
    /// The settings as they are on disk.
    pub fn encode(&self) -> [u8; LOG_CONFIG_BYTES] {
        zerocopy::transmute!(self.to_raw())
    }

    /// Reads encoded settings.
    ///
    /// # Errors
    /// The first field that no writer of this version produces.
    pub fn decode(bytes: &[u8; LOG_CONFIG_BYTES]) -> Result<LogConfig, FieldReject> {
        let raw: RawLogConfig = zerocopy::transmute!(*bytes);
        LogConfig::from_raw(&raw)
    }

    pub(super) fn to_raw(self) -> RawLogConfig {
        let (durability, interval_ns) = match self.durability {
            Durability::Always => (DURABILITY_ALWAYS, 0),
            Durability::Interval(interval) => (DURABILITY_INTERVAL, nanos(interval)),
            Durability::Never => (DURABILITY_NEVER, 0),
        };
        RawLogConfig {
            durability,
            zeros: [0; 7],
            interval_ns: interval_ns.into(),
            retention_age_ns: limit(self.retention.age.map(nanos)).into(),
            retention_bytes: limit(self.retention.bytes).into(),
        }
    }

    pub(super) fn from_raw(raw: &RawLogConfig) -> Result<LogConfig, FieldReject> {
        let interval_ns = raw.interval_ns.get();
        let durability = match raw.durability {
            DURABILITY_ALWAYS => Durability::Always,
            DURABILITY_INTERVAL => Durability::Interval(Duration::from_nanos(interval_ns)),
            DURABILITY_NEVER => Durability::Never,
            other => {
                let (name, found) = ("durability", other.into());
                return Err(FieldReject { name, found, expected: "0, 1 or 2" });
            }
        };
        check_field(
            interval_ns == 0 || raw.durability == DURABILITY_INTERVAL,
            "interval_ns",
            interval_ns,
            "0 unless durability is 1",
        )?;
        check_zeros("reserved", &raw.zeros)?;
        let age = unless_none(raw.retention_age_ns).map(Duration::from_nanos);
        let retention = Retention { age, bytes: unless_none(raw.retention_bytes) };
        Ok(LogConfig { durability, retention })
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RawLogConfig {
    durability: u8,
    zeros: [u8; 7],
    interval_ns: U64,
    retention_age_ns: U64,
    retention_bytes: U64,
}

/// A limit as it is kept: one that was set never becomes "none" by being large.
fn limit(value: Option<u64>) -> u64 {
    value.map_or(LIMIT_NONE, |value| value.min(LIMIT_NONE - 1))
}

fn unless_none(raw: U64) -> Option<u64> {
    (raw.get() != LIMIT_NONE).then_some(raw.get())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

const DURABILITY_ALWAYS: u8 = 0;
const DURABILITY_INTERVAL: u8 = 1;
const DURABILITY_NEVER: u8 = 2;
const LIMIT_NONE: u64 = u64::MAX;
const _: () = assert!(LOG_CONFIG_BYTES == 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_beyond_the_format_stay_limits() {
        let retention = Retention { age: Some(Duration::MAX), bytes: Some(u64::MAX) };
        let config = LogConfig { durability: Durability::Interval(Duration::MAX), retention };
        let kept = LogConfig::decode(&config.encode()).unwrap();
        assert_eq!(kept.retention.age, Some(Duration::from_nanos(u64::MAX - 1)));
        assert_eq!(kept.retention.bytes, Some(u64::MAX - 1));
        assert_eq!(kept.durability, Durability::Interval(Duration::from_nanos(u64::MAX)));
    }

    #[test]
    fn settings_of_another_version_are_refused() {
        let good = LogConfig::default().encode();
        for (at, name) in [(0, "durability"), (1, "reserved"), (7, "reserved"), (8, "interval_ns")]
        {
            let mut bad = good;
            bad[at] = 3;
            assert_eq!(LogConfig::decode(&bad).unwrap_err().name, name);
        }
    }
}
