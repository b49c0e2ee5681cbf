//! Sizes people write: `64MiB`, `4k`, `1048576`.

use std::fmt;
use std::str::FromStr;

/// A number of bytes that is written with a binary unit.
///
/// `K`, `KB` and `KiB` all mean 1024, as in every storage engine's options; case does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

const UNITS: [(char, u32); 4] = [('t', 40), ('g', 30), ('m', 20), ('k', 10)];

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

    proptest! {
        #[test]
        fn a_printed_size_reads_back(bytes: u64) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }
    }
}
