//! What the engine is meant to reach, stated against others of the same run or as it is.

mod elsewhere;
mod table;

use roundhouse_measure::{Line, Summary, number};

pub(crate) use elsewhere::{Elsewhere, elsewhere};
use table::BARS;

/// One such aim.
pub(crate) struct Bar {
    /// The aim in words.
    pub(crate) text: &'static str,
    /// What stands in its way where it is missed, as far as that is known.
    hindrance: &'static str,
    suite: &'static str,
    case: &'static str,
    subject: &'static str,
    figure: Figure,
}

/// What is looked at.
#[derive(Clone, Copy)]
enum Figure {
    /// The value is at least this.
    AtLeast(f64),
    /// The value is at most this.
    AtMost(f64),
    /// The value in this unit, of several, is at most this.
    AtMostOf(f64, &'static str),
    /// The value is at most this much more than another subject's.
    MoreAtMost(f64, &'static str),
    /// The value is at least this many times another subject's.
    TimesAtLeast(f64, &'static str),
    /// The median latency is at most this many times another subject's.
    P50TimesAtMost(f64, &'static str),
    /// The latency of 99 in 100 is at most this many times another subject's.
    P99TimesAtMost(f64, &'static str),
    /// The latency of 999 in 1000 is at most this many microseconds.
    P999AtMost(f64),
    /// The latency of 999 in 1000 is fewer times the median one than another subject's is.
    TailShorterThan(&'static str),
    /// CPU time per operation is at most this many microseconds.
    CpuAtMost(f64),
    /// CPU time per operation is at most this many times another subject's.
    CpuTimesAtMost(f64, &'static str),
    /// System calls per operation are fewer.
    SyscallsBelow(f64),
    /// Operations handed to kernel workers are at most this many.
    PuntsAtMost(u64),
}

/// What became of a bar in a run.
pub(crate) struct Verdict {
    pub(crate) bar: &'static Bar,
    pub(crate) is_met: bool,
    /// The figure it was judged by.
    pub(crate) found: String,
}

impl Verdict {
    /// What stands in the way of a bar that was missed.
    pub(crate) fn hindrance(&self) -> &'static str {
        if self.is_met { "" } else { self.bar.hindrance }
    }
}

/// The bars that the run has figures for.
pub(crate) fn judge(summary: &Summary) -> Vec<Verdict> {
    BARS.iter().filter_map(|bar| bar.judge(summary)).collect()
}

impl Bar {
    fn judge(&'static self, summary: &Summary) -> Option<Verdict> {
        let unit = self.figure.unit();
        let line = |subject: &str| -> Option<&Line> {
            summary.lines.iter().find(|line| {
                (line.suite.as_str(), line.case.as_str(), line.subject.as_str())
                    == (self.suite, self.case, subject)
                    && unit.is_none_or(|unit| line.unit == unit)
            })
        };
        let (is_met, found) = self.figure.judge(line(self.subject)?, line)?;
        Some(Verdict { bar: self, is_met, found })
    }
}

impl Figure {
    /// The unit it is about, where a case has several.
    fn unit(self) -> Option<&'static str> {
        match self {
            Figure::AtMostOf(_, unit) => Some(unit),
            _ => None,
        }
    }

    /// Whether a line reaches it, and what was found; `None` if something was not measured.
    fn judge<'a>(
        self,
        own: &Line,
        line: impl Fn(&str) -> Option<&'a Line>,
    ) -> Option<(bool, String)> {
        let times = |ratio: f64| format!("{ratio:.2} times");
        let us = |value: f64| format!("{} us", number(value));
        let tail = |line: &Line| Some(line.typical.p999_us? / line.typical.p50_us?);
        Some(match self {
            Figure::AtLeast(least) => (own.median >= least, number(own.median)),
            Figure::AtMost(most) => (own.median <= most, number(own.median)),
            Figure::AtMostOf(most, unit) => {
                (own.median <= most, format!("{} {unit}", number(own.median)))
            }
            Figure::MoreAtMost(most, other) => {
                let more = own.median - line(other)?.median;
                (more <= most, number(more))
            }
            Figure::TimesAtLeast(factor, other) => {
                let ratio = own.median / line(other)?.median;
                (ratio >= factor, times(ratio))
            }
            Figure::P50TimesAtMost(factor, other) => {
                let ratio = own.typical.p50_us? / line(other)?.typical.p50_us?;
                (ratio <= factor, times(ratio))
            }
            Figure::P99TimesAtMost(factor, other) => {
                let ratio = own.typical.p99_us? / line(other)?.typical.p99_us?;
                (ratio <= factor, times(ratio))
            }
            Figure::P999AtMost(most) => {
                let found = own.typical.p999_us?;
                (found <= most, us(found))
            }
            Figure::TailShorterThan(other) => {
                let (found, others) = (tail(own)?, tail(line(other)?)?);
                (found < others, format!("{found:.1} times, {others:.1} times"))
            }
            Figure::CpuAtMost(most) => {
                let found = own.cpu_us_per_op()?;
                (found <= most, us(found))
            }
            Figure::CpuTimesAtMost(factor, other) => {
                let ratio = own.cpu_us_per_op()? / line(other)?.cpu_us_per_op()?;
                (ratio <= factor, times(ratio))
            }
            Figure::SyscallsBelow(most) => {
                let calls = own.typical.syscalls_per_op?;
                (calls < most, format!("{calls:.3} per operation"))
            }
            Figure::PuntsAtMost(most) => {
                let punts = own.typical.punts?;
                (punts <= most, punts.to_string())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use roundhouse_measure::{Measurement, Row};

    use super::*;
    use crate::suites;

    fn summary(engine: f64, peer: f64) -> Summary {
        let row = |subject: &str, value| Row {
            suite: "wal".to_owned(),
            case: "durable-1k-64-writers".to_owned(),
            subject: subject.to_owned(),
            round: 0,
            measurement: Measurement::new("records/s", value),
        };
        Summary::of(&[row("roundhouse", engine), row("raft-engine", peer)])
    }

    #[test]
    fn a_bar_is_met_at_its_factor_and_missed_below() {
        let verdict = |engine| judge(&summary(engine, 100.0)).remove(0);
        assert!(verdict(200.0).is_met);
        assert!(!verdict(199.0).is_met);
    }

    #[test]
    fn a_bar_without_figures_is_not_judged() {
        assert!(judge(&Summary::of(&[])).is_empty());
    }

    #[test]
    fn every_bar_is_about_a_case_that_is_measured() {
        let suites = suites::all();
        for bar in BARS {
            let suite = suites.iter().find(|suite| suite.name == bar.suite);
            let case = suite.and_then(|suite| suite.case(bar.case));
            let subject = case.and_then(|case| case.subject(bar.subject));
            assert!(subject.is_some(), "{}: {}, {}", bar.text, bar.case, bar.subject);
        }
    }
}
