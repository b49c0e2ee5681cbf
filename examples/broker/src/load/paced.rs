//! How long a message takes from its producer to a waiting consumer, at a rate that does not yield.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::link::{Link, wait};
use super::requests::{LoadTopic, check_produced, each_fetched, fetch, produce as request};
use super::stopwatch::{Stopwatch, latencies, note};
use super::{LoadError, batch};

/// Messages that are due at a rate, whatever became of those before.
#[derive(Debug, Clone)]
pub struct PacedLoad {
    /// Where to, and where they are waited for. Requests take its partitions in turn.
    pub topic: LoadTopic,
    /// Messages a second.
    pub rate: u64,
    /// What is due is sent this often, as one request.
    pub interval: Duration,
    /// Bytes of a message's value, at least 8.
    pub value_bytes: usize,
    /// How long messages are produced.
    pub duration: Duration,
}

/// What came of it. Times are from when a message was due, not from when it was sent, so that a stall
/// counts for all it delays.
#[derive(Debug)]
pub struct Paced {
    /// Messages delivered: all.
    pub messages: u64,
    /// To the answer to their producer, ns.
    pub acknowledged: Histogram<u64>,
    /// To the consumer, ns.
    pub delivered: Histogram<u64>,
}

/// Produces at the rate over one connection, and consumes over another.
///
/// # Errors
/// See [`LoadError`].
pub fn paced(load: &PacedLoad) -> Result<Paced, LoadError> {
    let address = load.topic.address;
    let producer = Link::connect(address, RESPONSE_BYTES)?;
    let mut consumer = Link::connect(address, FETCH_BYTES)?;
    let mut offsets: Vec<_> = (0..load.topic.partitions).map(|index| (index, 0)).collect();
    // Answered before anything is due, and then waiting.
    consumer.call(fetch(&load.topic, &offsets, FETCH_BYTES, Duration::ZERO))?;
    let mut links = [producer, consumer];
    links[1].send([fetch(&load.topic, &offsets, FETCH_BYTES, FETCH_WAIT)]);
    links[1].flush()?;
    let messages = (load.duration.as_secs_f64() * load.rate as f64) as u64;
    let mut pace = Pace::new(load, messages);
    let mut paced = Paced { messages: 0, acknowledged: latencies(), delivered: latencies() };
    let last = load.duration + PATIENCE;
    // A message can be delivered before its producer hears that it is durable.
    while paced.messages < messages || !pace.unanswered.is_empty() {
        let time = pace.clock.elapsed();
        if time > last {
            return Err(LoadError::Silent);
        }
        pace.send_due(&mut links[0])?;
        let ready = wait(&links, pace.until_due())?;
        if ready[0].can_read {
            links[0].fill()?;
            while let Some(response) = links[0].response() {
                check_produced(response)?;
                pace.acknowledge(&mut paced.acknowledged)?;
            }
        }
        if ready[1].can_read {
            links[1].fill()?;
            if let Some(response) = links[1].response() {
                paced.take(response, &mut offsets, &pace.clock)?;
                links[1].send([fetch(&load.topic, &offsets, FETCH_BYTES, FETCH_WAIT)]);
            }
        }
        links[1].flush()?;
    }
    Ok(paced)
}

impl Paced {
    fn take(
        &mut self,
        response: &[u8],
        offsets: &mut [(i32, u64)],
        clock: &Stopwatch,
    ) -> Result<(), LoadError> {
        let now = clock.nanos();
        each_fetched(response, |partition, batches| {
            let next = batch::each_batch(batches, |_, _, records| {
                batch::each_stamp(records, |due| {
                    self.messages += 1;
                    note(&mut self.delivered, now.saturating_sub(due));
                });
            })?;
            if let (Some(next), Some(at)) = (next, offsets.get_mut(partition as usize)) {
                at.1 = next;
            }
            Ok(())
        })
    }
}

/// What is due when.
struct Pace<'a> {
    load: &'a PacedLoad,
    clock: Stopwatch,
    messages: u64,
    sent: u64,
    requests: u64,
    /// Of each request that is not answered, the first message and the one after its last.
    unanswered: std::collections::VecDeque<(u64, u64)>,
}

impl Pace<'_> {
    fn new(load: &PacedLoad, messages: u64) -> Pace<'_> {
        let unanswered = std::collections::VecDeque::new();
        Pace { load, clock: Stopwatch::start(), messages, sent: 0, requests: 0, unanswered }
    }

    /// When a message is due, in ns since the beginning.
    fn due(&self, message: u64) -> u64 {
        (u128::from(message) * 1_000_000_000 / u128::from(self.load.rate)) as u64
    }

    /// Sends what is due, if it is time to.
    fn send_due(&mut self, link: &mut Link) -> Result<(), LoadError> {
        let now = self.clock.nanos();
        let is_time = now >= self.next_send();
        if is_time && self.sent < self.messages {
            let due = u128::from(now) * u128::from(self.load.rate) / 1_000_000_000;
            let upto = (due as u64 + 1).min(self.messages);
            let first = self.sent;
            let count = (upto - first) as usize;
            let batch =
                batch::encode(count, self.load.value_bytes, |at| self.due(first + at as u64));
            let partition = (self.requests % self.load.topic.partitions as u64) as i32;
            link.send([request(&self.load.topic, partition, batch.len()), batch]);
            self.unanswered.push_back((first, upto));
            self.requests += 1;
            self.sent = upto;
        }
        Ok(link.flush()?)
    }

    /// When to send next: when the next message was due for as long as messages may gather.
    fn next_send(&self) -> u64 {
        self.due(self.sent) + self.load.interval.as_nanos() as u64
    }

    fn until_due(&self) -> Duration {
        if self.sent == self.messages {
            return FETCH_WAIT;
        }
        Duration::from_nanos(self.next_send().saturating_sub(self.clock.nanos()))
    }

    fn acknowledge(&mut self, latencies: &mut Histogram<u64>) -> Result<(), LoadError> {
        let answered = self.unanswered.pop_front();
        let (first, upto) = answered.ok_or(LoadError::Answer("it was not asked for"))?;
        let now = self.clock.nanos();
        (first..upto).for_each(|message| note(latencies, now.saturating_sub(self.due(message))));
        Ok(())
    }
}

/// Room for responses to the producer.
const RESPONSE_BYTES: usize = 16 * 1024;
/// Bytes of one response to the consumer.
const FETCH_BYTES: usize = 4 << 20;
/// How long the broker waits for something to send.
const FETCH_WAIT: Duration = Duration::from_millis(500);
/// How long the last messages may take.
const PATIENCE: Duration = Duration::from_mins(2);
