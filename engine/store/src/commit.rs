//! The commit task: the thin place where the write path's decisions become I/O.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use roundhouse_base::limits::FRAMES_IN_FLIGHT_MAX;
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Monotonic, Pos};
use roundhouse_runtime::{Errno, FileId, Operation};

use crate::state::State;
use crate::store::Inner;
use crate::wal::{Submission, SubmitContext};

/// Writes frames and syncs them until the store has stopped, or is closing and everything is
/// written.
pub(crate) async fn commit_task(inner: Rc<Inner>) {
    let mut guard = StopGuard { inner: inner.clone(), is_armed: true };
    let mut flights = Vec::with_capacity(FRAMES_IN_FLIGHT_MAX);
    loop {
        submit_all(&inner, &mut flights);
        let is_done = {
            let state = inner.state.borrow();
            state.failure().is_some()
                || (state.is_closing() && state.writer.is_idle() && state.writer.is_synced())
        };
        if is_done {
            break;
        }
        wait_for_event(&inner, &mut flights).await;
        if !inner.sync_if_wanted().await {
            break;
        }
    }
    inner.tell(usize::MAX);
    // Nothing may land later: by then the store may be open again and use the same positions.
    for flight in flights {
        let _result = flight.operation.await;
    }
    guard.is_armed = false;
}

/// A frame being written.
struct Flight {
    pos: Pos,
    bytes: usize,
    opened: Monotonic,
    submitted: Monotonic,
    operation: Operation,
}

fn submit_all(inner: &Inner, flights: &mut Vec<Flight>) {
    loop {
        let mut state = inner.state.borrow_mut();
        if state.failure().is_some() {
            return;
        }
        let context = SubmitContext { next_slot: state.next_slot(), wall: inner.shard.wall() };
        let Some(Submission { pos, bytes, durable, opened }) =
            state.writer.next_submission(context)
        else {
            return;
        };
        state.cache.push(pos, bytes.clone());
        let file = file_of(&state, pos);
        drop(state);
        let at = pos.in_slot(inner.slot_bytes);
        let length = bytes.len();
        let operation = inner.shard.write(file, bytes, at, durable);
        inner.shard.start_before_others();
        flights.push(Flight {
            pos,
            bytes: length,
            opened,
            submitted: inner.shard.now(),
            operation,
        });
    }
}

/// Waits until frames landed or there is something else to look at, and takes in what landed.
async fn wait_for_event(inner: &Inner, flights: &mut Vec<Flight>) {
    std::future::poll_fn(|context| {
        let landed = poll_flights(inner, flights, context);
        let kicked = inner.state.borrow_mut().commit_kick().take(context.waker());
        if landed || kicked {
            return Poll::Ready(());
        }
        if inner.tell(ANSWERS_AT_ONCE) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
}

fn poll_flights(inner: &Inner, flights: &mut Vec<Flight>, context: &mut Context<'_>) -> bool {
    let mut landed_any = false;
    flights.retain_mut(|flight| {
        let Poll::Ready(result) = Pin::new(&mut flight.operation).poll(context) else {
            return true;
        };
        landed_any = true;
        land(inner, flight, result);
        false
    });
    landed_any
}

fn land(inner: &Inner, flight: &Flight, result: Result<u32, Errno>) {
    let now = inner.shard.now();
    let mut state = inner.state.borrow_mut();
    match result {
        Ok(written) if written as usize == flight.bytes || planted(Bug::ShortWriteAccepted) => {
            state.counters.frames_written.add(1);
            state.counters.frame_bytes_written.add(flight.bytes as u64);
            let (append, write) = (now.since(flight.opened), now.since(flight.submitted));
            state.histograms.append.record(append);
            state.histograms.write.record(write);
            state.landed(flight.pos, now);
            if planted(Bug::TailRewritten) {
                rewrite(inner, &state, flight.pos);
            }
        }
        Ok(written) => {
            let reason =
                format!("only {written} of {} bytes at position {}", flight.bytes, flight.pos);
            state.fail("write a frame in full", &reason);
        }
        Err(errno) => {
            let reason = format!("{errno} at position {}", flight.pos);
            state.fail("write a frame", &reason);
        }
    }
}

impl Inner {
    /// Tells requesters on other threads what is decided, up to `max` of them. Says whether there are
    /// more.
    fn tell(&self, max: usize) -> bool {
        let mut state = self.state.borrow_mut();
        if !state.answers.is_empty() {
            self.shard.start_now();
            self.shard.dormitory().call_together(|| state.answers.tell(max));
        }
        !state.answers.is_empty()
    }

    /// Syncs if somebody waits for it. False if the store has stopped.
    async fn sync_if_wanted(&self) -> bool {
        let wanted = {
            let state = self.state.borrow();
            if state.failure().is_some() {
                return false;
            }
            state.writer.wanted_sync().map(|upto| (upto, file_of(&state, Pos(upto.0 - 1))))
        };
        let Some((upto, file)) = wanted else { return true };
        let started = self.shard.now();
        let syncing = self.shard.sync_data(file);
        self.tell(usize::MAX);
        let mut result = syncing.await;
        if result.is_err() && planted(Bug::SyncRetried) {
            result = self.shard.sync_data(file).await;
        }
        let now = self.shard.now();
        let mut state = self.state.borrow_mut();
        if let Err(errno) = result {
            // The kernel may have dropped the data and forgotten about it: trying again could
            // succeed without it being there.
            state.fail("sync", &errno.to_string());
            return false;
        }
        state.counters.syncs.add(1);
        state.histograms.sync.record(now.since(started));
        state.synced(upto, now);
        true
    }
}

/// Writes a frame again where it is: [`Bug::TailRewritten`].
fn rewrite(inner: &Inner, state: &State, pos: Pos) {
    if let Some(frame) = state.cache.frame_at(pos) {
        let at = pos.in_slot(inner.slot_bytes);
        inner.shard.write(file_of(state, pos), frame.clone(), at, false).detach();
    }
}

fn file_of(state: &State, pos: Pos) -> FileId {
    let slot = state.segments.slot_of(pos).expect("frames are written to live segments");
    state.pool.file(slot)
}

/// Requesters that are told before the completions are looked at again.
const ANSWERS_AT_ONCE: usize = 64;

/// Stops the store if the commit task ends by a panic, so that nobody waits for ever.
struct StopGuard {
    inner: Rc<Inner>,
    is_armed: bool,
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        // The task is also dropped when the shard ends; then nobody is left to be told anything.
        if self.is_armed
            && let Ok(mut state) = self.inner.state.try_borrow_mut()
        {
            state.fail("go on", "the commit task ended unexpectedly");
            state.answers.tell(usize::MAX);
        }
    }
}
