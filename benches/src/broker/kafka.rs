//! The broker on the engine, under load by its own generator.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use roundhouse_measure::{MeasureError, Measurement, ROUNDHOUSE, Stage, Subject};
use serde_json::Value;

use super::child::{Server, beside, output};
use super::{Durability, ProduceLoad};

/// Produces as fast as batches are acknowledged.
pub(super) struct Produce(pub(super) ProduceLoad);

impl Subject for Produce {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        ABOUT.to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let broker = Broker::start(stage)?;
        let warm = broker.produce(&self.0, WARM_UP_MESSAGES)?;
        let messages = (number(&warm, "rate")? * stage.duration.as_secs_f64()) as u64;
        let messages = messages.next_multiple_of((self.0.batch * self.0.connections) as u64);
        let meter = broker.server.meter(stage)?;
        let said = broker.produce(&self.0, messages)?;
        let measured = Measurement::new("messages/s", number(&said, "rate")?);
        let measured = with_latency(measured, &said["request_ms"]);
        let measured = meter.cost(measured, messages)?;
        broker.end()?;
        Ok(vec![measured])
    }
}

/// Consumes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Consume {
    /// What was produced just before.
    Produced,
    /// What is being produced.
    Live,
    /// What was produced before the broker was started.
    Cold,
}

impl Subject for Consume {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        ABOUT.to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let mut broker = Broker::start(stage)?;
        let load = &super::PRODUCES[0];
        // What is cold is as large as files are here.
        let mut messages = stage.sizes.file / 1024;
        match self {
            Consume::Live => drop(broker.load(&["create"])?),
            Consume::Produced => messages = broker.produce_tail(stage)?,
            Consume::Cold => {
                broker.produce(load, messages)?;
                broker = broker.restart()?;
            }
        }
        let meter = broker.server.meter(stage)?;
        let wanted = messages.to_string();
        let consume = || broker.load(&["consume", "--messages", &wanted]);
        let said = match self {
            Consume::Live => std::thread::scope(|scope| {
                let producing = scope.spawn(|| broker.produce(load, messages).map(drop));
                let consumed = consume()?;
                producing.join().map_err(|_| "the producer panicked")??;
                Ok::<_, MeasureError>(consumed)
            })?,
            Consume::Produced | Consume::Cold => consume()?,
        };
        let measured = Measurement::new("messages/s", number(&said, "rate")?);
        let measured = meter.cost(measured, messages)?;
        broker.end()?;
        Ok(vec![measured])
    }
}

/// Producer to waiting consumer.
pub(super) struct EndToEnd;

impl Subject for EndToEnd {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        ABOUT.to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let broker = Broker::start(stage)?;
        broker.produce(&super::PRODUCES[0], WARM_UP_MESSAGES)?;
        let meter = broker.server.meter(stage)?;
        let seconds = stage.duration.as_secs().max(1);
        let said = broker.load_topic("paced", &["paced", "--seconds", &seconds.to_string()])?;
        let latency = &said["delivered_ms"];
        let measured = Measurement::new("p99 us", number(latency, "p99")? * 1e3);
        let measured = with_latency(measured, latency).note("at 50,000 messages/s");
        let measured = meter.cost(measured, seconds * 50_000)?;
        broker.end()?;
        Ok(vec![measured])
    }
}

/// Memory.
pub(super) struct Held;

impl Subject for Held {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        ABOUT.to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let broker = Broker::start(stage)?;
        for topic in 0..TOPICS {
            let topic = format!("held-{topic}");
            let arguments = ["--address", &broker.address, "--topic", &topic];
            output(
                beside("broker-load")?,
                arguments.into_iter().chain(["--partitions", "1000", "create"]),
            )?;
        }
        let mut command = Command::new(beside("broker-load")?);
        command.args(["--address", &broker.address, "hold", "--connections", "1000"]);
        let mut holding = Server::start(&mut command)?;
        holding.line_with("held")?;
        let meter = broker.server.meter(stage)?;
        // They ask something every second meanwhile.
        pause(stage.duration);
        let measured = meter.cost(Measurement::new("MiB", 0.0), 1000)?;
        let value = measured.rss_mib.ok_or("the kernel does not say how much memory it has")?;
        broker.end()?;
        Ok(vec![Measurement { value, ..measured }])
    }
}

/// The broker with an empty folder.
pub(super) struct Broker {
    pub(super) server: Server,
    pub(super) address: String,
    data: PathBuf,
}

impl Broker {
    pub(super) fn start(stage: &Stage) -> Result<Broker, MeasureError> {
        let data = stage.path("broker-data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        Broker::open(data)
    }

    fn open(data: PathBuf) -> Result<Broker, MeasureError> {
        let mut command = Command::new(beside("broker")?);
        command.arg("--data").arg(&data).args(["--listen", "127.0.0.1:0"]);
        let mut server = Server::start(&mut command)?;
        let line = server.line_with("Listening on ")?;
        let address = line.split(' ').nth(2).unwrap_or_default().trim_end_matches('.').to_owned();
        Ok(Broker { server, address, data })
    }

    fn restart(self) -> Result<Broker, MeasureError> {
        let Broker { server, data, .. } = self;
        drop(server);
        Broker::open(data)
    }

    pub(super) fn end(self) -> Result<(), MeasureError> {
        drop(self.server);
        Ok(fs::remove_dir_all(self.data)?)
    }

    /// Produces, and gives what the generator says.
    fn produce(&self, load: &ProduceLoad, messages: u64) -> Result<Value, MeasureError> {
        let texts =
            [load.connections, load.in_flight, load.batch, load.bytes].map(|n| n.to_string());
        let [connections, in_flight, batch, bytes] = &texts;
        let interval: &[&str] = match load.durability {
            Durability::Always => &[],
            Durability::EverySecond => &["--config", "flush.ms=1000"],
        };
        let messages = messages.to_string();
        let produce = [
            "produce",
            "--connections",
            connections,
            "--in-flight",
            in_flight,
            "--batch",
            batch,
            "--bytes",
            bytes,
            "--messages",
            &messages,
        ];
        self.load(&[interval, &produce[..]].concat())
    }

    /// Produces what stays in memory, and gives the number of messages.
    pub(super) fn produce_tail(&self, stage: &Stage) -> Result<u64, MeasureError> {
        let messages = TAIL_BYTES.min(stage.sizes.file) / 1024;
        self.produce(&super::PRODUCES[0], messages)?;
        Ok(messages)
    }

    fn load(&self, arguments: &[&str]) -> Result<Value, MeasureError> {
        self.load_topic("load", arguments)
    }

    fn load_topic(&self, topic: &str, arguments: &[&str]) -> Result<Value, MeasureError> {
        let common = ["--address", &self.address, "--topic", topic];
        let said = output(beside("broker-load")?, [&common[..], arguments].concat())?;
        Ok(serde_json::from_str(&said)?)
    }
}

fn with_latency(measured: Measurement, millis: &Value) -> Measurement {
    let us = |name: &str| millis[name].as_f64().map(|ms| ms * 1e3);
    Measurement {
        p50_us: us("p50"),
        p99_us: us("p99"),
        p999_us: us("p999"),
        max_us: us("max"),
        ..measured
    }
}

fn number(value: &Value, name: &str) -> Result<f64, MeasureError> {
    Ok(value[name].as_f64().ok_or_else(|| format!("the generator did not say {name}"))?)
}

#[expect(clippy::disallowed_methods, reason = "the measured thing is holding for a while")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

const ABOUT: &str = "broker with defaults, durability by topic; load by broker-load, acks=all";
/// What of 256 MiB of memory for both shards holds all of it.
const TAIL_BYTES: u64 = 64 << 20;
const WARM_UP_MESSAGES: u64 = 32_000;
const TOPICS: usize = 10;
