//! What a run leaves for people.

mod chart;
mod markdown;
mod page;
mod text;

use std::path::Path;

use roundhouse_measure::{Failure, Line, Row, Suite, Summary};

use crate::bars::{self, Elsewhere, Verdict};
use crate::facts;

pub(crate) use markdown::markdown;
pub(crate) use page::page;

/// Everything that the reports say.
pub(crate) struct Report<'a> {
    pub(crate) suites: &'a [Suite],
    pub(crate) summary: &'a Summary,
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) verdicts: Vec<Verdict>,
    /// Bars that other commands judge.
    pub(crate) elsewhere: Vec<Elsewhere>,
}

impl<'a> Report<'a> {
    /// A report of rows that were measured on this machine, in the folder `dir`.
    pub(crate) fn new(
        suites: &'a [Suite],
        summary: &'a Summary,
        rows: &[Row],
        dir: &Path,
    ) -> Report<'a> {
        let mut facts = facts::facts(dir);
        let rounds = rows.iter().map(|row| row.round + 1).max().unwrap_or(0);
        facts.push(("rounds", rounds.to_string()));
        let (verdicts, elsewhere) = (bars::judge(summary), bars::elsewhere());
        Report { suites, summary, facts, verdicts, elsewhere }
    }

    /// The lines of a case, in the order its subjects ran.
    fn lines(&self, suite: &str, case: &str) -> Vec<&Line> {
        let is_of = |line: &&Line| line.suite == suite && line.case == case;
        self.summary.lines.iter().filter(is_of).collect()
    }

    /// Who failed in a case, and why.
    fn failures(&self, suite: &str, case: &str) -> Vec<&Failure> {
        let is_of = |failure: &&Failure| failure.suite == suite && failure.case == case;
        self.summary.failures.iter().filter(is_of).collect()
    }

    /// Whether anything of a suite was tried.
    fn has(&self, suite: &str) -> bool {
        self.summary.lines.iter().any(|line| line.suite == suite)
            || self.summary.failures.iter().any(|failure| failure.suite == suite)
    }

    /// Everybody in a suite with version and configuration, once each.
    fn subjects(suite: &Suite) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        for subject in suite.cases.iter().flat_map(|case| &case.subjects) {
            let entry = (subject.name().to_owned(), subject.about());
            if !all.contains(&entry) {
                all.push(entry);
            }
        }
        all.sort();
        all
    }
}
