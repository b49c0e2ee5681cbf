//! The option `durability`.

use std::ops::RangeInclusive;
use std::time::Duration;

use roundhouse_store::Durability;

use super::info::Kind;
use super::value::OptionValue;

impl OptionValue for Durability {
    /// Of the time of `interval`.
    type Bounds = RangeInclusive<Duration>;

    const KIND: Kind = Kind::Choice;

    fn parse(text: &str) -> Option<Durability> {
        match text.split_once(':') {
            None if text == "always" => Some(Durability::Always),
            None if text == "never" => Some(Durability::Never),
            Some(("interval", time)) => Duration::parse(time).map(Durability::Interval),
            _ => None,
        }
    }

    fn print(self) -> String {
        match self {
            Durability::Always => "always".to_owned(),
            Durability::Interval(time) => format!("interval:{}", time.print()),
            Durability::Never => "never".to_owned(),
        }
    }

    fn is_within(self, bounds: &RangeInclusive<Duration>) -> bool {
        match self {
            Durability::Interval(time) => time.is_within(bounds),
            Durability::Always | Durability::Never => true,
        }
    }

    fn allowed(bounds: &RangeInclusive<Duration>) -> String {
        format!("always, never or interval:TIME, where TIME is {}", Duration::allowed(bounds))
    }
}
