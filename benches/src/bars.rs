//! What the engine is meant to reach, stated against others of the same run or as it is.

use roundhouse_measure::{CEILING, Line, ROUNDHOUSE, Summary};

/// One such aim.
pub(crate) struct Bar {
    /// The aim in words.
    pub(crate) text: &'static str,
    suite: &'static str,
    case: &'static str,
    subject: &'static str,
    figure: Figure,
}

/// What is looked at.
enum Figure {
    /// The value is at least this many times another subject's.
    AtLeast(f64, &'static str),
    /// The median latency is at most this many times another subject's.
    MedianLatencyAtMost(f64, &'static str),
    /// System calls per operation are fewer.
    SyscallsBelow(f64),
}

/// What became of a bar in a run.
pub(crate) struct Verdict {
    pub(crate) bar: &'static Bar,
    pub(crate) is_met: bool,
    /// The figure it was judged by.
    pub(crate) found: String,
}

/// The bars that the run has figures for.
pub(crate) fn judge(summary: &Summary) -> Vec<Verdict> {
    BARS.iter().filter_map(|bar| bar.judge(summary)).collect()
}

impl Bar {
    fn judge(&'static self, summary: &Summary) -> Option<Verdict> {
        let line = |subject: &str| -> Option<&Line> {
            summary.lines.iter().find(|line| {
                (line.suite.as_str(), line.case.as_str(), line.subject.as_str())
                    == (self.suite, self.case, subject)
            })
        };
        let own = line(self.subject)?;
        let (is_met, found) = match self.figure {
            Figure::AtLeast(factor, other) => {
                let ratio = own.median / line(other)?.median;
                (ratio >= factor, format!("{ratio:.2} times"))
            }
            Figure::MedianLatencyAtMost(factor, other) => {
                let ratio = own.typical.p50_us? / line(other)?.typical.p50_us?;
                (ratio <= factor, format!("{ratio:.2} times"))
            }
            Figure::SyscallsBelow(most) => {
                let calls = own.typical.syscalls_per_op?;
                (calls < most, format!("{calls:.3} per record"))
            }
        };
        Some(Verdict { bar: self, is_met, found })
    }
}

const BARS: &[Bar] = &[
    Bar {
        text: "64 threads, 1 KiB, durable: at least 2 times raft-engine",
        suite: "wal",
        case: "durable-1k-64-writers",
        subject: ROUNDHOUSE,
        figure: Figure::AtLeast(2.0, "raft-engine"),
    },
    Bar {
        text: "64 tasks on the shard, 1 KiB, durable: fewer than 0.1 system calls per record",
        suite: "wal",
        case: "durable-1k-64-writers",
        subject: "roundhouse-tasks",
        figure: Figure::SyscallsBelow(0.1),
    },
    Bar {
        text: "UDP echo, median latency: at most 0.75 times blocking calls'",
        suite: "udp",
        case: "udp-echo-1",
        subject: ROUNDHOUSE,
        figure: Figure::MedianLatencyAtMost(0.75, CEILING),
    },
    Bar {
        text: "UDP echo without spinning, median latency: at most 1.1 times blocking calls'",
        suite: "udp",
        case: "udp-echo-1",
        subject: "roundhouse-no-spin",
        figure: Figure::MedianLatencyAtMost(1.1, CEILING),
    },
    Bar {
        text: "UDP one way: at least 0.95 times trains by system calls",
        suite: "udp",
        case: "udp-one-way-1200",
        subject: ROUNDHOUSE,
        figure: Figure::AtLeast(0.95, CEILING),
    },
    Bar {
        text: "TCP echo, 64 connections: at least as much as a bare epoll loop",
        suite: "tcp",
        case: "tcp-echo-64",
        subject: ROUNDHOUSE,
        figure: Figure::AtLeast(1.0, CEILING),
    },
    Bar {
        text: "TCP echo, 64 connections: at least 1.2 times tokio",
        suite: "tcp",
        case: "tcp-echo-64",
        subject: ROUNDHOUSE,
        figure: Figure::AtLeast(1.2, "tokio"),
    },
];

#[cfg(test)]
mod tests {
    use roundhouse_measure::{Measurement, Row};

    use super::*;

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
        assert!(judge(&Summary { lines: Vec::new() }).is_empty());
    }
}
