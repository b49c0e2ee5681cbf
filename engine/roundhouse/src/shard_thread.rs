//! A shard on a thread of the engine's own.

use std::io;
use std::thread::JoinHandle;

use roundhouse_runtime::uring::DriveMode;
use roundhouse_runtime::{run_until, spawn_pinned};

use crate::host::ShardSeed;

/// Starts the thread; it ends when the shard's server has ended.
pub(crate) fn start_thread(seed: ShardSeed, cpu: Option<usize>) -> io::Result<JoinHandle<()>> {
    let shard = seed.id();
    spawn_pinned(format!("roundhouse-{shard}"), cpu, move || {
        let Some((mut shard_loop, server)) = seed.start_with_server(DriveMode::Thread) else {
            return;
        };
        if let Err(errno) = run_until(&mut shard_loop, || server.is_finished()) {
            // Every waiter learns of it when the tasks, and with them the replies, are dropped.
            tracing::error!(shard = shard.0, %errno, "the ring of a shard broke; the shard stopped");
        }
    })
}
