//! The deadline task: what is due at a time rather than after an event. It sleeps until the
//! earliest deadline; with none, it sleeps for good and nothing ticks.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use roundhouse_base::Monotonic;

use crate::format::FrameKind;
use crate::logs::expired;
use crate::pool::Room;
use crate::state::{Change, ChangeRefusal, State};
use crate::store::Inner;

/// Keeps the deadlines of a store until it closes or stops.
pub(crate) async fn deadline_task(inner: Rc<Inner>) {
    loop {
        let next = inner.state.borrow().deadlines.next();
        sleep_or_kick(&inner, next).await;
        let mut state = inner.state.borrow_mut();
        if state.is_closing() || state.failure().is_some() {
            return;
        }
        let now = inner.shard.now();
        let is_due = |deadline: Option<Monotonic>| deadline.is_some_and(|deadline| deadline <= now);
        if is_due(state.deadlines.sync) {
            state.deadlines.sync = None;
            state.writer.want_sync();
            state.kick_commit();
        }
        if is_due(state.deadlines.anchor) {
            state.deadlines.anchor = None;
            anchor(&mut state, now);
        }
        if is_due(state.deadlines.retention) {
            state.deadlines.retention = None;
            expire(&inner, &mut state, now);
        }
    }
}

async fn sleep_or_kick(inner: &Inner, deadline: Option<Monotonic>) {
    let mut sleep = pin!(deadline.map(|deadline| inner.shard.sleep_until(deadline)));
    std::future::poll_fn(|context| {
        if inner.state.borrow_mut().deadline_kick().take(context.waker()) {
            return Poll::Ready(());
        }
        match sleep.as_mut().as_pin_mut() {
            Some(sleep) => sleep.poll(context),
            None => Poll::Pending,
        }
    })
    .await;
}

/// Puts an anchor behind the last frame, to prove that it was durable or to make a new low-water
/// mark known. The former is not worth a new segment, whose head would do the same; the latter is,
/// since it gives at least one slot back.
fn anchor(state: &mut State, now: Monotonic) {
    let frees_slots = state.written_low_water < state.writer.low_water();
    if !state.writer.is_idle() || !(frees_slots || state.writer.needs_anchor()) {
        return;
    }
    if state.writer.fits_segment(0, state.reserve_bytes(0)) {
        state.writer.push_frame(FrameKind::Anchor, &[], now);
    } else if frees_slots && state.pool.room(1, now) == Room::Ready {
        state.roll(now);
    }
    state.kick_commit();
}

/// Trims what retention lets go and notes when to look again.
fn expire(inner: &Inner, state: &mut State, now: Monotonic) {
    let wall = inner.shard.wall();
    let expired = expired(state.catalogue.logs(), &state.segments, wall);
    for (log, start) in expired.trims {
        let trimmed = state.change(&Change::Trim { log, start }, wall, now);
        match trimmed {
            Ok(_) => tracing::debug!(log = log.0, start = start.0, "retention trimmed a log"),
            Err(ChangeRefusal::Wait) => {
                state.deadlines.retention = Some(now + RETRY_AFTER);
                return;
            }
            Err(ChangeRefusal::Error(error)) => {
                tracing::warn!(log = log.0, %error, "retention could not trim a log");
                state.deadlines.retention = Some(now + RETRY_AFTER);
            }
        }
    }
    if let Some(next) = expired.next {
        let again = now + Duration::from_nanos(next.0.saturating_sub(wall.0)) + WALL_CLOCK_SLACK;
        let sooner = state.deadlines.retention.map_or(again, |deadline| deadline.min(again));
        state.deadlines.retention = Some(sooner);
    }
}

/// A trim that found no room is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The two clocks drift; looking a moment late is cheaper than looking twice.
const WALL_CLOCK_SLACK: Duration = Duration::from_millis(10);
