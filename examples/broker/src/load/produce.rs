//! As many messages as are acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use hdrhistogram::Histogram;

use super::link::{Link, SILENCE, wait};
use super::requests::{LoadTopic, check_produced, produce as request};
use super::stopwatch::{Stopwatch, latencies, note};
use super::{LoadError, batch};

/// Messages to produce with acks=all, as fast as they are acknowledged.
#[derive(Debug, Clone)]
pub struct ProduceLoad {
    /// Where to. Connections take its partitions in turn.
    pub topic: LoadTopic,
    /// Connections, at least one.
    pub connections: usize,
    /// Requests of each that wait for their answer, at least one.
    pub in_flight: usize,
    /// Messages of one request, at least one.
    pub batch_records: usize,
    /// Bytes of a message's value, at least 8.
    pub value_bytes: usize,
    /// How many there are altogether, rounded up to whole requests.
    pub messages: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Produced {
    /// Messages acknowledged.
    pub messages: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// From sending a request to its answer, ns.
    pub latencies: Histogram<u64>,
}

impl Produced {
    /// Messages a second.
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64()
    }
}

/// Produces.
///
/// # Errors
/// See [`LoadError`]; an error that the broker answers ends it.
pub fn produce(load: &ProduceLoad) -> Result<Produced, LoadError> {
    let batch = batch::encode(load.batch_records, load.value_bytes, |_| 0);
    let mut links = Vec::new();
    let mut producers = Vec::new();
    for number in 0..load.connections {
        links.push(Link::connect(load.topic.address, RESPONSE_BYTES)?);
        let partition = (number % load.topic.partitions as usize) as i32;
        let head = request(&load.topic, partition, batch.len());
        producers.push(Producer { head, sent_at: VecDeque::new() });
    }
    let mut produced = Produced { messages: 0, elapsed: Duration::ZERO, latencies: latencies() };
    let mut left = load.messages.div_ceil(load.batch_records as u64);
    let clock = Stopwatch::start();
    for (link, producer) in links.iter_mut().zip(&mut producers) {
        producer.send(link, load, &batch, &mut left, &clock)?;
    }
    while producers.iter().any(|producer| !producer.sent_at.is_empty()) {
        let ready = wait(&links, SILENCE)?;
        for ((link, producer), ready) in links.iter_mut().zip(&mut producers).zip(ready) {
            if ready.can_read {
                link.fill()?;
                while let Some(response) = link.response() {
                    check_produced(response)?;
                    let sent_at = producer.sent_at.pop_front();
                    let sent_at = sent_at.ok_or(LoadError::Answer("it was not asked for"))?;
                    note(&mut produced.latencies, clock.nanos() - sent_at);
                    produced.messages += load.batch_records as u64;
                }
            }
            if ready.can_read || ready.can_write {
                producer.send(link, load, &batch, &mut left, &clock)?;
            }
        }
    }
    produced.elapsed = clock.elapsed();
    Ok(produced)
}

/// One connection's part.
struct Producer {
    head: Bytes,
    /// When each request that is not answered was sent.
    sent_at: VecDeque<u64>,
}

impl Producer {
    fn send(
        &mut self,
        link: &mut Link,
        load: &ProduceLoad,
        batch: &Bytes,
        left: &mut u64,
        clock: &Stopwatch,
    ) -> Result<(), LoadError> {
        while self.sent_at.len() < load.in_flight && *left > 0 {
            *left -= 1;
            self.sent_at.push_back(clock.nanos());
            link.send([self.head.clone(), batch.clone()]);
        }
        Ok(link.flush()?)
    }
}

/// Room for responses, which are short.
const RESPONSE_BYTES: usize = 16 * 1024;
