//! A shard on a thread of the engine's own.

use std::io;
use std::thread::JoinHandle;

use roundhouse_runtime::uring::DriveMode;
use roundhouse_runtime::{run_until, spawn_pinned};
use tracing::dispatcher::{get_default, with_default};
use tracing::subscriber::NoSubscriber;

use crate::host::ShardSeed;

/// Starts the thread; it ends when the shard's server has ended. Its diagnostics go where those of the
/// thread that starts it go, if there is a subscriber for that thread alone.
pub(crate) fn start_thread(seed: ShardSeed, cpu: Option<usize>) -> io::Result<JoinHandle<()>> {
    let shard = seed.id();
    let diagnostics = get_default(Clone::clone);
    spawn_pinned(format!("roundhouse-{shard}"), cpu, move || {
        // None now may be one for all later, which must not be shut out.
        if diagnostics.is::<NoSubscriber>() {
            run(seed);
        } else {
            with_default(&diagnostics, || run(seed));
        }
    })
}

fn run(seed: ShardSeed) {
    let shard = seed.id();
    let Some((mut shard_loop, server)) = seed.start_with_server(DriveMode::Thread) else {
        return;
    };
    if let Err(errno) = run_until(&mut shard_loop, || server.is_finished()) {
        // Every waiter learns of it when the tasks, and with them the replies, are dropped.
        tracing::error!(shard = shard.0, %errno, "the ring of a shard broke; the shard stopped");
    }
}
