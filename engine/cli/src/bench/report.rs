//! Collects samples and prints medians with ratios to the ceiling, or every sample as JSON.

use std::io::{self, Write};

use serde_json::json;

use crate::bench::Sample;

/// All samples of a run.
#[derive(Default)]
pub(crate) struct Report {
    samples: Vec<(&'static str, usize, Sample)>,
    /// Operations handed to kernel workers during the run, if they could be counted.
    pub(crate) punts: Option<u64>,
}

impl Report {
    pub(crate) fn add(&mut self, case: &'static str, round: usize, sample: Sample) {
        self.samples.push((case, round, sample));
    }

    /// Prints to standard output.
    pub(crate) fn print(&self, as_json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if as_json { self.print_json(&mut out) } else { self.print_table(&mut out) }
    }

    fn print_json(&self, out: &mut impl Write) -> io::Result<()> {
        for (case, round, sample) in &self.samples {
            let latency = sample.latency_us;
            let row = json!({
                "case": case,
                "subject": sample.subject,
                "round": round,
                "unit": sample.unit,
                "value": sample.value,
                "p50_us": latency.map(|latency| latency.p50),
                "p99_us": latency.map(|latency| latency.p99),
                "p999_us": latency.map(|latency| latency.p999),
                "cpu_s": sample.cpu_s,
                "note": sample.note,
            });
            writeln!(out, "{row}")?;
        }
        for row in self.medians() {
            writeln!(
                out,
                "{}",
                json!({
                    "case": row.case,
                    "subject": row.subject,
                    "unit": row.unit,
                    "median": row.median,
                    "low": row.low,
                    "high": row.high,
                    "ratio_to_ceiling": row.ratio,
                    "p50_us": row.p50_us,
                    "p99_us": row.p99_us,
                })
            )?;
        }
        writeln!(out, "{}", json!({ "io_wq_punts": self.punts }))
    }

    fn print_table(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{:<28} {:<11} {:>12} {:<10} {:>25} {:>7} {:>9} {:>9}",
            "case", "subject", "median", "unit", "lowest .. highest", "ratio", "p50 us", "p99 us"
        )?;
        for row in self.medians() {
            let optional = |value: Option<f64>, digits: usize| {
                value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
            };
            writeln!(
                out,
                "{:<28} {:<11} {:>12.1} {:<10} {:>25} {:>7} {:>9} {:>9}",
                row.case,
                row.subject,
                row.median,
                row.unit,
                format!("{:.1} .. {:.1}", row.low, row.high),
                optional(row.ratio, 2),
                optional(row.p50_us, 1),
                optional(row.p99_us, 1),
            )?;
        }
        match self.punts {
            Some(punts) => writeln!(out, "operations handed to kernel workers: {punts}"),
            None => writeln!(out, "operations handed to kernel workers: not counted (needs root)"),
        }
    }

    /// One row per case, subject and unit. The ratio is the median of the rounds' own ratios.
    fn medians(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for (case, _, sample) in &self.samples {
            let is_known = |row: &Row| {
                row.case == *case && row.subject == sample.subject && row.unit == sample.unit
            };
            if rows.iter().any(is_known) {
                continue;
            }
            rows.push(self.row(case, sample.subject, sample.unit));
        }
        rows
    }

    fn row(&self, case: &'static str, subject: &'static str, unit: &'static str) -> Row {
        let of = |subject: &str| -> Vec<&(&'static str, usize, Sample)> {
            let is_wanted = |(c, _, sample): &&(&str, usize, Sample)| {
                *c == case && sample.subject == subject && sample.unit == unit
            };
            self.samples.iter().filter(is_wanted).collect()
        };
        let own = of(subject);
        let values: Vec<f64> = own.iter().map(|(_, _, sample)| sample.value).collect();
        let latency = |pick: fn(&crate::bench::LatencyUs) -> f64| {
            let values: Vec<f64> = own
                .iter()
                .filter_map(|(_, _, sample)| sample.latency_us.as_ref().map(pick))
                .collect();
            (!values.is_empty()).then(|| median(values))
        };
        let ceiling = of("ceiling");
        let ratios: Vec<f64> = own
            .iter()
            .filter_map(|(_, round, sample)| {
                let same_round = ceiling.iter().find(|(_, other, _)| other == round)?;
                Some(sample.value / same_round.2.value)
            })
            .collect();
        let is_compared = subject != "ceiling" && !ratios.is_empty();
        Row {
            case,
            subject,
            unit,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            high: values.iter().copied().fold(0.0, f64::max),
            median: median(values),
            ratio: is_compared.then(|| median(ratios)),
            p50_us: latency(|latency| latency.p50),
            p99_us: latency(|latency| latency.p99),
        }
    }
}

struct Row {
    case: &'static str,
    subject: &'static str,
    unit: &'static str,
    median: f64,
    low: f64,
    high: f64,
    ratio: Option<f64>,
    p50_us: Option<f64>,
    p99_us: Option<f64>,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
