//! What all operations that open a socket have in common.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_channel::oneshot;
use roundhouse::ShardHandle;

use crate::engine::{rh_engine, shard_of};
use crate::failure::Failure;
use crate::handle::{self, Latch};
use crate::queue::{Once, Outcome, rh_queue};
use crate::status::RH_E_CANCELED;

/// Who opens what, and where.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub(super) engine: *const rh_engine,
    pub(super) queue: *const rh_queue,
    pub(super) shard: u32,
    pub(super) op: u32,
    pub(super) user_data: u64,
}

impl Opening {
    /// Submits it: `make` makes the socket on the shard, `give` a handle of it. Canceled, it leaves nothing behind.
    pub(super) fn submit<R, F>(
        self,
        make: impl FnOnce(ShardHandle) -> F + Send + 'static,
        give: impl FnOnce(R, Latch) -> Outcome + Send + 'static,
    ) -> Result<(), Failure>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Failure>> + 'static,
    {
        let (engine, queue) = (handle::get(self.engine)?, handle::get(self.queue)?);
        let shard = shard_of(&engine.engine, self.shard)?;
        queue.submit(self.op, self.user_data, || {
            Ok(Box::pin(async move {
                // Dropped when the operation is canceled, which the shard's side notices.
                let (_alive, gone) = oneshot::channel();
                let make = async move |shard| while_wanted(make(shard), gone).await;
                let made = engine.engine.spawn_on(shard, make).await??;
                give(made, engine.latch.clone())
            }) as Once)
        })
    }
}

/// Waits for what is made, until nobody wants it any more.
async fn while_wanted<R>(
    making: impl Future<Output = Result<R, Failure>>,
    mut gone: oneshot::Receiver<()>,
) -> Result<R, Failure> {
    let mut making = pin!(making);
    poll_fn(|context| match Pin::new(&mut gone).poll(context) {
        Poll::Ready(_) => Poll::Ready(Err(Failure::new(RH_E_CANCELED, "it was canceled"))),
        Poll::Pending => making.as_mut().poll(context),
    })
    .await
}
