//! The report as one HTML page that needs nothing else.

use std::fmt::{self, Write};

use roundhouse_measure::{Case, Failure, Line, Suite, number};

use super::text::{escape, optional};
use super::{Report, chart};

/// The whole page.
pub(crate) fn page(report: &Report<'_>) -> String {
    let mut out = String::new();
    write_all(&mut out, report).expect("writing to a string cannot fail");
    out
}

fn write_all(out: &mut String, report: &Report<'_>) -> fmt::Result {
    writeln!(
        out,
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <title>Roundhouse beside its ceilings and its peers</title>\n<style>\n{STYLE}</style>\n\
         <h1>Roundhouse beside its ceilings and its peers</h1>"
    )?;
    writeln!(out, "<p class=lead>{LEAD}</p>\n<dl>")?;
    for (name, fact) in &report.facts {
        writeln!(out, "<dt>{name}<dd>{}", escape(fact))?;
    }
    writeln!(out, "</dl>")?;
    if !report.verdicts.is_empty() {
        write_bars(out, report)?;
    }
    report.suites.iter().try_for_each(|suite| write_suite(out, report, suite))
}

fn write_bars(out: &mut String, report: &Report<'_>) -> fmt::Result {
    writeln!(out, "<h2>Bars</h2><table class=verdicts>")?;
    for verdict in &report.verdicts {
        let (text, found) = (escape(verdict.bar.text), escape(&verdict.found));
        let (word, reason) = (word(verdict.is_met), escape(verdict.hindrance()));
        writeln!(out, "<tr><td>{text}<td>{found}<td class={word}>{word}<td>{reason}")?;
    }
    writeln!(out, "</table><p>Those that other commands judge, as last seen:</p>")?;
    writeln!(out, "<table class=verdicts>")?;
    for bar in &report.elsewhere {
        let (text, found) = (escape(&bar.bar), escape(&bar.found));
        let (word, reason) = (word(bar.is_met), escape(&bar.hindrance));
        writeln!(out, "<tr><td>{text}<td>{found}<td class={word}>{word}<td>{reason}")?;
        writeln!(out, "<td><code>{}</code><td>{}", escape(&bar.command), escape(&bar.seen))?;
    }
    writeln!(out, "</table>")
}

/// The word for a verdict, and the class of its cell.
fn word(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

fn write_suite(out: &mut String, report: &Report<'_>, suite: &Suite) -> fmt::Result {
    if !report.has(suite.name) {
        return Ok(());
    }
    writeln!(out, "<h2>{}</h2><p>{}</p>", escape(suite.name), escape(suite.about))?;
    for case in &suite.cases {
        let lines = report.lines(suite.name, case.name);
        let failures = report.failures(suite.name, case.name);
        if !lines.is_empty() || !failures.is_empty() {
            write_case(out, case, &lines, &failures)?;
        }
    }
    writeln!(out, "<details><summary>Who took part in {}</summary><dl>", escape(suite.name))?;
    for (name, about) in Report::subjects(suite) {
        writeln!(out, "<dt>{}<dd>{}", escape(&name), escape(&about))?;
    }
    writeln!(out, "</dl></details>")
}

fn write_case(
    out: &mut String,
    case: &Case,
    lines: &[&Line],
    failures: &[&Failure],
) -> fmt::Result {
    let (name, about) = (escape(case.name), escape(case.about));
    writeln!(out, "<section><h3>{name}</h3><p>{about}</p><div class=charts>")?;
    chart::bars(out, lines)?;
    chart::curves(out, lines)?;
    writeln!(out, "</div>")?;
    for failure in failures {
        writeln!(out, "<p class=missed>{}</p>", escape(&failure.to_string()))?;
    }
    writeln!(out, "<details><summary>All figures</summary><div class=wide><table><thead><tr>")?;
    for heading in COLUMNS {
        write!(out, "<th>{heading}")?;
    }
    writeln!(out, "<tbody>")?;
    for line in lines {
        write_line(out, line)?;
    }
    writeln!(out, "</table></div></details></section>")
}

fn write_line(out: &mut String, line: &Line) -> fmt::Result {
    let typical = &line.typical;
    let spread = format!("{} – {}", number(line.low), number(line.high));
    write!(
        out,
        "<tr><th>{}<td>{} {}<td>{spread}",
        escape(&line.subject),
        number(line.median),
        escape(&line.unit)
    )?;
    for figure in [
        line.ratio_to_ceiling,
        typical.p50_us,
        typical.p90_us,
        typical.p99_us,
        typical.p999_us,
        typical.max_us,
        line.cpu_us_per_op(),
        typical.rss_mib,
        typical.syscalls_per_op,
        typical.punts.map(|punts| punts as f64),
    ] {
        write!(out, "<td>{}", optional(figure))?;
    }
    writeln!(out, "<td>{}", escape(&typical.note))
}

const LEAD: &str = "Every subject did the same work in the same folder, each measurement in a process of its own, \
    one round after the other. Bars are medians, thin lines the spread of the rounds; the dashed line is the ceiling: \
    the same bytes on a bare ring. <b>roundhouse-again</b> is the engine measured a second time: how far it is from \
    <b>roundhouse</b> is the noise.";

const COLUMNS: [&str; 14] = [
    "subject",
    "median",
    "spread",
    "of the ceiling",
    "p50 µs",
    "p90 µs",
    "p99 µs",
    "p99.9 µs",
    "max µs",
    "CPU µs/op",
    "peak MiB",
    "system calls/op",
    "io-wq punts",
    "",
];

const STYLE: &str = include_str!("page.css");
