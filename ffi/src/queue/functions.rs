//! What C programs do with a queue.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use super::{Queue, rh_completion, rh_queue};
use crate::entry::{Out, enter, enter_counting};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Latch};
use crate::status::{RH_E_BUSY, RH_E_NOT_FOUND, RH_E_PANIC, RH_OK, rh_status};

/// Operations that a queue can be deep at most.
pub const RH_QUEUE_DEPTH_MAX: u32 = 1 << 20;

/// No limit on the time to wait.
pub const RH_FOREVER: u64 = u64::MAX;

/// Makes a completion queue. It belongs to no engine: any number of them may complete into it, and it may
/// outlive them.
///
/// `depth` is how many operations it takes, from 1 to `RH_QUEUE_DEPTH_MAX`: those that were accepted and
/// whose last completion was not taken yet. Beyond it, submitting gives `RH_E_FULL`.
///
/// Errors: `RH_E_INVALID`, `RH_E_NOMEM`, `RH_E_IO` (no descriptor left). Ended by `rh_queue_close`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_queue_open(
    depth: u32,
    out: *mut *mut rh_queue,
    error: *mut rh_error,
) -> rh_status {
    let open = || {
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        if !(1..=RH_QUEUE_DEPTH_MAX).contains(&depth) {
            let message = format!("a queue has a depth of 1 to {RH_QUEUE_DEPTH_MAX}, not {depth}");
            return Err(Failure::invalid(message));
        }
        let queue = Arc::new(Queue::new(depth as usize)?);
        out.write(handle::insert::<rh_queue>(queue, Latch::default())?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_queue>(std::ptr::null(), error, open) }
}

/// Ends a queue, if nothing is in it. Never waits. NULL is fine.
///
/// Errors: `RH_E_BUSY` while operations are under way or completions were not taken: their memory is still
/// borrowed, so take them first; the queue goes on. `RH_E_INVALID`, `RH_E_CLOSED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_queue_close(queue: *mut rh_queue, error: *mut rh_error) -> rh_status {
    let close = || {
        if queue.is_null() {
            return Ok(());
        }
        match handle::get(queue.cast_const()) {
            Ok(found) => check_empty(&found)?,
            // Its operations, if any, never come to an end; they are left as they are, because their
            // memory is borrowed.
            Err(failure) if failure.status == RH_E_PANIC => {
                std::mem::forget(handle::remove(queue.cast_const())?);
                return Ok(());
            }
            Err(failure) => return Err(failure),
        }
        handle::remove(queue.cast_const()).map(drop)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(queue, error, close) }
}

fn check_empty(queue: &Queue) -> Result<(), Failure> {
    let in_flight = queue.lock().in_flight();
    if in_flight == 0 {
        return Ok(());
    }
    let message = format!("{in_flight} operations are in the queue: take their completions first");
    Err(Failure::new(RH_E_BUSY, message).detail(in_flight as u64))
}

/// The descriptor of a queue, to be watched by `poll`, `epoll` or the like; or an error, which is negative.
///
/// It is readable while there may be completions: a hint, so be ready to find none. Whoever waits for edges
/// instead of levels takes completions until there are none. Do not read from it or close it. Before this
/// is called for the first time, nothing is spent on it.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_queue_fd(queue: *const rh_queue, error: *mut rh_error) -> c_int {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter_counting(queue, error, || Ok(handle::get(queue)?.alarm.watch())) }
}

/// Takes up to `cap` completions and returns how many, or an error, which is negative. Never waits.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread; each completion is taken once.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_queue_poll(
    queue: *const rh_queue,
    out: *mut rh_completion,
    cap: u32,
    error: *mut rh_error,
) -> i32 {
    let poll = || {
        let queue = handle::get(queue)?;
        // SAFETY: the program has room for `cap` completions at `out`; the header says so.
        let room = unsafe { completions(out, cap) }?;
        Ok(queue.poll(room) as i32)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter_counting(queue, error, poll) }
}

/// The same, but if there are none waits for the first at most `timeout_ns` nanoseconds; `RH_FOREVER` for
/// as long as it takes. Returns 0 when the time has passed.
///
/// Errors and threads as for `rh_queue_poll`. Not for a thread that turns shards: it would wait for itself.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_queue_wait(
    queue: *const rh_queue,
    out: *mut rh_completion,
    cap: u32,
    timeout_ns: u64,
    error: *mut rh_error,
) -> i32 {
    let wait = || {
        let queue = handle::get(queue)?;
        // SAFETY: the program has room for `cap` completions at `out`; the header says so.
        let room = unsafe { completions(out, cap) }?;
        let timeout = (timeout_ns != RH_FOREVER).then(|| Duration::from_nanos(timeout_ns));
        Ok(queue.wait(room, timeout) as i32)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter_counting(queue, error, wait) }
}

/// # Safety
/// `out` is NULL or has room for `cap` completions.
unsafe fn completions<'a>(
    out: *mut rh_completion,
    cap: u32,
) -> Result<&'a mut [MaybeUninit<rh_completion>], Failure> {
    if out.is_null() {
        return Err(Failure::null("out"));
    }
    // More than there can be would not fit the count that is returned.
    let cap = cap.min(RH_QUEUE_DEPTH_MAX) as usize;
    // SAFETY: the caller's promise; what is there need not be initialised.
    Ok(unsafe { std::slice::from_raw_parts_mut(out.cast(), cap) })
}

/// Gives the message of a completion that failed. The queue keeps as many as it is deep, at least 16.
///
/// Errors: `RH_E_INVALID` if the completion is of no failure, `RH_E_NOT_FOUND` if its message is gone,
/// `RH_E_CLOSED`, `RH_E_FORKED`; in these cases `out` is about them. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_queue_error(
    queue: *const rh_queue,
    completion: *const rh_completion,
    out: *mut rh_error,
) -> rh_status {
    let find = || {
        let queue = handle::get(queue)?;
        // SAFETY: NULL or readable; the header says so.
        let completion = unsafe { completion.as_ref() };
        let completion = completion.ok_or_else(|| Failure::null("completion"))?;
        // SAFETY: NULL or may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        if completion.result >= i64::from(RH_OK) {
            return Err(Failure::invalid("the completion is of no failure"));
        }
        let inner = queue.lock();
        let failure = inner.failure(completion.detail);
        let gone = || Failure::new(RH_E_NOT_FOUND, "the message is gone: others came after it");
        out.write(rh_error::new(failure.ok_or_else(gone)?));
        Ok(())
    };
    // SAFETY: `out` is NULL or may be written; the header says so.
    unsafe { enter(queue, out, find) }
}

/// Gives an operation up: it completes with `RH_E_CANCELED`, unless its completion is on its way already.
/// What it had begun to change may happen nevertheless. Appends are never given up.
///
/// Errors: `RH_E_NOT_FOUND` if no operation that can be given up has this `user_data`; `RH_E_INVALID`,
/// `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_queue_cancel(
    queue: *const rh_queue,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(queue, error, || handle::get(queue)?.lock().cancel(user_data)) }
}

/// Lets an operation that completes many times, such as `rh_log_follow`, do so `credits` more times; if several
/// have this `user_data`, each of them. Without credits an operation does not complete, even if it has come to an
/// end: give it one then, or cancel it.
///
/// Errors: `RH_E_NOT_FOUND` if there is none with this `user_data`, also because it has ended; `RH_E_INVALID`,
/// `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_queue_credit(
    queue: *const rh_queue,
    user_data: u64,
    credits: u32,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(queue, error, || handle::get(queue)?.lock().credit(user_data, credits)) }
}
