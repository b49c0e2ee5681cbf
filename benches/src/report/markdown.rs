//! The report as Markdown: what is committed as `RESULTS.md`.

use std::fmt::{self, Write};

use roundhouse_measure::{Line, Suite, number};

use super::Report;
use super::text::optional;
use crate::bars::Elsewhere;

/// The whole report.
pub(crate) fn markdown(report: &Report<'_>) -> String {
    let mut out = String::new();
    write_all(&mut out, report).expect("writing to a string cannot fail");
    out
}

fn write_all(out: &mut String, report: &Report<'_>) -> fmt::Result {
    writeln!(out, "| | |\n|---|---|")?;
    for (name, fact) in &report.facts {
        writeln!(out, "| {name} | {fact} |")?;
    }
    if !report.verdicts.is_empty() {
        writeln!(out, "\n## Bars\n\n| bar | found | | what is in the way |\n|---|---|---|---|")?;
        for verdict in &report.verdicts {
            let (text, word) = (verdict.bar.text, word(verdict.is_met));
            let reason = verdict.hindrance();
            writeln!(out, "| {text} | {} | {word} | {reason} |", verdict.found)?;
        }
        writeln!(out, "\nThose that other commands judge, as last seen:\n")?;
        writeln!(
            out,
            "| bar | found | | what is in the way | command | seen |\n|---|---|---|---|---|---|"
        )?;
        for Elsewhere { bar, command, seen, found, is_met, hindrance } in &report.elsewhere {
            let word = word(*is_met);
            writeln!(out, "| {bar} | {found} | {word} | {hindrance} | `{command}` | {seen} |")?;
        }
    }
    for suite in report.suites {
        write_suite(out, report, suite)?;
    }
    Ok(())
}

fn word(is_met: bool) -> &'static str {
    if is_met { "met" } else { "**missed**" }
}

fn write_suite(out: &mut String, report: &Report<'_>, suite: &Suite) -> fmt::Result {
    if !report.has(suite.name) {
        return Ok(());
    }
    writeln!(out, "\n## {}\n\n{}\n", suite.name, suite.about)?;
    for case in &suite.cases {
        let lines = report.lines(suite.name, case.name);
        let failures = report.failures(suite.name, case.name);
        if lines.is_empty() && failures.is_empty() {
            continue;
        }
        writeln!(out, "### {}\n\n{}\n", case.name, case.about)?;
        writeln!(out, "{COLUMNS}")?;
        writeln!(out, "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        lines.iter().try_for_each(|line| write_line(out, line))?;
        for failure in failures {
            // As wide as the others, so that it stays a table.
            let text = failure.to_string().replace('|', "/");
            writeln!(out, "| {text} |{}", " – |".repeat(11))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "Who took part:\n")?;
    for (name, about) in Report::subjects(suite) {
        writeln!(out, "- {name}: {about}")?;
    }
    Ok(())
}

fn write_line(out: &mut String, line: &Line) -> fmt::Result {
    let typical = &line.typical;
    let punts = typical.punts.map(|punts| punts as f64);
    let spread = format!("{} .. {}", number(line.low), number(line.high));
    write!(out, "| {} | {} | {} | {spread} |", line.subject, number(line.median), line.unit)?;
    for figure in [
        line.ratio_to_ceiling,
        typical.p50_us,
        typical.p99_us,
        typical.p999_us,
        line.cpu_us_per_op(),
        typical.rss_mib,
        typical.syscalls_per_op,
        punts,
    ] {
        write!(out, " {} |", optional(figure))?;
    }
    writeln!(out)
}

const COLUMNS: &str = "| subject | median | unit | spread | of the ceiling | p50 us | p99 us | p99.9 us \
    | CPU us/op | MiB | calls/op | punts |";
