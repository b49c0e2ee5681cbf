//! The broker on the engine, under load by librdkafka's own generator, `rdkafka_performance`.

use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};

use super::ProduceLoad;
use super::child::output;
use super::kafka::Broker;

/// One producer, as fast as it can.
pub(super) struct Produce(pub(super) ProduceLoad);

impl Subject for Produce {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> String {
        "broker with defaults; one rdkafka_performance of librdkafka 2.0.2, linger.ms=5, batches of 1,000 at most"
            .to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let broker = Broker::start(stage)?;
        let messages = (stage.duration.as_secs_f64() * PRODUCED_A_SECOND) as u64;
        let (count, bytes) = (messages.to_string(), self.0.bytes.to_string());
        let meter = broker.server.meter(stage)?;
        let settings =
            ["-X", "linger.ms=5", "-X", "batch.num.messages=1000", "-X", "batch.size=1048576"];
        let said = output(
            PROGRAM,
            ["-P", "-a", "-1", "-c", &count, "-s", &bytes, "-t", "load", "-b", &broker.address]
                .into_iter()
                .chain(settings),
        )?;
        let measured = meter.cost(Measurement::new("messages/s", rate(&said)?), messages)?;
        broker.end()?;
        Ok(vec![measured])
    }
}

/// One consumer of all partitions.
pub(super) struct Consume;

impl Subject for Consume {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> String {
        "broker with defaults; one rdkafka_performance of librdkafka 2.0.2 for both partitions"
            .to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let broker = Broker::start(stage)?;
        let messages = broker.produce_tail(stage)?;
        let count = messages.to_string();
        let meter = broker.server.meter(stage)?;
        let arguments = ["-C", "-c", &count, "-t", "load", "-b", &broker.address];
        let from = ["-p", "0", "-p", "1", "-o", "beginning"];
        let said = output(PROGRAM, arguments.into_iter().chain(from))?;
        let measured = meter.cost(Measurement::new("messages/s", rate(&said)?), messages)?;
        broker.end()?;
        Ok(vec![measured])
    }
}

/// What the program says last of its messages a second.
fn rate(said: &str) -> Result<f64, MeasureError> {
    let last = said.lines().rev().find_map(|line| line.split_once(" msgs/s"));
    let number = last.and_then(|(before, _)| before.split_whitespace().next_back());
    let number = number.ok_or("rdkafka_performance did not say how fast it was")?;
    Ok(number.parse()?)
}

const NAME: &str = "roundhouse-rdkafka";
/// See `.ci/rdkafka-performance`.
const PROGRAM: &str = "rdkafka_performance";
/// Messages for each second of the measurement: about what one producer sends.
const PRODUCED_A_SECOND: f64 = 200_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rate_counts() {
        let said = "% 1 messages produced (1 bytes), in 1001ms: 0 msgs/s and 0.00 MB/s\n\
                    % 5 messages produced (5 bytes), in 3132ms: 159635 msgs/s and 163.47 MB/s, no compression\n";
        assert!((rate(said).unwrap() - 159_635.0).abs() < f64::EPSILON);
        assert!(rate("nothing").is_err());
    }
}
