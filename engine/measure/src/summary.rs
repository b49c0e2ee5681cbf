//! Medians over the rounds, with their spread and the distance to the ceiling.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::CEILING;
use crate::measurement::Measurement;
use crate::number::number;
use crate::row::Row;

/// All rows of a run, one line for each case, subject and unit.
#[derive(Debug, Clone)]
pub struct Summary {
    /// In the order of their first rows. Rounds in which the subject failed don't count.
    pub lines: Vec<Line>,
    /// What could not be measured, once for each subject of a case.
    pub failures: Vec<Failure>,
}

/// A subject that failed in a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The suite's name.
    pub suite: String,
    /// The case's name.
    pub case: String,
    /// Who failed.
    pub subject: String,
    /// In how many rounds.
    pub rounds: usize,
    /// Why, in the last of them.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { subject, rounds, why, .. } = self;
        write!(
            f,
            "{subject} failed in {rounds} round{}: {why}",
            if *rounds == 1 { "" } else { "s" }
        )
    }
}

/// The rounds of one subject in one case and one unit.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The suite's name.
    pub suite: String,
    /// The case's name.
    pub case: String,
    /// Who was measured.
    pub subject: String,
    /// What the value counts.
    pub unit: String,
    /// The median of the values.
    pub median: f64,
    /// The lowest value.
    pub low: f64,
    /// The highest value.
    pub high: f64,
    /// The median of the rounds' own ratios to the ceiling, where there is one.
    pub ratio_to_ceiling: Option<f64>,
    /// Each other figure's median, as far as it was measured; the value is the median too, and the
    /// note the last round's.
    pub typical: Measurement,
}

impl Summary {
    /// Sums up.
    pub fn of(rows: &[Row]) -> Summary {
        let mut lines: Vec<Line> = Vec::new();
        let mut failures: Vec<Failure> = Vec::new();
        for row in rows {
            if row.measurement.is_failure() {
                note(&mut failures, row);
            } else if !lines.iter().any(|line| line.is_of(row)) {
                lines.push(Line::of(rows, row));
            }
        }
        Summary { lines, failures }
    }

    /// Writes a table for a terminal.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<24} {:<18} {:>12} {:<10} {:>25} {:>7} {:>9} {:>9} {:>9}",
            "case",
            "subject",
            "median",
            "unit",
            "lowest .. highest",
            "ratio",
            "p50 us",
            "p99 us",
            "cpu us/op"
        )?;
        for line in &self.lines {
            let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
            writeln!(
                out,
                "{:<24} {:<18} {:>12} {:<10} {:>25} {:>7} {:>9} {:>9} {:>9}",
                line.case,
                line.subject,
                number(line.median),
                line.unit,
                format!("{} .. {}", number(line.low), number(line.high)),
                optional(line.ratio_to_ceiling),
                optional(line.typical.p50_us),
                optional(line.typical.p99_us),
                optional(line.cpu_us_per_op()),
            )?;
        }
        self.failures.iter().try_for_each(|failure| writeln!(out, "{}: {failure}", failure.case))
    }
}

impl Line {
    /// CPU time per operation in microseconds, where both were measured.
    pub fn cpu_us_per_op(&self) -> Option<f64> {
        let operations = self.typical.operations.filter(|&operations| operations > 0)?;
        Some(self.typical.cpu_s? * 1e6 / operations as f64)
    }

    fn is_of(&self, row: &Row) -> bool {
        let unit = &row.measurement.unit;
        let own = (&self.suite, &self.case, &self.subject, &self.unit);
        own == (&row.suite, &row.case, &row.subject, unit)
    }

    fn of(rows: &[Row], first: &Row) -> Line {
        let of = |subject: &str| -> Vec<&Row> {
            let unit = &first.measurement.unit;
            let is_wanted = |row: &&Row| {
                (&row.suite, &row.case, &row.measurement.unit) == (&first.suite, &first.case, unit)
                    && row.subject == subject
            };
            rows.iter().filter(is_wanted).collect()
        };
        let own = of(&first.subject);
        let ceiling = of(CEILING);
        let ratio = |row: &&Row| {
            let same_round = ceiling.iter().find(|other| other.round == row.round)?;
            Some(row.measurement.value / same_round.measurement.value)
        };
        let typical = typical(&own, &first.measurement.unit);
        let values = || own.iter().map(|row| row.measurement.value);
        Line {
            suite: first.suite.clone(),
            case: first.case.clone(),
            subject: first.subject.clone(),
            unit: first.measurement.unit.clone(),
            median: typical.value,
            low: values().fold(f64::INFINITY, f64::min),
            high: values().fold(f64::NEG_INFINITY, f64::max),
            ratio_to_ceiling: (first.subject != CEILING)
                .then(|| median(own.iter().filter_map(ratio).collect()))
                .flatten(),
            typical,
        }
    }
}

/// Counts a row of a subject that failed.
fn note(failures: &mut Vec<Failure>, row: &Row) {
    let key = |it: &Failure| (it.suite.clone(), it.case.clone(), it.subject.clone());
    let own = (row.suite.clone(), row.case.clone(), row.subject.clone());
    let why = row.measurement.note.clone();
    if let Some(known) = failures.iter_mut().find(|known| key(known) == own) {
        known.rounds += 1;
        known.why = why;
        return;
    }
    let (suite, case, subject) = own;
    failures.push(Failure { suite, case, subject, rounds: 1, why });
}

fn typical(rows: &[&Row], unit: &str) -> Measurement {
    let of = |pick: fn(&Measurement) -> Option<f64>| {
        median(rows.iter().filter_map(|row| pick(&row.measurement)).collect())
    };
    Measurement {
        unit: unit.to_owned(),
        value: of(|m| Some(m.value)).unwrap_or_default(),
        p50_us: of(|m| m.p50_us),
        p90_us: of(|m| m.p90_us),
        p99_us: of(|m| m.p99_us),
        p999_us: of(|m| m.p999_us),
        max_us: of(|m| m.max_us),
        cpu_s: of(|m| m.cpu_s),
        rss_mib: of(|m| m.rss_mib),
        operations: of(|m| m.operations.map(|count| count as f64)).map(|count| count as u64),
        syscalls_per_op: of(|m| m.syscalls_per_op),
        punts: of(|m| m.punts.map(|count| count as f64)).map(|count| count as u64),
        note: rows.last().map(|row| row.measurement.note.clone()).unwrap_or_default(),
    }
}

/// The middle value; of an even number the upper one of the two.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: &str, round: usize, value: f64) -> Row {
        let measurement = Measurement::new("ops/s", value);
        let (suite, case) = ("wal".to_owned(), "c".to_owned());
        Row { suite, case, subject: subject.to_owned(), round, measurement }
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_own_ratios() {
        // The machine was twice as fast in the second round, for both.
        let rows = [
            row("ceiling", 0, 100.0),
            row("x", 0, 50.0),
            row("ceiling", 1, 200.0),
            row("x", 1, 100.0),
            row("ceiling", 2, 100.0),
            row("x", 2, 60.0),
        ];
        let summary = Summary::of(&rows);
        let x = &summary.lines[1];
        assert_eq!((x.low, x.median, x.high), (50.0, 60.0, 100.0));
        assert_eq!(x.ratio_to_ceiling, Some(0.5));
        assert_eq!(summary.lines[0].ratio_to_ceiling, None);
    }

    /// quinn once timed out under a flood, and that was the end of the whole run.
    #[test]
    fn who_fails_in_some_rounds_is_judged_by_the_others_and_named() {
        let mut failed = row("x", 1, 0.0);
        failed.measurement = Measurement::failure("timed out");
        let summary = Summary::of(&[row("x", 0, 50.0), failed.clone(), row("x", 2, 60.0), failed]);
        assert_eq!(summary.lines.len(), 1);
        assert_eq!((summary.lines[0].low, summary.lines[0].high), (50.0, 60.0));
        let told: Vec<_> = summary.failures.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["x failed in 2 rounds: timed out"]);
    }

    #[test]
    fn the_median_of_nothing_is_absent() {
        assert_eq!(median(Vec::new()), None);
    }
}
