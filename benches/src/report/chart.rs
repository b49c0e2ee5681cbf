//! The two drawings of a case: bars of the values, curves of the latencies.

use std::fmt::{self, Write};

use roundhouse_measure::{CEILING, Line, Measurement, ROUNDHOUSE, number};

use super::text::escape;
use crate::run::AGAIN;

/// Bars of the values with the spread of the rounds and the ceiling as a line across.
pub(super) fn bars(out: &mut String, lines: &[&Line]) -> fmt::Result {
    let Some(unit) = lines.first().map(|line| line.unit.as_str()) else { return Ok(()) };
    let lines: Vec<_> = lines.iter().filter(|line| line.unit == unit).collect();
    let most = lines.iter().map(|line| line.high).fold(f64::MIN_POSITIVE, f64::max);
    let percent = |value: f64| value / most * 100.0;
    let ceiling = lines.iter().find(|line| line.subject == CEILING);
    let better = if Measurement::is_better_higher(unit) { "more" } else { "less" };
    writeln!(out, "<div class=bars><p class=unit>{}, {better} is better</p>", escape(unit))?;
    for line in &lines {
        let (class, name) = (class(&line.subject, &lines), escape(&line.subject));
        let (width, low, high) = (percent(line.median), percent(line.low), percent(line.high));
        write!(
            out,
            "<div class=row><span class=name>{name}</span><span class=track>\
             <i class=\"bar {class}\" style=\"width:{width:.2}%\"></i>\
             <i class=spread style=\"left:{low:.2}%;width:{:.2}%\"></i>",
            high - low
        )?;
        if let Some(ceiling) = ceiling {
            let left = percent(ceiling.median);
            write!(out, "<i class=ceiling-line style=\"left:{left:.2}%\"></i>")?;
        }
        writeln!(out, "</span><span class=value>{}</span></div>", number(line.median))?;
    }
    writeln!(out, "</div>")
}

/// Curves of the latencies over their percentiles, on a logarithmic scale.
pub(super) fn curves(out: &mut String, lines: &[&Line]) -> fmt::Result {
    let all: Vec<_> = lines.iter().collect();
    let curves: Vec<(&Line, [f64; 5])> =
        lines.iter().filter_map(|line| Some((*line, percentiles(&line.typical)?))).collect();
    let values = || curves.iter().flat_map(|(_, values)| values.iter().copied());
    let low = values().fold(f64::INFINITY, f64::min).log10().floor();
    let high = values().fold(0.0, f64::max).log10().ceil().max(low + 1.0);
    if curves.is_empty() || !low.is_finite() {
        return Ok(());
    }
    let y = |us: f64| BOTTOM - (us.log10() - low) / (high - low) * (BOTTOM - TOP);
    let x = |at: usize| LEFT + (RIGHT - LEFT) * at as f64 / 4.0;
    write!(
        out,
        "<svg viewBox=\"0 0 460 240\" role=img aria-label=\"latency by percentile, logarithmic\">"
    )?;
    for decade in low as i32..=high as i32 {
        let us = 10f64.powi(decade);
        let (at, label) = (y(us), duration(us));
        write!(
            out,
            "<path class=grid d=\"M{LEFT} {at:.1}H{RIGHT}\"/>\
             <text class=left x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            LEFT - 6.0,
            at + 4.0
        )?;
    }
    for (at, label) in ["p50", "p90", "p99", "p99.9", "max"].iter().enumerate() {
        write!(
            out,
            "<text class=below x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            x(at),
            BOTTOM + 18.0
        )?;
    }
    for (line, values) in &curves {
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(at, us)| format!("{:.1},{:.1}", x(at), y(*us)))
            .collect();
        let (class, name) = (class(&line.subject, &all), escape(&line.subject));
        let points = points.join(" ");
        write!(
            out,
            "<polyline class=\"{class}\" points=\"{points}\"><title>{name}</title></polyline>"
        )?;
    }
    writeln!(out, "</svg>")
}

fn percentiles(typical: &Measurement) -> Option<[f64; 5]> {
    let Measurement { p50_us, p90_us, p99_us, p999_us, max_us, .. } = *typical;
    Some([p50_us?, p90_us?, p99_us?, p999_us?, max_us?])
}

fn duration(us: f64) -> String {
    match us {
        us if us < 1000.0 => format!("{us} µs"),
        us if us < 1e6 => format!("{} ms", us / 1e3),
        us => format!("{} s", us / 1e6),
    }
}

/// The class that colours a subject: the engine and the ceiling have theirs, the engine's variants and
/// peers take turns.
fn class(subject: &str, lines: &[&&Line]) -> &'static str {
    if subject == CEILING {
        return "ceiling";
    }
    if subject.starts_with(ROUNDHOUSE) {
        return match subject {
            ROUNDHOUSE => "engine",
            AGAIN => "engine again",
            _ => VARIANTS[place(subject, lines, is_variant) % VARIANTS.len()],
        };
    }
    PEERS[place(subject, lines, is_peer) % PEERS.len()]
}

/// Which of the subjects of its kind it is.
fn place(subject: &str, lines: &[&&Line], is_kind: fn(&str) -> bool) -> usize {
    let mut kind = lines.iter().filter(|line| is_kind(&line.subject));
    kind.position(|line| line.subject == subject).unwrap_or(0)
}

fn is_variant(subject: &str) -> bool {
    subject.starts_with(ROUNDHOUSE) && subject != ROUNDHOUSE && subject != AGAIN
}

fn is_peer(subject: &str) -> bool {
    subject != CEILING && !subject.starts_with(ROUNDHOUSE)
}

const VARIANTS: [&str; 2] = ["engine other", "engine other second"];
const PEERS: [&str; 6] = ["peer-1", "peer-2", "peer-3", "peer-4", "peer-5", "peer-6"];

/// The drawing's inside.
const LEFT: f64 = 60.0;
const RIGHT: f64 = 440.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 206.0;
