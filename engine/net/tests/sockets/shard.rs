//! A shard to run a test on.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use roundhouse_base::ShardId;
use roundhouse_runtime::uring::DriverCounters;
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions, UringDriver, UringOptions, run_until};

/// Runs `program` on a shard with a ring of its own.
pub(crate) fn on_shard<F: Future<Output = ()> + 'static>(program: impl FnOnce(Shard) -> F) {
    on_shard_with(&UringOptions::default(), |shard, _| program(shard));
}

/// The same with these options; the program also gets what the driver counts.
pub(crate) fn on_shard_with<F: Future<Output = ()> + 'static>(
    options: &UringOptions,
    program: impl FnOnce(Shard, Arc<DriverCounters>) -> F,
) {
    let driver = UringDriver::new(options).expect("this machine has io_uring");
    let counters = driver.counters();
    let mut shard_loop = ShardLoop::new(ShardId(0), Box::new(driver), SpinOptions::Never);
    let shard = shard_loop.shard();
    let is_done = Rc::new(Cell::new(false));
    let (done, parking) = (is_done.clone(), shard.parking());
    let future = program(shard.clone(), counters);
    let task = shard.spawn(async move {
        future.await;
        done.set(true);
        parking.notify();
    });
    // A panic in the task must end the loop, too.
    let ended = || is_done.get() || task.is_finished();
    run_until(&mut shard_loop, ended).expect("the ring works");
    futures_util::FutureExt::now_or_never(task).expect("the task is finished");
}

/// A free port of the loopback address.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
