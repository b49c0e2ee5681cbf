//! Shards on the program's own thread, which sleeps in `poll` between their turns.

use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use roundhouse::{Durability, Engine, Error, HostShard, Offset, ShardHandle, ShardId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::scratch::{Scratch, numbers, texts};

#[test]
fn one_thread_turns_two_shards_and_runs_the_program_too() {
    let scratch = Scratch::new();
    let (mut host, engine) = Host::open(&scratch, 2);
    host.run(async {
        let log = engine.log("a").on_shard(ShardId(1)).create().await.unwrap();
        for text in numbers(200) {
            log.append(text).await.unwrap();
        }
        assert_eq!(texts(&log).await, numbers(200));
        engine.close().await.unwrap();
    });
    assert!(host.shards.iter_mut().all(|shard| shard.turn(8).unwrap().is_closed));
    drop(host);
    let (mut host, engine) = Host::open(&scratch, 2);
    host.run(async {
        assert_eq!(texts(&engine.log("a").open().await.unwrap()).await, numbers(200));
        engine.close().await.unwrap();
    });
}

#[test]
fn the_host_wakes_up_for_the_deadlines_it_was_told() {
    let scratch = Scratch::new();
    let (mut host, engine) = Host::open(&scratch, 1);
    let pause = Duration::from_millis(30);
    let start = Instant::now();
    host.run(async {
        let sleep = async move |shard: ShardHandle| shard.runtime().sleep(pause).await;
        engine.spawn_on(ShardId(0), sleep).await.unwrap();
        assert!(start.elapsed() >= pause, "{:?}", start.elapsed());
        // Nobody asks for this sync but the log's own deadline.
        let log = engine.log("a").durability(Durability::Interval(pause)).create().await.unwrap();
        let wait = async move |shard: ShardHandle| {
            let local = shard.local(&log).expect("there is only one shard");
            let appended = local.try_append(&[b"x"[..].into()]).expect("there is room");
            local.wait_durable(appended.ticket).await.map(|()| appended.first)
        };
        assert_eq!(engine.spawn_on(ShardId(0), wait).await.unwrap(), Ok(Offset(0)));
        engine.close().await.unwrap();
    });
}

#[test]
fn an_idle_shard_does_not_wake_its_host() {
    let scratch = Scratch::new();
    let (mut host, engine) = Host::open(&scratch, 2);
    let log = host.run(engine.log("a").create()).unwrap();
    host.run(log.append("x")).unwrap();
    // Whatever was left to do (an anchor, a slot to prepare) is done first, and takes a few rounds.
    let becomes_quiet = (0..100).any(|_| match host.turn() {
        Rest::Not => false,
        Rest::AtMost(limit) => {
            host.sleep(Some(limit));
            false
        }
        Rest::UntilWoken => host.sleep(Some(Duration::from_millis(200))) == 0,
    });
    assert!(becomes_quiet, "something goes on all the time");
    // Appending from outside the turns is something.
    let append = log.append("y");
    assert!(host.sleep(Some(Duration::from_secs(5))) > 0);
    assert_eq!(host.run(append), Ok(Offset(1)));
    host.run(engine.close()).unwrap();
}

#[test]
fn seeds_that_are_never_started_end_the_opening() {
    let scratch = Scratch::new();
    let (opening, seeds) = scratch.builder(2).seeds().unwrap();
    drop(seeds);
    assert!(matches!(roundhouse::block_on(opening), Err(Error::Closed)));
    assert!(!scratch.path().exists());
}

/// A program with one thread for everything.
struct Host {
    shards: Vec<HostShard>,
    descriptors: Vec<OwnedFd>,
}

/// How long the host may sleep.
#[derive(Debug, PartialEq, Eq)]
enum Rest {
    Not,
    AtMost(Duration),
    UntilWoken,
}

impl Host {
    fn open(scratch: &Scratch, shards: u16) -> (Host, Engine) {
        let (opening, seeds) = scratch.builder(shards).seeds().unwrap();
        let shards: Vec<_> = seeds.into_iter().map(|seed| seed.start().unwrap()).collect();
        let descriptor = |shard: &HostShard| shard.fd(|fd| fd.try_clone_to_owned().unwrap());
        let descriptors = shards.iter().map(descriptor).collect();
        let mut host = Host { shards, descriptors };
        let engine = host.run(opening).unwrap();
        (host, engine)
    }

    /// Runs a future of the program between the turns of the shards.
    fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        loop {
            if woken.0.swap(false, Ordering::SeqCst)
                && let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return output;
            }
            let rest = self.turn();
            if woken.0.load(Ordering::SeqCst) {
                continue;
            }
            match rest {
                Rest::Not => {}
                Rest::AtMost(limit) => {
                    self.sleep(Some(limit));
                }
                Rest::UntilWoken => assert!(self.sleep(None) > 0, "only a descriptor ends this"),
            }
        }
    }

    /// Turns every shard.
    fn turn(&mut self) -> Rest {
        let turns: Vec<_> = self.shards.iter_mut().map(|shard| shard.turn(64).unwrap()).collect();
        if turns.iter().any(|turn| turn.has_work) {
            return Rest::Not;
        }
        let earliest = turns.iter().filter_map(|turn| turn.next_deadline).min();
        earliest.map_or(Rest::UntilWoken, Rest::AtMost)
    }

    /// Sleeps until a shard wants a turn or the time is over; says how many want one.
    fn sleep(&self, limit: Option<Duration>) -> usize {
        let watch = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut watched: Vec<_> = self.descriptors.iter().map(|fd| watch(fd.as_fd())).collect();
        let limit = limit.map(|limit| Timespec::try_from(limit).unwrap());
        poll(&mut watched, limit.as_ref()).unwrap()
    }
}

/// Whether the program's own future wants to be polled.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
