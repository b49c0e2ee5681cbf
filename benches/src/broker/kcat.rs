//! The broker on the engine, under load by a client that nobody here wrote.

use std::fs;
use std::process::{Command, Stdio};

use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};

use super::ProduceLoad;
use super::kafka::Broker;

/// kcat, which sends lines of a file.
pub(super) struct Produce(pub(super) ProduceLoad);

impl Subject for Produce {
    fn name(&self) -> &'static str {
        "roundhouse-kcat"
    }

    fn about(&self) -> String {
        "broker with defaults; one kcat 1.7 (librdkafka), linger.ms=5, batches of 1,000 at most"
            .to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let broker = Broker::start(stage)?;
        let lines = stage.path("lines");
        let messages = (stage.duration.as_secs_f64() * LINES_A_SECOND) as usize;
        fs::write(&lines, format!("{}\n", "x".repeat(self.0.bytes)).repeat(messages))?;
        let meter = broker.server.meter(stage)?;
        let watch = stage.watch();
        let settings = ["linger.ms=5", "batch.num.messages=1000", "acks=all"];
        let status = Command::new("kcat")
            .args(["-P", "-q", "-b", &broker.address, "-t", "load", "-l"])
            .arg(&lines)
            .args(settings.iter().flat_map(|setting| ["-X", setting]))
            .stdout(Stdio::null())
            .status()?;
        let wall = watch.elapsed();
        if !status.success() {
            return Err(format!("kcat ended with {status}").into());
        }
        let measured = Measurement::new("messages/s", messages as f64 / wall.as_secs_f64());
        let measured = meter.cost(measured, messages as u64)?;
        broker.end()?;
        fs::remove_file(lines)?;
        Ok(vec![measured])
    }
}

/// Lines in the file for each second of the measurement: about what kcat sends.
const LINES_A_SECOND: f64 = 200_000.0;
