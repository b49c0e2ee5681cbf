//! What a client does, whoever carries it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_measure::MeasureError;

use super::load::{BULK_WRITE_BYTES, Load, MESSAGE_BYTES, Shape};

/// A connection as a client needs it.
pub(super) trait Client {
    type Sending;
    type Receiving;

    async fn open(&self) -> Result<(Self::Sending, Self::Receiving), MeasureError>;
    async fn write(sending: &mut Self::Sending, data: &[u8]) -> Result<(), MeasureError>;
    fn finish(sending: &mut Self::Sending) -> Result<(), MeasureError>;
    /// Waits until everything has arrived.
    async fn finished(sending: &mut Self::Sending) -> Result<(), MeasureError>;
    /// What comes next; `None` at the end.
    async fn read(receiving: &mut Self::Receiving) -> Result<Option<Bytes>, MeasureError>;
}

/// What came of a load.
#[derive(Default)]
pub(super) struct Done {
    pub(super) operations: u64,
    pub(super) bytes: u64,
    pub(super) latency: LatencyHistogram,
}

/// Puts the load on all connections for `duration`.
pub(super) async fn run<C: Client>(
    connections: &[C],
    load: Load,
    duration: Duration,
) -> Result<Done, MeasureError> {
    let score = Score::new(duration);
    match load.shape {
        Shape::Messages => {
            let all = connections.iter().map(|connection| messages(connection, load, &score));
            try_join_all(all).await?;
        }
        Shape::Calls => {
            let callers = connections
                .iter()
                .flat_map(|connection| (0..load.outstanding).map(|_| calls(connection, &score)));
            try_join_all(callers).await?;
        }
        Shape::Bulk => {
            try_join_all(connections.iter().map(|connection| bulk(connection, &score))).await?;
        }
    }
    Ok(score.done.into_inner())
}

/// The time that is left, and what was done so far.
struct Score {
    start: Instant,
    duration: Duration,
    done: std::cell::RefCell<Done>,
}

impl Score {
    fn new(duration: Duration) -> Score {
        Score { start: now(), duration, done: std::cell::RefCell::default() }
    }

    fn has_time(&self, now: Instant) -> bool {
        now - self.start < self.duration
    }

    fn answered(&self, latency: Duration) {
        let mut done = self.done.borrow_mut();
        done.operations += 1;
        done.bytes += MESSAGE_BYTES as u64;
        done.latency.record(latency);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement takes the time as its subjects' users do"
)]
fn now() -> Instant {
    Instant::now()
}

async fn messages<C: Client>(
    connection: &C,
    load: Load,
    score: &Score,
) -> Result<(), MeasureError> {
    let (mut sending, mut receiving) = connection.open().await?;
    let data = vec![7; load.outstanding * MESSAGE_BYTES];
    let mut on_their_way = VecDeque::from(vec![now(); load.outstanding]);
    C::write(&mut sending, &data).await?;
    let mut bytes = 0;
    while !on_their_way.is_empty() {
        let back = C::read(&mut receiving).await?.ok_or("the stream ended too early")?;
        bytes += back.len();
        let answered = bytes / MESSAGE_BYTES;
        bytes %= MESSAGE_BYTES;
        let now = now();
        for sent in on_their_way.drain(..answered) {
            score.answered(now - sent);
        }
        if score.has_time(now) {
            C::write(&mut sending, &data[..answered * MESSAGE_BYTES]).await?;
            on_their_way.extend(std::iter::repeat_n(now, answered));
        }
    }
    C::finish(&mut sending)
}

async fn calls<C: Client>(connection: &C, score: &Score) -> Result<(), MeasureError> {
    let mut sent = now();
    while score.has_time(sent) {
        let (mut sending, mut receiving) = connection.open().await?;
        C::write(&mut sending, &[7; MESSAGE_BYTES]).await?;
        C::finish(&mut sending)?;
        let mut bytes = 0;
        while let Some(back) = C::read(&mut receiving).await? {
            bytes += back.len();
        }
        if bytes != MESSAGE_BYTES {
            return Err(format!("{bytes} bytes came back").into());
        }
        let now = now();
        score.answered(now - sent);
        sent = now;
    }
    Ok(())
}

async fn bulk<C: Client>(connection: &C, score: &Score) -> Result<(), MeasureError> {
    let (mut sending, mut receiving) = connection.open().await?;
    let data = vec![7; BULK_WRITE_BYTES];
    while score.has_time(now()) {
        C::write(&mut sending, &data).await?;
        let mut done = score.done.borrow_mut();
        done.operations += 1;
        done.bytes += data.len() as u64;
    }
    C::finish(&mut sending)?;
    C::finished(&mut sending).await?;
    // The server reads it all and says nothing but that it did.
    while C::read(&mut receiving).await?.is_some() {}
    Ok(())
}
