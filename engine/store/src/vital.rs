//! Tasks that a store cannot do without.

use std::future::Future;
use std::rc::Rc;

use roundhouse_runtime::Task;

use crate::store::Inner;

/// Spawns such a task: if it panics, the store stops, so that nobody waits for what the task will not do
/// any more.
pub(crate) fn spawn_vital(inner: &Rc<Inner>, task: impl Future<Output = ()> + 'static) -> Task<()> {
    let guard = StopOnPanic(inner.clone());
    inner.shard.spawn(async move {
        let _guard = guard;
        task.await;
    })
}

struct StopOnPanic(Rc<Inner>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        // Whoever borrows the state here is below the panic, and a second one would end the process.
        if std::thread::panicking()
            && let Ok(mut state) = self.0.state.try_borrow_mut()
        {
            state.fail("go on", "one of its tasks panicked, which is a defect");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::path::Path;

    use roundhouse_base::ShardId;
    use roundhouse_runtime::sim::{Cluster, Outcome, RunLimits, World, WorldOptions};
    use roundhouse_runtime::{Shard, ShardLoop, SpinOptions};

    use super::*;
    use crate::{AppendError, Identity, LogConfig, NewRecord, Store, StoreOptions};

    /// What an append in progress gets, and one after it, when a task panics.
    async fn panicked(shard: Shard) -> [Option<AppendError>; 2] {
        let identity = Identity { store: None, shard: ShardId(0), shards: 1, may_create: true };
        let options = StoreOptions { slot_bytes: 256 * 1024, ..StoreOptions::default() };
        let store = Store::open(&shard, Path::new("data"), identity, &options).await.unwrap();
        let log = store.create_log("orders", LogConfig::default()).await.unwrap();
        let record = [NewRecord::from(b"one".as_slice())];
        let appended = store.try_append(log, &record).unwrap();
        let state_is_held = async |inner: Rc<Inner>| {
            let _held = inner.state.borrow_mut();
            panic!("planned");
        };
        spawn_vital(&store.inner, state_is_held(store.inner.clone())).detach();
        let waiting = |context: &mut std::task::Context<'_>| {
            store.poll_acknowledged(log, appended.ticket, context)
        };
        let first = std::future::poll_fn(waiting).await;
        [first.err(), store.append(log, &record).await.err()]
    }

    #[test]
    fn a_panic_of_a_task_stops_the_store_and_tells_who_waits() {
        let world = World::new(1, WorldOptions::default());
        let node = world.node("a");
        let mut cluster = Cluster::new(world);
        let shard_loop =
            ShardLoop::new(ShardId(0), Box::new(node.driver(ShardId(0))), SpinOptions::Never);
        let shard = shard_loop.shard();
        let found = Rc::new(RefCell::new(None));
        let (program, sink) = (panicked(shard.clone()), found.clone());
        shard.spawn(async move { drop(sink.replace(Some(program.await))) }).detach();
        cluster.start(&node, ShardId(0), Box::new(shard_loop));
        let outcome = cluster.run_until(RunLimits::default(), || found.borrow().is_some());
        assert_eq!(outcome, Outcome::Reached);
        for error in found.take().unwrap() {
            let Some(AppendError::Failed(failure)) = error else { panic!("{error:?}") };
            assert_eq!(&*failure.reason, "one of its tasks panicked, which is a defect");
        }
    }
}
