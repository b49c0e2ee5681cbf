//! The loop of one shard: run tasks, submit what they asked for, take in what completed.

use std::cell::{Cell, RefCell};
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use roundhouse_base::{Monotonic, ShardId};

use crate::driver::{Driver, Wait};
use crate::executor::Executor;
use crate::mailbox::Parking;
use crate::op::{Completion, Errno};
use crate::reactor::Reactor;
use crate::shard::{Shard, ShardInner};
use crate::spin::{Spin, SpinOptions};
use crate::timers::Timers;
use crate::turn_counters::TurnCounters;

/// Drives one shard. Whoever owns it calls [`ShardLoop::turn`] again and again: a thread of the
/// engine's, the host program, or the simulator.
///
/// Dropping it drops every task of the shard and waits until the driver let go of all buffers.
pub struct ShardLoop {
    inner: Rc<ShardInner>,
    completions: Vec<Completion>,
    spin: Spin,
    counters: Arc<TurnCounters>,
    /// When the turn began whose time is not counted yet.
    turn_began: Option<Monotonic>,
}

/// What is left to do after a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// A task can run at once: turn again without waiting.
    pub has_work: bool,
    /// The earliest timer: turn again at this time even if nothing else happens.
    pub next_deadline: Option<Monotonic>,
}

impl ShardLoop {
    /// A shard on `driver`.
    pub fn new(id: ShardId, driver: Box<dyn Driver>, spin: SpinOptions) -> ShardLoop {
        let parking = Arc::new(Parking::new(driver.unparker()));
        let inner = ShardInner {
            id,
            executor: Executor::new(parking.clone()),
            reactor: RefCell::new(Reactor::default()),
            timers: RefCell::new(Timers::default()),
            turn_wall: Cell::new(driver.wall()),
            turn_now: Cell::new(driver.now()),
            notified: RefCell::default(),
            extension: RefCell::default(),
            driver: RefCell::new(driver),
            parking,
            dormitory: Arc::default(),
        };
        let inner = Rc::new(inner);
        inner.executor.set_shard(&inner);
        ShardLoop {
            inner,
            completions: Vec::new(),
            spin: Spin::new(spin),
            counters: Arc::default(),
            turn_began: None,
        }
    }

    /// The handle for code on this shard.
    pub fn shard(&self) -> Shard {
        Shard { inner: self.inner.clone() }
    }

    /// What the loop counts about itself; readable from any thread.
    pub fn counters(&self) -> Arc<TurnCounters> {
        self.counters.clone()
    }

    /// In host-driven mode, the descriptor to watch; see [`ShardLoop::turn_and_park`]. Nothing else
    /// may read from it.
    pub fn with_event_fd<R>(&self, f: impl FnOnce(Option<BorrowedFd<'_>>) -> R) -> R {
        f(self.inner.driver.borrow().event_fd())
    }

    /// One turn: fires due timers, polls at most [`TASK_POLLS_PER_TURN`] tasks, submits what they
    /// asked for in one system call and takes in what has completed. If nothing is left to do and
    /// `wait` allows it, that same call sleeps until something happens.
    ///
    /// # Errors
    /// Only when the driver is broken; the loop must then be dropped.
    pub fn turn(&mut self, wait: Wait) -> Result<Turn, Errno> {
        self.look_at_notification();
        self.fire_timers();
        let has_work = self.inner.executor.run(TASK_POLLS_PER_TURN);
        self.counters.turns.add(1);
        self.reap(if has_work { Wait::No } else { wait })?;
        self.dispatch();
        Ok(Turn {
            has_work: self.inner.executor.has_work() || self.inner.parking.is_notified(),
            next_deadline: self.inner.timers.borrow().next_deadline(),
        })
    }

    /// For a host that drives the shard: turns until nothing is left to do, at most `turns_max`
    /// times, without sleeping.
    ///
    /// If `has_work` is true in what it returns, call it again soon. Otherwise sleep until the
    /// descriptor is readable or the deadline has come, then call it again. It must have been
    /// called once before every sleep: only then does everything that happens from now on make the
    /// descriptor readable.
    ///
    /// # Errors
    /// Only when the driver is broken; the loop must then be dropped.
    pub fn turn_and_park(&mut self, turns_max: usize) -> Result<Turn, Errno> {
        let mut turn = Turn { has_work: true, next_deadline: None };
        for _ in 0..turns_max {
            turn = self.turn(Wait::No)?;
            if !turn.has_work {
                break;
            }
        }
        if !turn.has_work && !self.inner.parking.prepare_park() {
            self.inner.wake_notified();
            turn.has_work = true;
        }
        Ok(turn)
    }

    /// Wakes those who look into the queues that other threads fill, if there was a notification.
    fn look_at_notification(&self) {
        if self.inner.parking.unparked() {
            self.inner.wake_notified();
        }
    }

    fn fire_timers(&mut self) {
        let (now, wall) = {
            let driver = self.inner.driver.borrow();
            (driver.now(), driver.wall())
        };
        self.inner.turn_wall.set(wall);
        self.inner.turn_now.set(now);
        self.end_turn(now);
        self.turn_began = Some(now);
        loop {
            let due = self.inner.timers.borrow_mut().pop_due(now);
            let Some(waker) = due else { return };
            self.inner.executor.enter(|| waker.wake());
        }
    }

    /// Counts the time of the turn that ends now, by readings of the clock that are made anyway.
    fn end_turn(&mut self, now: Monotonic) {
        if let Some(began) = self.turn_began.take() {
            self.counters.times.record(now.since(began));
        }
    }

    /// Submits and reaps, and sleeps if `wait` allows and no wake-up came in between.
    fn reap(&mut self, wait: Wait) -> Result<(), Errno> {
        let Wait::Until(limit) = wait else { return self.reap_now() };
        let deadline = earliest(limit, self.inner.timers.borrow().next_deadline());
        if self.spin.is_worthwhile() {
            // What the tasks asked for must be on its way before spinning for its outcome.
            self.reap_now()?;
            if !self.completions.is_empty() || self.spin_until_ready(deadline) {
                return self.reap_now();
            }
        }
        if !self.inner.parking.prepare_park() {
            self.inner.wake_notified();
            return self.reap_now();
        }
        let mut driver = self.inner.driver.borrow_mut();
        let asleep_since = driver.now();
        if let Some(began) = self.turn_began.take() {
            self.counters.times.record(asleep_since.since(began));
        }
        let result = driver.reap(&mut self.completions, Wait::Until(deadline));
        let slept = driver.now().since(asleep_since);
        drop(driver);
        self.look_at_notification();
        self.counters.sleeps.add(1);
        self.spin.slept(slept);
        result
    }

    fn reap_now(&mut self) -> Result<(), Errno> {
        self.inner.driver.borrow_mut().reap(&mut self.completions, Wait::No)
    }

    /// Spins until there is something to do or the budget is spent; says which.
    fn spin_until_ready(&mut self, deadline: Option<Monotonic>) -> bool {
        let driver = self.inner.driver.borrow();
        let start = driver.now();
        if let Some(began) = self.turn_began.take() {
            self.counters.times.record(start.since(began));
        }
        let end = earliest(deadline, Some(start + self.spin.budget()));
        loop {
            for _ in 0..SPIN_LOOKS_PER_CLOCK_READING {
                if driver.is_ready() || self.inner.parking.is_notified() {
                    self.counters.spins_paid.add(1);
                    self.spin.slept(driver.now().since(start));
                    return true;
                }
                std::hint::spin_loop();
            }
            if end.is_some_and(|end| driver.now() >= end) {
                self.counters.spins_wasted.add(1);
                return false;
            }
        }
    }

    fn dispatch(&mut self) {
        self.counters.completions.add(self.completions.len() as u64);
        for completion in self.completions.drain(..) {
            let follow_up = self.inner.reactor.borrow_mut().complete(completion);
            if let Some(waker) = follow_up.waker {
                self.inner.executor.enter(|| waker.wake());
            }
            if let Some(id) = follow_up.cancel {
                self.inner.driver.borrow_mut().cancel(id);
            }
            self.inner.discard(follow_up.discard.as_ref());
        }
    }
}

impl Drop for ShardLoop {
    fn drop(&mut self) {
        self.inner.executor.clear();
        self.inner.extension.replace(None);
    }
}

impl std::fmt::Debug for ShardLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShardLoop({})", self.inner.id)
    }
}

/// Runs the loop on this thread until `is_done` says so, sleeping when there is nothing to do.
/// Whatever makes that true must also call [`Parking::notify`], lest the shard sleep on.
///
/// # Errors
/// Only when the driver is broken.
pub fn run_until(shard_loop: &mut ShardLoop, is_done: impl Fn() -> bool) -> Result<(), Errno> {
    while !is_done() {
        shard_loop.turn(Wait::Until(None))?;
    }
    Ok(())
}

fn earliest(a: Option<Monotonic>, b: Option<Monotonic>) -> Option<Monotonic> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Tasks polled in one turn before completions are looked at again: enough to make the system call
/// cheap, few enough that no burst of tasks starves the ring.
pub const TASK_POLLS_PER_TURN: usize = 1024;

/// Looks at shared memory between two readings of the clock while spinning.
const SPIN_LOOKS_PER_CLOCK_READING: u32 = 16;

/// Longest spin that can ever be asked for.
pub const SPIN_MAX: Duration = Duration::from_millis(1);
