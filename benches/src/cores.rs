//! A server's thread and a client's, on a core each.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use futures_util::FutureExt;
use roundhouse_base::ShardId;
use roundhouse_measure::{MeasureError, Spent, Stage};
use roundhouse_runtime::{
    Shard, ShardLoop, SpinOptions, TurnCounters, UringDriver, UringOptions, allowed_cpus,
    run_until, spawn_pinned,
};

/// When a client warms up and when it starts in earnest.
pub(crate) struct Start {
    pub(crate) warm_up: Duration,
    duration: Duration,
    ready: Sender<()>,
    go: Receiver<()>,
}

impl Start {
    /// Says that the client is warm, and waits for the watch. Gives how long to go on from here.
    pub(crate) fn wait(self) -> Result<Duration, MeasureError> {
        self.ready.send(())?;
        self.go.recv()?;
        Ok(self.duration)
    }
}

/// What both ends did, and what it took from the watch's start to the client's end.
pub(crate) struct Met<S, C> {
    pub(crate) served: S,
    pub(crate) called: C,
    pub(crate) spent: Spent,
}

/// Runs `serve`, which tells its address, on the first core that this process may use, and `call`
/// on the last. The server ends by itself when the client has.
pub(crate) fn meet<S: Send + 'static, C: Send + 'static>(
    stage: &Stage,
    serve: impl FnOnce(Sender<SocketAddr>) -> Result<S, MeasureError> + Send + 'static,
    call: impl FnOnce(SocketAddr, Start) -> Result<C, MeasureError> + Send + 'static,
) -> Result<Met<S, C>, MeasureError> {
    let cpus = allowed_cpus();
    let (tell_address, address) = channel();
    let served = on_core("server", cpus[0], move || serve(tell_address))?;
    let Ok(server) = address.recv() else {
        served.recv()??;
        return Err("the server ended before it had an address".into());
    };
    let (ready, is_ready) = channel();
    let (may_go, go) = channel();
    let start = Start { warm_up: stage.warm_up(), duration: stage.duration, ready, go };
    let called = on_core("client", cpus[cpus.len() - 1], move || call(server, start))?;
    // Fails if the client did, which then says why.
    let is_warm = is_ready.recv().is_ok();
    let watch = stage.watch();
    if is_warm {
        may_go.send(())?;
    }
    let called = called.recv()??;
    let spent = watch.spent();
    Ok(Met { served: served.recv()??, called, spent })
}

/// Runs `body` on a thread of its own on the first core, where `serve` of [`meet`] runs, too.
pub(crate) fn beside_server<R: Send + 'static>(
    body: impl FnOnce() -> R + Send + 'static,
) -> Result<Receiver<R>, MeasureError> {
    on_core("server", allowed_cpus()[0], body)
}

/// Runs `body` on a thread of its own; gives what it returns.
fn on_core<R: Send + 'static>(
    name: &str,
    cpu: usize,
    body: impl FnOnce() -> R + Send + 'static,
) -> Result<Receiver<R>, MeasureError> {
    let (tell, result) = channel();
    spawn_pinned(name.to_owned(), Some(cpu), move || {
        // Nobody waits any more if the other end failed first.
        drop(tell.send(body()));
    })?;
    Ok(result)
}

/// Runs `program` on a shard of this thread.
pub(crate) fn on_shard<R: 'static, F: Future<Output = Result<R, MeasureError>> + 'static>(
    spin: SpinOptions,
    program: impl FnOnce(Shard) -> F,
) -> Result<R, MeasureError> {
    on_counted_shard(spin, |shard, _| program(shard))
}

/// The same, and the program also gets what the shard's loop counts.
pub(crate) fn on_counted_shard<
    R: 'static,
    F: Future<Output = Result<R, MeasureError>> + 'static,
>(
    spin: SpinOptions,
    program: impl FnOnce(Shard, Arc<TurnCounters>) -> F,
) -> Result<R, MeasureError> {
    on_numbered_shard(ShardId(0), spin, program)
}

/// The same on a shard of this number.
pub(crate) fn on_numbered_shard<
    R: 'static,
    F: Future<Output = Result<R, MeasureError>> + 'static,
>(
    id: ShardId,
    spin: SpinOptions,
    program: impl FnOnce(Shard, Arc<TurnCounters>) -> F,
) -> Result<R, MeasureError> {
    let driver = UringDriver::new(&UringOptions::default())?;
    let mut shard_loop = ShardLoop::new(id, Box::new(driver), spin);
    let shard = shard_loop.shard();
    let is_done = Rc::new(Cell::new(false));
    let (done, parking) = (is_done.clone(), shard.parking());
    let future = program(shard.clone(), shard_loop.counters());
    let task = shard.spawn(async move {
        let result = future.await;
        done.set(true);
        parking.notify();
        result
    });
    run_until(&mut shard_loop, || is_done.get() || task.is_finished())?;
    task.now_or_never().ok_or("the shard ended before its program")?
}
