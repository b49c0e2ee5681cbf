//! The ceiling that benches measure against: the same direct writes and reads on a bare ring, with
//! nothing of the engine around them. Behind the feature `ceiling`; not for programs.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use io_uring::{IoUring, opcode, types};
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_base::{Random, aligned_buffer};

/// What to do on the bare ring.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Write, durably or not, or read.
    pub kind: LoadKind,
    /// Bytes of one operation, whole blocks.
    pub bytes: usize,
    /// Operations in flight.
    pub depth: usize,
    /// How long to go on.
    pub duration: Duration,
    /// Operations run over this much of the file again and again.
    pub file_bytes: u64,
}

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadKind {
    /// A write with `RWF_DSYNC`.
    DurableWrite,
    /// The same; ends at the end of the file instead of starting over.
    DurableWriteOnce,
    /// A plain write.
    Write,
    /// A read; ends at the end of the file instead of starting over.
    Read,
    /// A read anywhere in the file.
    RandomRead,
}

impl Load {
    fn ends_with_file(&self) -> bool {
        matches!(self.kind, LoadKind::Read | LoadKind::DurableWriteOnce)
    }
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Operations completed.
    pub operations: u64,
    /// From the first submission to the last completion.
    pub elapsed: Duration,
    /// From submission to completion, one by one.
    pub latency: LatencyHistogram,
}

/// Buffers for a load, with content that no device compresses away.
///
/// A program's data is new each time and comes from memory. With few buffers, a device that copies
/// finds all of it in the CPU's cache and looks half as fast again as it is (ADR 6).
pub fn buffers(bytes: usize, count: usize) -> Vec<BytesMut> {
    (0..count).map(|seed| filled_buffer(bytes, seed)).collect()
}

/// Runs a load on a file that was opened for direct I/O, on this thread and a ring of its own.
/// Operations take the buffers in turn; after an error they may be gone.
///
/// # Errors
/// The kernel's, and short transfers.
///
/// # Panics
/// If the depth is zero, there are fewer buffers than that, or they are too small.
#[expect(clippy::disallowed_methods, reason = "a measurement above which there is no driver")]
pub fn run(file: &File, load: Load, buffers: &mut Vec<BytesMut>) -> io::Result<Outcome> {
    assert!(load.depth > 0, "at least one operation must be in flight");
    assert!(buffers.len() >= load.depth, "each operation in flight needs a buffer");
    assert!(buffers.iter().all(|buffer| buffer.len() >= load.bytes), "a buffer is too small");
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_coop_taskrun()
        .setup_taskrun_flag()
        .build(64)?;
    let mut started = vec![Instant::now(); buffers.len()];
    let mut free: VecDeque<usize> = (0..buffers.len()).collect();
    let mut latency = LatencyHistogram::new();
    let mut random = Random::new(0);
    let (mut at, mut operations, mut in_flight) = (0, 0, 0);
    let begin = Instant::now();
    loop {
        let is_over = begin.elapsed() >= load.duration
            || (load.ends_with_file() && at + load.bytes as u64 > load.file_bytes);
        while !is_over
            && in_flight < load.depth
            && let Some(index) = free.pop_front()
        {
            at = place(load, at, &mut random);
            started[index] = Instant::now();
            let entry = entry(file, load, &mut buffers[index], at).user_data(index as u64);
            // SAFETY: the buffer is in `buffers`, whose elements stay where their heap memory is
            // until the loop has taken every completion; the file outlives this function's loop.
            unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
            at += load.bytes as u64;
            in_flight += 1;
        }
        if in_flight == 0 {
            return Ok(Outcome { operations, elapsed: begin.elapsed(), latency });
        }
        if let Err(error) = ring.submit_and_wait(1) {
            // What the kernel may still write to or read from can't be freed any more.
            std::mem::forget(std::mem::take(buffers));
            return Err(error);
        }
        let mut failed = None;
        for completion in ring.completion() {
            let index = completion.user_data() as usize;
            in_flight -= 1;
            if completion.result() != load.bytes as i32 {
                failed = Some(completion.result());
            }
            latency.record(started[index].elapsed());
            operations += 1;
            free.push_back(index);
        }
        if let Some(result) = failed {
            if drain(&mut ring, in_flight).is_err() {
                std::mem::forget(std::mem::take(buffers));
            }
            return Err(io::Error::other(format!("an operation of the ceiling came to {result}")));
        }
    }
}

/// Where the next operation goes, if they are to go on at `at`.
fn place(load: Load, at: u64, random: &mut Random) -> u64 {
    let bytes = load.bytes as u64;
    match load.kind {
        LoadKind::RandomRead => random.below(load.file_bytes / bytes) * bytes,
        LoadKind::Write | LoadKind::DurableWrite if at + bytes > load.file_bytes => 0,
        _ => at,
    }
}

/// Waits for what is still in flight, whose buffers may be freed only then.
fn drain(ring: &mut IoUring, mut in_flight: usize) -> io::Result<()> {
    while in_flight > 0 {
        ring.submit_and_wait(1)?;
        in_flight -= ring.completion().count();
    }
    Ok(())
}

fn entry(file: &File, load: Load, buffer: &mut BytesMut, at: u64) -> io_uring::squeue::Entry {
    let fd = types::Fd(file.as_raw_fd());
    let (pointer, length) = (buffer.as_mut_ptr(), load.bytes as u32);
    match load.kind {
        LoadKind::Read | LoadKind::RandomRead => {
            opcode::Read::new(fd, pointer, length).offset(at).build()
        }
        LoadKind::Write => opcode::Write::new(fd, pointer, length).offset(at).build(),
        LoadKind::DurableWrite | LoadKind::DurableWriteOnce => {
            opcode::Write::new(fd, pointer, length).offset(at).rw_flags(RWF_DSYNC).build()
        }
    }
}

fn filled_buffer(bytes: usize, seed: usize) -> BytesMut {
    let mut buffer = aligned_buffer(bytes);
    buffer.resize(bytes, 0);
    Random::new(seed as u64).fill(&mut buffer);
    buffer
}

/// `RWF_DSYNC` of `linux/fs.h`.
const RWF_DSYNC: i32 = 2;
