//! The OpenMetrics text format: one family after the other, each with its shards, then `# EOF`.

use std::fmt::Write;
use std::time::Duration;

use roundhouse_base::metrics::LatencyHistogram;

use super::{Metrics, ShardMetrics};

/// A value that goes up and down, of one shard.
struct Gauge {
    name: &'static str,
    help: &'static str,
    value: fn(&ShardMetrics) -> u64,
}

/// Latencies of one shard, shown as a summary with quantiles.
struct Summary {
    name: &'static str,
    help: &'static str,
    value: fn(&ShardMetrics) -> &LatencyHistogram,
}

const GAUGES: [Gauge; 15] = [
    Gauge { name: "logs", help: "Logs.", value: |shard| shard.info.logs as u64 },
    Gauge { name: "slots", help: "Slot files.", value: |shard| shard.info.slots as u64 },
    Gauge {
        name: "slots_ready",
        help: "Slot files without live data.",
        value: |shard| shard.info.slots_ready as u64,
    },
    Gauge { name: "segments", help: "Live segments.", value: |shard| shard.info.segments as u64 },
    Gauge {
        name: "cache_bytes",
        help: "Bytes of the tail kept in memory.",
        value: |shard| shard.info.cache_bytes as u64,
    },
    Gauge {
        name: "undurable_bytes",
        help: "Bytes of the write-ahead log that are not durable yet.",
        value: |shard| shard.info.end.0 - shard.info.durable_upto.0,
    },
    Gauge {
        name: "tcp_streams",
        help: "Open TCP streams.",
        value: |shard| shard.sockets.tcp_streams,
    },
    Gauge {
        name: "tcp_held_bytes",
        help: "Bytes that TCP streams hold.",
        value: |shard| shard.sockets.tcp_held_bytes,
    },
    Gauge {
        name: "tls_handshakes",
        help: "TLS handshakes in progress.",
        value: |shard| shard.sockets.tls_handshakes,
    },
    Gauge {
        name: "operations",
        help: "Operations of files and sockets that have not ended.",
        value: |shard| shard.operations,
    },
    Gauge {
        name: "receive_buffer_bytes",
        help: "Memory made for receiving.",
        value: |shard| shard.sockets.receive_buffer_bytes,
    },
    Gauge {
        name: "quic_connections",
        help: "QUIC connections, closing ones included.",
        value: |shard| shard.sockets.quic_connections,
    },
    Gauge {
        name: "quic_handshakes",
        help: "QUIC handshakes in progress.",
        value: |shard| shard.sockets.quic_handshakes,
    },
    Gauge {
        name: "quic_promised_bytes",
        help: "Bytes of buffers promised to QUIC connections.",
        value: |shard| shard.sockets.quic_promised_bytes,
    },
    Gauge {
        name: "quic_steered",
        help: "QUIC endpoints that the kernel steers datagrams to.",
        value: |shard| shard.sockets.quic_steered,
    },
];

const SUMMARIES: [Summary; 3] = [
    Summary {
        name: "append_seconds",
        help: "From a frame's first record to its acknowledgement.",
        value: |shard| &shard.histograms.append,
    },
    Summary {
        name: "write_seconds",
        help: "Writing one frame.",
        value: |shard| &shard.histograms.write,
    },
    Summary { name: "sync_seconds", help: "One fdatasync.", value: |shard| &shard.histograms.sync },
];

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Renders a snapshot.
pub(super) fn render(metrics: &Metrics) -> String {
    let mut text = String::new();
    write_all(&mut text, metrics).expect("writing to a string can't fail");
    text
}

fn write_all(text: &mut String, metrics: &Metrics) -> std::fmt::Result {
    let names = metrics.shards.first().map_or(&[][..], |shard| &shard.counters);
    for counter in names {
        writeln!(text, "# TYPE roundhouse_{} counter", counter.name)?;
        writeln!(text, "# HELP roundhouse_{} {}", counter.name, counter.help)?;
        for shard in &metrics.shards {
            let value = shard.counter(counter.name).unwrap_or(0);
            writeln!(
                text,
                "roundhouse_{}_total{{shard=\"{}\"}} {value}",
                counter.name, shard.shard
            )?;
        }
    }
    for Gauge { name, help, value } in &GAUGES {
        writeln!(text, "# TYPE roundhouse_{name} gauge\n# HELP roundhouse_{name} {help}")?;
        for shard in &metrics.shards {
            writeln!(text, "roundhouse_{name}{{shard=\"{}\"}} {}", shard.shard, value(shard))?;
        }
    }
    for Summary { name, help, value } in &SUMMARIES {
        writeln!(text, "# TYPE roundhouse_{name} summary\n# UNIT roundhouse_{name} seconds")?;
        writeln!(text, "# HELP roundhouse_{name} {help}")?;
        for shard in &metrics.shards {
            write_summary(text, name, &shard.shard.to_string(), value(shard))?;
        }
    }
    write_turn_times(text, metrics)?;
    writeln!(text, "# EOF")
}

fn write_turn_times(text: &mut String, metrics: &Metrics) -> std::fmt::Result {
    writeln!(
        text,
        "# TYPE roundhouse_turn_seconds histogram\n# UNIT roundhouse_turn_seconds seconds"
    )?;
    writeln!(
        text,
        "# HELP roundhouse_turn_seconds One turn of the shard's loop, without its sleep."
    )?;
    for ShardMetrics { shard, turn_times, .. } in &metrics.shards {
        let mut upto = 0;
        for (bound_us, count) in turn_times.bounds_us.iter().zip(&turn_times.counts) {
            upto += count;
            let bound = Duration::from_micros(*bound_us).as_secs_f64();
            writeln!(
                text,
                "roundhouse_turn_seconds_bucket{{shard=\"{shard}\",le=\"{bound}\"}} {upto}"
            )?;
        }
        let (all, sum) = (turn_times.counts.iter().sum::<u64>(), turn_times.sum.as_secs_f64());
        writeln!(text, "roundhouse_turn_seconds_bucket{{shard=\"{shard}\",le=\"+Inf\"}} {all}")?;
        writeln!(text, "roundhouse_turn_seconds_count{{shard=\"{shard}\"}} {all}")?;
        writeln!(text, "roundhouse_turn_seconds_sum{{shard=\"{shard}\"}} {sum:.9}")?;
    }
    Ok(())
}

fn write_summary(
    text: &mut String,
    name: &str,
    shard: &str,
    latencies: &LatencyHistogram,
) -> std::fmt::Result {
    if latencies.count() > 0 {
        for quantile in QUANTILES {
            let seconds = latencies.quantile(quantile).as_secs_f64();
            writeln!(
                text,
                "roundhouse_{name}{{shard=\"{shard}\",quantile=\"{quantile}\"}} {seconds:.9}"
            )?;
        }
    }
    writeln!(text, "roundhouse_{name}_count{{shard=\"{shard}\"}} {}", latencies.count())?;
    writeln!(
        text,
        "roundhouse_{name}_sum{{shard=\"{shard}\"}} {:.9}",
        latencies.sum().as_secs_f64()
    )
}
