//! A fixed amount of work in the simulator, for counting instructions.
//!
//! The simulator's kernel has no system calls and no chance in it, so the same work takes the same
//! instructions every time. `.ci/instructions` runs this under callgrind, twice with different
//! numbers of operations, and takes what the shards' loops did less what the simulator did for them.

mod store;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use clap::ValueEnum;
use roundhouse::sim::{Cluster, RunLimits};
use roundhouse_measure::MeasureError;

use crate::quic;

/// The paths whose instructions are counted.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Work {
    /// Durable appends of 1 KiB by 64 tasks on the shard.
    Append,
    /// Records of 1 KiB from the disk, in order.
    ReadDisk,
    /// Records of 1 KiB from memory, in order.
    ReadTail,
    /// Messages of 64 bytes and their echo on one QUIC stream, one at a time; both ends count.
    QuicEcho,
    /// The same with 64 on their way.
    QuicEcho64,
}

/// Does so many operations.
pub(crate) fn run(work: Work, operations: u64) -> Result<(), MeasureError> {
    match work {
        Work::Append => store::append(operations),
        Work::ReadDisk => store::read("8MiB", operations),
        Work::ReadTail => store::read("256MiB", operations),
        Work::QuicEcho => quic::echo(1, operations),
        Work::QuicEcho64 => quic::echo(64, operations),
    }
}

/// Lets the world run until a future that lives outside of it is ready.
pub(crate) fn drive<T>(
    cluster: &mut Cluster,
    future: impl Future<Output = T>,
) -> Result<T, MeasureError> {
    let mut future = pin!(future);
    let mut output = None;
    let outcome = cluster.run_until(RunLimits::default(), || {
        if let Poll::Ready(ready) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            output = Some(ready);
        }
        output.is_some()
    });
    output.ok_or_else(|| outcome.to_string().into())
}

/// The seed of every world here.
pub(crate) const SEED: u64 = 1;
