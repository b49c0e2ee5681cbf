//! Sizes and times people write: `64MiB`, `4k`, `1048576`; `250us`, `10ms`, `1h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes that is written with a binary unit.
///
/// `K`, `KB` and `KiB` all mean 1024, as in every storage engine's options; case does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// A time that is written with a unit: `ns`, `us`, `ms`, `s`, `min` or `h`.
///
/// The number is whole and the unit is required, because no default unit is everyone's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(pub Duration);

const UNITS: [(char, u32); 4] = [('t', 40), ('g', 30), ('m', 20), ('k', 10)];

/// Units of time with their nanoseconds, the largest first.
const TIME_UNITS: [(&str, u128); 6] = [
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", NANOS_PER_SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const NANOS_PER_SECOND: u128 = 1_000_000_000;

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<ByteSize, ByteSizeError> {
        let error = || ByteSizeError { text: text.to_owned() };
        let digits = text.trim().find(|c: char| !c.is_ascii_digit()).unwrap_or(text.trim().len());
        let (number, unit) = text.trim().split_at(digits);
        let number: u64 = number.parse().map_err(|_| error())?;
        let unit = unit.trim().to_ascii_lowercase();
        let shift = match unit.as_str() {
            "" | "b" => 0,
            _ => {
                UNITS
                    .iter()
                    .find(|(c, _)| {
                        [format!("{c}"), format!("{c}b"), format!("{c}ib")].contains(&unit)
                    })
                    .ok_or_else(error)?
                    .1
            }
        };
        number.checked_mul(1 << shift).map(ByteSize).ok_or_else(error)
    }
}

impl fmt::Display for ByteSize {
    /// The largest unit that divides the size, so that parsing gives the same number back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, shift) in UNITS {
            if self.0 != 0 && self.0.is_multiple_of(1 << shift) {
                return write!(f, "{}{}iB", self.0 >> shift, unit.to_ascii_uppercase());
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl FromStr for HumanDuration {
    type Err = HumanDurationError;

    fn from_str(text: &str) -> Result<HumanDuration, HumanDurationError> {
        let error = || HumanDurationError { text: text.to_owned() };
        let digits = text.trim().find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, unit) = text.trim().split_at(digits);
        let number: u128 = number.parse().map_err(|_| error())?;
        let (_, nanos_per_unit) =
            TIME_UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(error)?;
        let nanos = number.checked_mul(*nanos_per_unit).ok_or_else(error)?;
        let seconds = u64::try_from(nanos / NANOS_PER_SECOND).map_err(|_| error())?;
        Ok(HumanDuration(Duration::new(seconds, (nanos % NANOS_PER_SECOND) as u32)))
    }
}

impl fmt::Display for HumanDuration {
    /// The largest unit that divides the time, so that parsing gives the same time back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        for (unit, nanos_per_unit) in TIME_UNITS {
            if nanos != 0 && nanos.is_multiple_of(nanos_per_unit) {
                return write!(f, "{}{unit}", nanos / nanos_per_unit);
            }
        }
        f.write_str("0s")
    }
}

/// A size that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteSizeError {
    /// What was given.
    pub text: String,
}

impl fmt::Display for ByteSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no size: write bytes or a number with K, M, G or T, such as 64MiB",
            self.text
        )
    }
}

impl std::error::Error for ByteSizeError {}

/// A time that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HumanDurationError {
    /// What was given.
    pub text: String,
}

impl fmt::Display for HumanDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no time: write a whole number with ns, us, ms, s, min or h, such as 10ms",
            self.text
        )
    }
}

impl std::error::Error for HumanDurationError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_with_any_usual_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("4k", 4096),
            (" 64 MiB ", 64 << 20),
            ("1GB", 1 << 30),
            ("2T", 2 << 40),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5M", "3 parsecs", "99999999999999T"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, duration) in [
            ("0s", Duration::ZERO),
            ("7ns", Duration::from_nanos(7)),
            ("250us", Duration::from_micros(250)),
            (" 10 ms ", Duration::from_millis(10)),
            ("90s", Duration::from_secs(90)),
            ("5min", Duration::from_mins(5)),
            ("2h", Duration::from_hours(2)),
        ] {
            assert_eq!(text.parse(), Ok(HumanDuration(duration)), "{text}");
        }
        let too_long = format!("{}h", u64::MAX);
        for text in ["", "10", "ms", "-1ms", "1.5s", "3 fortnights", "10MS", &too_long] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_time_reads_back(seconds: u64, nanos in 0..1_000_000_000_u32) {
            let time = HumanDuration(Duration::new(seconds, nanos));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn a_printed_size_reads_back(bytes: u64) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }
    }
}
