//! The loop of a shard on a real ring: when it turns, what wakes it, and what it leaves behind.

#![allow(clippy::disallowed_methods, reason = "a test waits to see that nothing happens")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use roundhouse_base::ShardId;
use roundhouse_runtime::mailbox::Parking;
use roundhouse_runtime::{
    DriveMode, Shard, ShardLoop, SpinOptions, TASK_POLLS_PER_TURN, TurnCounters, UringDriver,
    UringOptions, Wait, run_until, yield_now,
};

#[test]
fn a_loop_without_work_makes_no_turn_until_it_is_notified() {
    let running = Running::start(SpinOptions::Adaptive(Duration::from_micros(50)));
    let turns = || running.counters.turns.load();
    let becomes_quiet = (0..50).any(|_| {
        let before = turns();
        thread::sleep(Duration::from_millis(300));
        turns() == before
    });
    assert!(becomes_quiet, "it turns all the time");
    let asleep_at = turns();
    running.parking.notify();
    while turns() == asleep_at {
        thread::yield_now();
    }
    running.end();
}

#[test]
fn tasks_are_woken_from_other_threads_and_by_timers() {
    let mut shard_loop = shard_loop(SpinOptions::Never);
    let shard = shard_loop.shard();
    let (waiting, waker) = futures_util::future::abortable(std::future::pending::<()>());
    let start = shard.now();
    let pause = Duration::from_millis(20);
    let both = {
        let shard = shard.clone();
        async move {
            assert!(waiting.await.is_err(), "aborting is how it is woken");
            shard.sleep(pause).await;
        }
    };
    let waking = thread::spawn(move || waker.abort());
    run_to_end(&mut shard_loop, both);
    assert!(shard.now().since(start) >= pause);
    waking.join().unwrap();
}

#[test]
fn a_burst_of_tasks_does_not_keep_a_turn_for_itself() {
    let mut shard_loop = shard_loop(SpinOptions::Never);
    let shard = shard_loop.shard();
    let greedy = async || {
        loop {
            yield_now().await;
        }
    };
    let _greedy: Vec<_> = (0..10).map(|_| shard.spawn(greedy())).collect();
    let polls = Rc::new(RefCell::new(0_usize));
    let counting = {
        let polls = polls.clone();
        shard.spawn(async move {
            loop {
                *polls.borrow_mut() += 1;
                yield_now().await;
            }
        })
    };
    let turn = shard_loop.turn(Wait::Until(None)).expect("it does not sleep on work");
    assert!(turn.has_work);
    let fair_share = TASK_POLLS_PER_TURN / 11;
    assert!((fair_share..=fair_share + 1).contains(&*polls.borrow()), "{polls:?}");
    drop(counting);
}

/// Tasks that own the shard's handles, and one another's, must not keep the shard alive.
#[test]
fn the_end_of_a_loop_drops_every_task() {
    let shard_loop = shard_loop(SpinOptions::Never);
    let shard = shard_loop.shard();
    let witness = Rc::new(());
    for _ in 0..10 {
        let (held, shard_held) = (witness.clone(), shard.clone());
        let forever = async move {
            let inner = shard_held.spawn(std::future::pending::<()>());
            inner.await;
            drop(held);
        };
        shard.spawn(forever).detach();
    }
    drop(shard_loop);
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn the_shard_whose_turn_it_is_is_known_and_no_other() {
    let (mut outer, inner) = (shard_loop(SpinOptions::Never), shard_loop(SpinOptions::Never));
    assert!(Shard::current().is_none());
    let inner = RefCell::new(inner);
    inner.borrow().shard().set_extension(Some(Rc::new("inner")));
    outer.shard().set_extension(Some(Rc::new("outer")));
    let program = async move {
        let name = || Shard::current().and_then(|shard| shard.extension::<&str>());
        let seen = Rc::new(RefCell::new(None));
        let noted = seen.clone();
        inner.borrow().shard().spawn(async move { *noted.borrow_mut() = name() }).detach();
        inner.borrow_mut().turn(Wait::No).expect("a ring that was just made works");
        assert_eq!(seen.take().as_deref(), Some(&"inner"));
        assert_eq!(name().as_deref(), Some(&"outer"), "also after the turn within its turn");
    };
    run_to_end(&mut outer, program);
    assert!(Shard::current().is_none());
}

fn shard_loop(spin: SpinOptions) -> ShardLoop {
    let options = UringOptions { mode: DriveMode::Thread, ..UringOptions::default() };
    ShardLoop::new(ShardId(0), Box::new(UringDriver::new(&options).unwrap()), spin)
}

/// Runs a task, and tells the loop that it ended: it would sleep on.
fn run_to_end(shard_loop: &mut ShardLoop, program: impl Future<Output = ()> + 'static) {
    let is_done = Rc::new(Cell::new(false));
    let (done, parking) = (is_done.clone(), shard_loop.shard().parking());
    let task = shard_loop.shard().spawn(async move {
        program.await;
        done.set(true);
        parking.notify();
    });
    run_until(shard_loop, || is_done.get()).unwrap();
    assert!(task.is_finished());
}

/// A loop on a thread of its own.
struct Running {
    thread: JoinHandle<()>,
    parking: Arc<Parking>,
    counters: Arc<TurnCounters>,
    is_done: Arc<AtomicBool>,
}

impl Running {
    fn start(spin: SpinOptions) -> Running {
        let (sender, receiver): (_, Receiver<(Arc<Parking>, Arc<TurnCounters>)>) = channel();
        let is_done = Arc::new(AtomicBool::new(false));
        let done = is_done.clone();
        let thread = thread::spawn(move || {
            let mut shard_loop = shard_loop(spin);
            sender.send((shard_loop.shard().parking(), shard_loop.counters())).unwrap();
            run_until(&mut shard_loop, || done.load(Ordering::Acquire)).unwrap();
        });
        let (parking, counters) = receiver.recv().unwrap();
        Running { thread, parking, counters, is_done }
    }

    fn end(self) {
        self.is_done.store(true, Ordering::Release);
        self.parking.notify();
        self.thread.join().unwrap();
    }
}
