//! Engines on threads of the program's: it turns each shard itself.

use std::cell::RefCell;
use std::ffi::{c_char, c_int};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use roundhouse::{HostShard, HostTurn, ShardSeed};

use super::{EngineObject, builder, rh_engine};
use crate::diagnostics::Diagnostics;
use crate::entry::{Out, enter, enter_counting, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::options::{rh_options, settings_of};
use crate::queue::{Once, RH_OP_OPEN, Success, rh_queue};
use crate::status::{RH_E_BUSY, RH_E_SIZE, RH_E_UNSUPPORTED, rh_status};

/// A shard that the program turns.
pub struct rh_shard;

impl Handle for rh_shard {
    type Object = ShardObject;
    const KIND: Kind = Kind::Shard;
}

/// What is left to do after a turn.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_turn {
    /// Nanoseconds from now until the shard must be turned even if nothing happens; `RH_FOREVER` for never.
    pub next_deadline_ns: u64,
    /// Not 0 if there is more to do at once.
    pub has_work: u32,
    /// Not 0 if the engine is closed: the shard may be freed.
    pub is_closed: u32,
}

/// A shard behind its handle.
pub(crate) struct ShardObject {
    state: Mutex<State>,
    diagnostics: Diagnostics,
}

enum State {
    Seed(ShardSeed),
    Running(OnThread),
    /// It could not be started, or was freed.
    Ended,
}

/// A shard on the thread that started it, which alone may touch it.
struct OnThread {
    thread: ThreadId,
    shard: Option<RefCell<HostShard>>,
}

// SAFETY: the shard is reached through `get` and dropped by `drop` only, which look whether this is its
// thread; on any other it is left alone.
unsafe impl Send for OnThread {}

impl OnThread {
    fn get(&self) -> Result<&RefCell<HostShard>, Failure> {
        if self.thread != thread::current().id() {
            return Err(Failure::invalid(
                "the shard was started on another thread, which must turn it",
            ));
        }
        self.shard.as_ref().ok_or_else(not_running)
    }
}

impl Drop for OnThread {
    fn drop(&mut self) {
        if self.thread != thread::current().id() {
            // Its ring and tasks belong to a thread that may be using them; they end with the process.
            std::mem::forget(self.shard.take());
        }
    }
}

/// Opens the store in `directory` without threads of the library's: the program turns the shards, which are one
/// per processor unless the option `shards` says how many. It gets them in `shards`, an array of `cap`, and how
/// many in `count`. Each is started by `rh_shard_start` on the thread that is to turn it, then turned.
///
/// Completes as `RH_OP_OPEN`, while the shards are turned, with the `rh_engine` as `handle`, or with what
/// `rh_engine_open` fails with. Turn the shards until they are closed then too.
///
/// Errors: `RH_E_SIZE` if the array is too short (`detail` says for how many), `RH_E_OPTION`, `RH_E_FULL`,
/// `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_open_hosted(
    directory: *const c_char,
    options: *const rh_options,
    flags: u32,
    queue: *const rh_queue,
    user_data: u64,
    shards: *mut *mut rh_shard,
    cap: u32,
    count: *mut u32,
    error: *mut rh_error,
) -> rh_status {
    let open = || {
        let queue = handle::get(queue)?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let directory = unsafe { text(directory, "directory") }?;
        // SAFETY: out-parameters may be written; the header says so.
        let count = unsafe { Out::new(count, "count") }?;
        if shards.is_null() {
            return Err(Failure::null("shards"));
        }
        let settings = settings_of(options)?;
        let diagnostics = settings.diagnostics.clone();
        let latch = Latch::default();
        let builder = builder(directory, settings, flags)?.panic_flag(latch.flag());
        let (opening, seeds) = builder.seeds()?;
        let needed = seeds.len();
        if needed > cap as usize {
            let message = format!("the array takes {cap} shards, there are {needed}");
            return Err(Failure::new(RH_E_SIZE, message).detail(needed as u64));
        }
        let engine_latch = latch.clone();
        queue.submit(RH_OP_OPEN, user_data, || {
            Ok(Box::pin(async move {
                let object = EngineObject {
                    engine: opening.await?,
                    latch: engine_latch.clone(),
                    is_hosted: true,
                };
                Ok(Success::made(handle::insert::<rh_engine>(Arc::new(object), engine_latch)?))
            }) as Once)
        })?;
        for (at, seed) in seeds.into_iter().enumerate() {
            let state = Mutex::new(State::Seed(seed));
            let object = ShardObject { state, diagnostics: diagnostics.clone() };
            let shard = handle::insert::<rh_shard>(Arc::new(object), latch.clone())?;
            // SAFETY: the array takes `cap` shards, and `at` is below.
            unsafe { shards.add(at).write(shard) };
        }
        count.write(needed as u32);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(queue, error, open) }
}

/// Starts a shard on this thread, which alone may use it from now on.
///
/// Errors: `RH_E_UNSUPPORTED` if it cannot have a ring (the `RH_OP_OPEN` says why), `RH_E_INVALID` if it was started
/// before, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_shard_start(shard: *mut rh_shard, error: *mut rh_error) -> rh_status {
    let start = || {
        let object = handle::get(shard.cast_const())?;
        let mut state = object.lock()?;
        match std::mem::replace(&mut *state, State::Ended) {
            State::Seed(seed) => {
                let started = object.diagnostics.during(|| seed.start());
                let started = started.ok_or_else(|| {
                    let message =
                        "the shard cannot have a ring; the completion of opening says why";
                    Failure::new(RH_E_UNSUPPORTED, message)
                })?;
                let shard = Some(RefCell::new(started));
                *state = State::Running(OnThread { thread: thread::current().id(), shard });
                Ok(())
            }
            other => {
                *state = other;
                Err(Failure::invalid("the shard was started before"))
            }
        }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(shard, error, start) }
}

/// The descriptor to watch, by levels or edges, while the shard need not be turned; or an error, which is
/// negative. Do not read from it or close it.
///
/// Errors: `RH_E_INVALID` (also on another thread than the one that started it), `RH_E_CLOSED`, `RH_E_FORKED`,
/// `RH_E_PANIC`. The shard's thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_shard_fd(shard: *mut rh_shard, error: *mut rh_error) -> c_int {
    let fd = || {
        let object = handle::get(shard.cast_const())?;
        let state = object.lock()?;
        Ok(state.running()?.borrow().fd(|fd| fd.as_raw_fd()))
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter_counting(shard, error, fd) }
}

/// Does what there is to do, at most `budget` turns of the shard's loop, and never sleeps. If `out` says that it
/// has work, call again soon; otherwise sleep until the descriptor is readable or the deadline has passed. Call
/// it at least once before every sleep, and after operations were submitted on this thread.
///
/// Errors: `RH_E_IO` if the ring broke (free the shard), `RH_E_INVALID` (also on another thread, and for a budget of
/// 0), `RH_E_BUSY` from within a turn, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. The shard's thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_shard_turn(
    shard: *mut rh_shard,
    budget: u32,
    out: *mut rh_turn,
    error: *mut rh_error,
) -> rh_status {
    let turn = || {
        let object = handle::get(shard.cast_const())?;
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        if budget == 0 {
            return Err(Failure::invalid("budget is 0; it is a number of turns"));
        }
        let state = object.lock()?;
        let mut shard = state.running()?.borrow_mut();
        let turned = object.diagnostics.during(|| shard.turn(budget as usize));
        out.write(rh_turn::new(turned?));
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(shard, error, turn) }
}

/// Ends a shard, which is no longer turned. NULL is fine.
///
/// Errors: `RH_E_BUSY` while the engine is open or opening: close it, and turn the shard until it is closed;
/// `RH_E_INVALID` (also on another thread), `RH_E_CLOSED`, `RH_E_FORKED`. The shard's thread, if it was started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_shard_free(shard: *mut rh_shard, error: *mut rh_error) -> rh_status {
    let free = || {
        if shard.is_null() {
            return Ok(());
        }
        // One that panicked or whose ring broke is never closed by turning.
        if let Ok(object) = handle::get(shard.cast_const()) {
            object.check_ended()?;
        }
        handle::remove(shard.cast_const()).map(drop)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(shard, error, free) }
}

impl ShardObject {
    /// Locks what no two threads use at once: finding it locked is a mistake of the program's.
    fn lock(&self) -> Result<MutexGuard<'_, State>, Failure> {
        match self.state.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Failure::new(
                RH_E_BUSY,
                "the shard is in use, by another call or within a turn",
            )),
        }
    }

    fn check_ended(&self) -> Result<(), Failure> {
        let state = self.lock()?;
        let State::Running(_) = &*state else { return Ok(()) };
        let mut shard = state.running()?.borrow_mut();
        match shard.turn(1) {
            Ok(turn) if !turn.is_closed => {
                let message = "the engine is open: close it, and turn the shard until it is closed";
                Err(Failure::new(RH_E_BUSY, message))
            }
            // The ring broke, or it is over.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

impl State {
    fn running(&self) -> Result<&RefCell<HostShard>, Failure> {
        match self {
            State::Running(on_thread) => on_thread.get(),
            State::Seed(_) => Err(Failure::invalid("the shard was not started")),
            State::Ended => Err(not_running()),
        }
    }
}

impl rh_turn {
    fn new(turn: HostTurn) -> rh_turn {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        rh_turn {
            next_deadline_ns: turn.next_deadline.map_or(u64::MAX, nanoseconds),
            has_work: turn.has_work.into(),
            is_closed: turn.is_closed.into(),
        }
    }
}

fn not_running() -> Failure {
    Failure::invalid("the shard could not be started")
}
