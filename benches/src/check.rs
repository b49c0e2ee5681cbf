//! Whether a run is worse than an earlier one, by more than the noise that both show.

use std::fs;
use std::path::Path;

use roundhouse_measure::{Line, MeasureError, Measurement, ROUNDHOUSE, Row, Summary};

use crate::run::AGAIN;

/// The rows of a file that a run wrote.
pub(crate) fn read_rows(path: &Path) -> Result<Vec<Row>, MeasureError> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let parse = |(number, line): (usize, &str)| {
        let at = || format!("{}:{}", path.display(), number + 1);
        serde_json::from_str(line).map_err(|error| format!("{}: {error}", at()).into())
    };
    text.lines().enumerate().map(parse).collect()
}

/// What is worse in `new` than in `base`, a line each.
///
/// Only the engine's own figures are judged. Each is taken relative to the ceiling of its round,
/// where there is one, since machines differ from day to day. It is worse when it moved the wrong way
/// by more than any two measurements of the same engine in one round were apart, in either run.
pub(crate) fn regressions(base: &[Row], new: &[Row]) -> Vec<String> {
    let summary = Summary::of(new);
    let mut found = Vec::new();
    for old in Summary::of(base).lines.iter().filter(|line| is_judged(line)) {
        let same = |line: &&Line| key(line) == key(old) && line.unit == old.unit;
        match summary.lines.iter().find(same) {
            Some(now) => {
                let noise = noise(base, old).max(noise(new, now)).max(NOISE_MIN);
                found.extend(worse(old, now, noise));
            }
            None => found.push(format!("{}: no longer measured", describe(old))),
        }
    }
    found
}

fn is_judged(line: &Line) -> bool {
    line.subject.starts_with(ROUNDHOUSE) && line.subject != AGAIN
}

fn worse(old: &Line, now: &Line, noise: f64) -> Option<String> {
    let (before, after, what) = match (old.ratio_to_ceiling, now.ratio_to_ceiling) {
        (Some(before), Some(after)) => (before, after, "of the ceiling".to_owned()),
        _ => (old.median, now.median, old.unit.clone()),
    };
    let change = after / before;
    let loss = if Measurement::is_better_higher(&old.unit) { 1.0 / change } else { change };
    // A figure that was zero and is not any more has no ratio.
    let is_worse = if loss.is_nan() { false } else { loss > 1.0 + noise };
    let noise = noise * 100.0;
    is_worse.then(|| {
        let subject = describe(old);
        format!("{subject}: {before:.3} before, {after:.3} now ({what}); the noise is {noise:.1} %")
    })
}

/// The largest distance between the engine's two measurements of a round, as a fraction; 0 if it was
/// not measured twice.
fn noise(rows: &[Row], line: &Line) -> f64 {
    let of = |subject: &str| -> Vec<&Row> {
        let is_wanted = |row: &&Row| {
            (&row.suite, &row.case, &row.measurement.unit) == (&line.suite, &line.case, &line.unit)
                && row.subject == subject
        };
        rows.iter().filter(is_wanted).collect()
    };
    let first = of(ROUNDHOUSE);
    let distances = of(AGAIN).into_iter().filter_map(|again| {
        let first = first.iter().find(|first| first.round == again.round)?;
        let (a, b) = (first.measurement.value, again.measurement.value);
        Some(a.max(b) / a.min(b) - 1.0)
    });
    distances.filter(|distance| distance.is_finite()).fold(0.0, f64::max)
}

fn key(line: &Line) -> (&str, &str, &str) {
    (&line.suite, &line.case, &line.subject)
}

fn describe(line: &Line) -> String {
    let (suite, case, subject) = key(line);
    format!("{suite}, {case}, {subject}, {}", line.unit)
}

/// Less than this is never called worse: placement of code and data alone moves figures so much.
const NOISE_MIN: f64 = 0.03;

#[cfg(test)]
mod tests {
    use super::*;

    fn row(subject: &str, round: usize, unit: &str, value: f64) -> Row {
        let measurement = Measurement::new(unit, value);
        let (suite, case) = ("wal".to_owned(), "c".to_owned());
        Row { suite, case, subject: subject.to_owned(), round, measurement }
    }

    fn run(engine: f64, again: f64) -> Vec<Row> {
        vec![row(ROUNDHOUSE, 0, "ops/s", engine), row(AGAIN, 0, "ops/s", again)]
    }

    #[test]
    fn what_moved_less_than_the_noise_is_no_regression() {
        assert!(regressions(&run(100.0, 110.0), &run(92.0, 92.0)).is_empty());
    }

    #[test]
    fn what_moved_more_than_the_noise_of_both_runs_is() {
        let found = regressions(&run(100.0, 101.0), &run(92.0, 92.0));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("wal, c, roundhouse, ops/s: 100.000 before, 92.000 now"));
    }

    #[test]
    fn of_a_time_more_is_worse() {
        let seconds = |value| vec![row(ROUNDHOUSE, 0, "s", value)];
        assert_eq!(regressions(&seconds(1.0), &seconds(1.1)).len(), 1);
        assert!(regressions(&seconds(1.1), &seconds(1.0)).is_empty());
    }

    #[test]
    fn a_slower_machine_is_no_regression() {
        let mut base = run(100.0, 100.0);
        base.push(row("ceiling", 0, "ops/s", 200.0));
        let mut new = run(50.0, 50.0);
        new.push(row("ceiling", 0, "ops/s", 100.0));
        assert!(regressions(&base, &new).is_empty());
    }

    #[test]
    fn a_case_that_is_gone_is_a_regression_and_a_slower_peer_is_none() {
        assert_eq!(regressions(&run(100.0, 100.0), &[]).len(), 1);
        let peer = |value| vec![row("peer", 0, "ops/s", value)];
        assert!(regressions(&peer(100.0), &peer(10.0)).is_empty());
    }
}
