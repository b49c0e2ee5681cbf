//! How the values of options are written, and the bounds each type knows.

use std::ops::RangeInclusive;
use std::time::Duration;

use roundhouse_base::{ByteSize, HumanDuration};

use super::info::Kind;

/// A type an option can have.
pub(super) trait OptionValue: Copy {
    /// What a row of the table may demand beyond the type; `()` if nothing.
    type Bounds;

    const KIND: Kind;

    /// Reads a value, in bounds or not; `None` if the text is none.
    fn parse(text: &str) -> Option<Self>;

    /// The value as [`OptionValue::parse`] reads it back.
    fn print(self) -> String;

    fn is_within(self, bounds: &Self::Bounds) -> bool;

    /// The values within the bounds, in words that complete "allowed: ..".
    fn allowed(bounds: &Self::Bounds) -> String;
}

/// Reads a value into `field` if it is within the bounds, and says whether it was.
pub(super) fn read_within<T: OptionValue>(field: &mut T, text: &str, bounds: &T::Bounds) -> bool {
    let Some(value) = T::parse(text).filter(|value| value.is_within(bounds)) else {
        return false;
    };
    *field = value;
    true
}

/// The sizes from `min` to `max` that are whole multiples of `step`.
pub(super) struct SizeBounds {
    pub(super) min: ByteSize,
    pub(super) max: ByteSize,
    pub(super) step: ByteSize,
}

impl OptionValue for u16 {
    type Bounds = RangeInclusive<u16>;

    const KIND: Kind = Kind::Count;

    fn parse(text: &str) -> Option<u16> {
        text.parse().ok()
    }

    fn print(self) -> String {
        self.to_string()
    }

    fn is_within(self, bounds: &RangeInclusive<u16>) -> bool {
        bounds.contains(&self)
    }

    fn allowed(bounds: &RangeInclusive<u16>) -> String {
        format!("a whole number from {} to {}", bounds.start(), bounds.end())
    }
}

impl OptionValue for bool {
    type Bounds = ();

    const KIND: Kind = Kind::Flag;

    fn parse(text: &str) -> Option<bool> {
        text.parse().ok()
    }

    fn print(self) -> String {
        self.to_string()
    }

    fn is_within(self, (): &()) -> bool {
        true
    }

    fn allowed((): &()) -> String {
        "true or false".to_owned()
    }
}

impl OptionValue for ByteSize {
    type Bounds = SizeBounds;

    const KIND: Kind = Kind::Size;

    fn parse(text: &str) -> Option<ByteSize> {
        text.parse().ok()
    }

    fn print(self) -> String {
        self.to_string()
    }

    fn is_within(self, bounds: &SizeBounds) -> bool {
        (bounds.min..=bounds.max).contains(&self) && self.0.is_multiple_of(bounds.step.0)
    }

    fn allowed(bounds: &SizeBounds) -> String {
        let SizeBounds { min, max, step } = bounds;
        let steps = if step.0 == 1 { String::new() } else { format!(", a multiple of {step}") };
        format!("a size from {min} to {max}{steps} (bytes, or a number with K, M, G or T)")
    }
}

impl OptionValue for Duration {
    type Bounds = RangeInclusive<Duration>;

    const KIND: Kind = Kind::Duration;

    fn parse(text: &str) -> Option<Duration> {
        text.parse().ok().map(|HumanDuration(duration)| duration)
    }

    fn print(self) -> String {
        HumanDuration(self).to_string()
    }

    fn is_within(self, bounds: &RangeInclusive<Duration>) -> bool {
        bounds.contains(&self)
    }

    fn allowed(bounds: &RangeInclusive<Duration>) -> String {
        let (min, max) = (bounds.start().print(), bounds.end().print());
        format!("a time from {min} to {max} (a number with ns, us, ms, s, min or h)")
    }
}

/// An option that can be switched off with the word `none`.
impl<T: OptionValue> OptionValue for Option<T> {
    type Bounds = T::Bounds;

    const KIND: Kind = T::KIND;

    fn parse(text: &str) -> Option<Option<T>> {
        if text == NONE { Some(None) } else { T::parse(text).map(Some) }
    }

    fn print(self) -> String {
        self.map_or_else(|| NONE.to_owned(), T::print)
    }

    fn is_within(self, bounds: &T::Bounds) -> bool {
        self.is_none_or(|value| value.is_within(bounds))
    }

    fn allowed(bounds: &T::Bounds) -> String {
        format!("{NONE}, or {}", T::allowed(bounds))
    }
}

const NONE: &str = "none";
