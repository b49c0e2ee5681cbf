//! The option `spin`.

use std::ops::RangeInclusive;
use std::time::Duration;

use roundhouse_runtime::SpinOptions as Spin;

use super::info::Kind;
use super::value::OptionValue;

impl OptionValue for Spin {
    /// Of the time.
    type Bounds = RangeInclusive<Duration>;

    const KIND: Kind = Kind::Choice;

    fn parse(text: &str) -> Option<Spin> {
        match text.split_once(':') {
            None if text == "never" => Some(Spin::Never),
            Some(("adaptive", time)) => Duration::parse(time).map(Spin::Adaptive),
            Some(("always", time)) => Duration::parse(time).map(Spin::Always),
            _ => None,
        }
    }

    fn print(self) -> String {
        match self {
            Spin::Never => "never".to_owned(),
            Spin::Adaptive(time) => format!("adaptive:{}", time.print()),
            Spin::Always(time) => format!("always:{}", time.print()),
        }
    }

    fn is_within(self, bounds: &RangeInclusive<Duration>) -> bool {
        match self {
            Spin::Never => true,
            Spin::Adaptive(time) | Spin::Always(time) => time.is_within(bounds),
        }
    }

    fn allowed(bounds: &RangeInclusive<Duration>) -> String {
        format!("never, adaptive:TIME or always:TIME, where TIME is {}", Duration::allowed(bounds))
    }
}
