//! Timers, for loops that have none of their own.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_channel::oneshot;
use roundhouse::ShardHandle;

use super::{rh_engine, shard_of};
use crate::entry::enter;
use crate::error::rh_error;
use crate::handle;
use crate::queue::{Once, RH_OP_TIMER, Success, rh_queue};
use crate::status::rh_status;

/// Waits `after_ns` nanoseconds by the clock of a shard.
///
/// Completes as `RH_OP_TIMER` when they have passed, or `RH_E_CLOSED`. `rh_queue_cancel` ends it before.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_timer(
    engine: *const rh_engine,
    queue: *const rh_queue,
    shard: u32,
    after_ns: u64,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let wait = || {
        let (engine, queue) = (handle::get(engine)?, handle::get(queue)?);
        let shard = shard_of(&engine.engine, shard)?;
        queue.submit(RH_OP_TIMER, user_data, || {
            let engine = engine.engine.clone();
            Ok(Box::pin(async move {
                // Dropped when the timer is canceled, which the shard's side notices.
                let (_alive, gone) = oneshot::channel();
                let after = Duration::from_nanos(after_ns);
                engine.spawn_on(shard, async move |shard| sleep(&shard, after, gone).await).await?;
                Ok(Success::DONE)
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, wait) }
}

/// Sleeps on a shard until the time has passed or nobody waits any more.
async fn sleep(shard: &ShardHandle, after: Duration, mut gone: oneshot::Receiver<()>) {
    let mut asleep = pin!(shard.runtime().sleep(after));
    std::future::poll_fn(|context| match Pin::new(&mut gone).poll(context) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => asleep.as_mut().poll(context),
    })
    .await;
}
