//! The suite of messages between threads: how long until an answer is there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join;
use roundhouse::{Engine, ShardHandle, ShardId, block_on};
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_runtime::mailbox::{SpscReceiver, SpscSender, spsc};

use crate::measurement::Measurement;
use crate::stage::{Stage, Watch};
use crate::subject::{Case, MeasureError, Subject, Suite};
use crate::{CEILING, ROUNDHOUSE};

/// Messages that one thread sends to another, which answers each.
#[derive(Debug, Clone, Copy)]
pub struct RoundTrips {
    /// The case's name.
    pub name: &'static str,
    /// What is done, in a sentence.
    pub about: &'static str,
    /// Messages on their way at once, at most [`MESSAGES_MAX`].
    pub outstanding: usize,
}

/// All such loads, in the order they run in each round.
pub const ROUND_TRIPS: &[RoundTrips] = &[
    RoundTrips {
        name: "shard-to-shard-1",
        about: "A message to another core and its answer, one at a time.",
        outstanding: 1,
    },
    RoundTrips {
        name: "shard-to-shard-64",
        about: "Messages to another core and their answers, 64 on their way.",
        outstanding: 64,
    },
];

/// Messages that a mailbox of these cases has room for.
pub const MESSAGES_MAX: usize = 64;

/// Messages from one shard to another and back, and from a host thread to a shard.
pub fn mailbox() -> Suite {
    let between = |load: &RoundTrips| {
        let ceiling: Box<dyn Subject> = Box::new(Word(*load));
        let subjects = vec![ceiling, Box::new(Shards(*load))];
        Case { name: load.name, about: load.about, subjects }
    };
    let mut cases: Vec<Case> = ROUND_TRIPS.iter().map(between).collect();
    cases.push(Case {
        name: "host-to-shard-1",
        about: "A program that a host thread starts on a shard and waits for, one at a time.",
        subjects: vec![Box::new(Host)],
    });
    Suite { name: "mailbox", about: "Messages between threads and their answers.", cases }
}

/// Two threads that watch a word in memory each: what the caches of the machine take.
struct Word(RoundTrips);

impl Subject for Word {
    fn name(&self) -> &'static str {
        CEILING
    }

    fn about(&self) -> String {
        "two threads that do nothing but watch a shared counter each".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let (sent, answered) = (AtomicU64::new(0), AtomicU64::new(0));
        let watch = stage.watch();
        let trips = std::thread::scope(|scope| {
            scope.spawn(|| answer(&sent, &answered));
            let mut trips = 0;
            while watch.elapsed() < stage.duration {
                trips += self.0.outstanding as u64;
                sent.store(trips, Ordering::Release);
                while answered.load(Ordering::Acquire) < trips {
                    std::hint::spin_loop();
                }
            }
            sent.store(u64::MAX, Ordering::Release);
            trips
        });
        Ok(vec![Measurement::rate("round trips/s", trips, &watch.spent())])
    }
}

/// Answers everything up to the end, which is `u64::MAX`.
fn answer(sent: &AtomicU64, answered: &AtomicU64) {
    loop {
        let upto = sent.load(Ordering::Acquire);
        answered.store(upto, Ordering::Release);
        if upto == u64::MAX {
            return;
        }
        std::hint::spin_loop();
    }
}

/// Two shards and the mailboxes between them.
struct Shards(RoundTrips);

impl Subject for Shards {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "two shards, defaults; SPSC mailboxes of the runtime between tasks on them".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let engine = open(stage, "2")?;
        let parking = |shard: ShardHandle| async move { shard.runtime().parking() };
        let parkings = block_on(engine.spawn_on_each_shard(parking))?;
        let (to_one, at_one) = spsc(MESSAGES_MAX, parkings[1].clone());
        let (to_zero, at_zero) = spsc(MESSAGES_MAX, parkings[0].clone());
        let (outstanding, duration) = (self.0.outstanding, stage.duration);
        let watch = stage.watch();
        let ask = engine.spawn_on(ShardId(0), move |shard| async move {
            ask(&shard, to_one, at_zero, outstanding, duration).await
        });
        let echo = engine.spawn_on(ShardId(1), move |shard| async move {
            echo(&shard, at_one, to_zero).await;
        });
        let (latency, ()) = block_on(try_join(ask, echo))?;
        let latency = latency.ok_or("the other shard is gone")?;
        let measured = Measurement::rate("round trips/s", latency.count(), &watch.spent());
        block_on(engine.close())?;
        Ok(vec![measured.latency(&latency)])
    }
}

/// Sends the time it is, again and again, and measures when it comes back.
async fn ask(
    shard: &ShardHandle,
    mut to: SpscSender<Duration>,
    mut from: SpscReceiver<Duration>,
    outstanding: usize,
    duration: Duration,
) -> Option<LatencyHistogram> {
    let clock = shard.runtime();
    let start = clock.now();
    let mut latency = LatencyHistogram::new();
    for _ in 0..outstanding {
        to.send(clock.now().since(start)).await.ok()?;
    }
    let mut on_their_way = outstanding;
    while on_their_way > 0 {
        let now = clock.now().since(start);
        on_their_way -= from.drain(MESSAGES_MAX, |sent| latency.record(now.saturating_sub(sent)));
        while now < duration && on_their_way < outstanding {
            to.try_send(now).ok()?;
            on_their_way += 1;
        }
        to.publish();
        if on_their_way > 0 {
            clock.notified().await;
        }
    }
    Some(latency)
}

/// Sends back what comes, until nothing comes any more.
async fn echo(shard: &ShardHandle, mut from: SpscReceiver<Duration>, mut to: SpscSender<Duration>) {
    while !from.is_closed() {
        from.drain(MESSAGES_MAX, |message| {
            // There is room for all that can be on their way; nobody waits when the other is gone.
            to.try_send(message).ok();
        });
        to.publish();
        shard.runtime().notified().await;
    }
}

/// A thread outside the engine.
struct Host;

impl Subject for Host {
    fn name(&self) -> &'static str {
        ROUNDHOUSE
    }

    fn about(&self) -> String {
        "one shard, defaults; Engine::spawn_on with block_on".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let engine = open(stage, "1")?;
        let watch = stage.watch();
        let latency = call_again_and_again(&engine, &watch, stage.duration)?;
        let measured = Measurement::rate("round trips/s", latency.count(), &watch.spent());
        block_on(engine.close())?;
        Ok(vec![measured.latency(&latency)])
    }
}

fn call_again_and_again(
    engine: &Engine,
    watch: &Watch<'_>,
    duration: Duration,
) -> Result<LatencyHistogram, MeasureError> {
    let mut latency = LatencyHistogram::new();
    let mut now = watch.elapsed();
    while now < duration {
        block_on(engine.spawn_on(ShardId(0), |_| std::future::ready(())))?;
        let after = watch.elapsed();
        latency.record(after.saturating_sub(now));
        now = after;
    }
    Ok(latency)
}

fn open(stage: &Stage, shards: &str) -> Result<Engine, MeasureError> {
    let path = stage.path(&format!("mailbox-{shards}"));
    Ok(block_on(Engine::builder(path).option("shards", shards)?.open())?)
}
