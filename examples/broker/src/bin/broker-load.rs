//! Puts a broker of Kafka's protocol under load, and prints what came of it as one line of JSON.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to the person who ran it"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use broker::load::{self, ConsumeLoad, LoadError, LoadTopic, PacedLoad, ProduceLoad};
use clap::{Parser, Subcommand};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Load for a broker of Kafka's protocol.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The broker.
    #[arg(long, default_value = "127.0.0.1:9092")]
    address: SocketAddr,
    /// The topic; created unless it is there.
    #[arg(long, default_value = "load")]
    topic: String,
    /// Its partitions.
    #[arg(long, default_value_t = 2)]
    partitions: i32,
    /// A setting of the topic when it is created.
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Produces with acks=all as fast as batches are acknowledged.
    Produce {
        #[arg(long, default_value_t = 2)]
        connections: usize,
        /// Requests of each connection that wait for their answer.
        #[arg(long, default_value_t = 4)]
        in_flight: usize,
        /// Messages of one request.
        #[arg(long, default_value_t = 1000)]
        batch: usize,
        /// Bytes of a message.
        #[arg(long, default_value_t = 1024)]
        bytes: usize,
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
    },
    /// Consumes from the beginning as fast as messages come.
    Consume {
        #[arg(long, default_value_t = 2)]
        connections: usize,
        /// Bytes of one response.
        #[arg(long, default_value_t = 4 << 20)]
        fetch_bytes: usize,
        #[arg(long, default_value_t = 1_000_000)]
        messages: u64,
    },
    /// Produces at a rate, and times messages until a consumer has them.
    Paced {
        /// Messages a second.
        #[arg(long, default_value_t = 50_000)]
        rate: u64,
        /// How long messages gather for one request, in us.
        #[arg(long, default_value_t = 500)]
        interval_us: u64,
        #[arg(long, default_value_t = 1024)]
        bytes: usize,
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Times a TCP echo with a durable write of 4 KiB; needs no broker.
    Floor {
        /// A file to overwrite.
        #[arg(long)]
        scratch: PathBuf,
        #[arg(long, default_value_t = 500)]
        interval_us: u64,
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// Holds connections open until it is killed, asking something over each every second.
    Hold {
        #[arg(long, default_value_t = 1000)]
        connections: usize,
    },
    /// Only creates the topic.
    Create,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("broker-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<Value, LoadError> {
    let Arguments { address, topic: name, partitions, config, command } = arguments;
    let topic = LoadTopic { address, name, partitions };
    let config: Vec<_> = config.iter().filter_map(|pair| pair.split_once('=')).collect();
    match command {
        Command::Floor { scratch, interval_us, seconds } => {
            let (interval, time) =
                (Duration::from_micros(interval_us), Duration::from_secs(seconds));
            return Ok(json!({ "echo_ms": millis(&load::floor(&scratch, interval, time)?) }));
        }
        Command::Hold { connections } => return hold(address, connections),
        _ => load::create_topic(&topic, &config)?,
    }
    match command {
        Command::Produce { connections, in_flight, batch, bytes, messages } => {
            let (batch_records, value_bytes) = (batch, bytes);
            let produced = load::produce(&ProduceLoad {
                topic,
                connections,
                in_flight,
                batch_records,
                value_bytes,
                messages,
            })?;
            let rate = produced.rate().round();
            Ok(json!({ "rate": rate, "request_ms": millis(&produced.latencies) }))
        }
        Command::Consume { connections, fetch_bytes, messages } => {
            let wanted = ConsumeLoad { topic, connections, fetch_bytes, messages };
            let consumed = load::consume(&wanted)?;
            Ok(json!({ "rate": consumed.rate().round(), "messages": consumed.messages }))
        }
        Command::Paced { rate, interval_us, bytes, seconds } => {
            let (interval, value_bytes) = (Duration::from_micros(interval_us), bytes);
            let duration = Duration::from_secs(seconds);
            let load = PacedLoad { topic, rate, interval, value_bytes, duration };
            let paced = load::paced(&load)?;
            let (acknowledged, delivered) = (millis(&paced.acknowledged), millis(&paced.delivered));
            Ok(json!({ "acknowledged_ms": acknowledged, "delivered_ms": delivered }))
        }
        Command::Create | Command::Floor { .. } | Command::Hold { .. } => Ok(json!({})),
    }
}

#[expect(clippy::disallowed_methods, reason = "a load generator is on no shard")]
fn hold(address: SocketAddr, connections: usize) -> Result<Value, LoadError> {
    let mut held = load::hold(address, connections)?;
    println!("{}", json!({ "held": connections }));
    loop {
        std::thread::sleep(Duration::from_secs(1));
        held.ask_all()?;
    }
}

fn millis(histogram: &Histogram<u64>) -> Value {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
    json!({ "p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "max": histogram.max() as f64 / 1e6 })
}
