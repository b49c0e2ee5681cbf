//! As many messages as are delivered.

use std::time::Duration;

use super::link::{Link, SILENCE, wait};
use super::requests::{LoadTopic, each_fetched, fetch};
use super::stopwatch::Stopwatch;
use super::{LoadError, batch};

/// Messages to consume, as fast as they come. Each partition belongs to one connection.
#[derive(Debug, Clone)]
pub struct ConsumeLoad {
    /// Where from.
    pub topic: LoadTopic,
    /// Connections, at least one; more than partitions are of no use.
    pub connections: usize,
    /// Bytes of one response, all its partitions together.
    pub fetch_bytes: usize,
    /// How many there are altogether, from each partition's offset 0 on.
    pub messages: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Consumed {
    /// Messages delivered, each in its place.
    pub messages: u64,
    /// Bytes of their batches.
    pub bytes: u64,
    /// From the first request to the last message.
    pub elapsed: Duration,
}

impl Consumed {
    /// Messages a second.
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64()
    }
}

/// Consumes, and checks each batch's checksum and place.
///
/// # Errors
/// See [`LoadError`].
pub fn consume(load: &ConsumeLoad) -> Result<Consumed, LoadError> {
    let mut links = Vec::new();
    let mut offsets: Vec<Vec<(i32, u64)>> = vec![Vec::new(); load.connections];
    for partition in 0..load.topic.partitions {
        offsets[partition as usize % load.connections].push((partition, 0));
    }
    offsets.retain(|wanted| !wanted.is_empty());
    let clock = Stopwatch::start();
    for wanted in &offsets {
        let mut link = Link::connect(load.topic.address, load.fetch_bytes + MARGIN_BYTES)?;
        link.send([fetch(&load.topic, wanted, load.fetch_bytes, FETCH_WAIT)]);
        link.flush()?;
        links.push(link);
    }
    let mut consumed = Consumed { messages: 0, bytes: 0, elapsed: Duration::ZERO };
    while consumed.messages < load.messages {
        let ready = wait(&links, SILENCE)?;
        for ((link, wanted), ready) in links.iter_mut().zip(&mut offsets).zip(ready) {
            if ready.can_read {
                link.fill()?;
                if let Some(response) = link.response() {
                    consumed.take(response, wanted)?;
                    link.send([fetch(&load.topic, wanted, load.fetch_bytes, FETCH_WAIT)]);
                }
            }
            link.flush()?;
        }
    }
    consumed.elapsed = clock.elapsed();
    Ok(consumed)
}

impl Consumed {
    /// Counts a response, and moves the offsets on.
    fn take(&mut self, response: &[u8], wanted: &mut [(i32, u64)]) -> Result<(), LoadError> {
        each_fetched(response, |partition, batches| {
            let at = wanted.iter_mut().find(|(index, _)| *index == partition);
            let (_, at) = at.ok_or(LoadError::Answer("a partition nobody asked for"))?;
            let mut is_in_place = true;
            let next = batch::each_batch(batches, |info, base, _| {
                is_in_place &= base == *at;
                *at = base + u64::from(info.count);
                self.messages += u64::from(info.count);
            })?;
            if !is_in_place {
                return Err(LoadError::Answer("a batch is not where it should be"));
            }
            if next.is_some() {
                self.bytes += batches.len() as u64;
            }
            Ok(())
        })
    }
}

/// How long the broker waits for something to send.
const FETCH_WAIT: Duration = Duration::from_millis(500);
/// What a response may have besides `fetch_bytes`: one batch is always sent, however long.
const MARGIN_BYTES: usize = 2 << 20;
