//! Setting up a ring: flags, fallbacks, retries.

use std::time::Duration;

use io_uring::IoUring;

use super::blocking::{errno, pause};
use super::error::SetupError;
use super::options::UringOptions;
use super::system::SystemFacts;
use crate::op::Errno;

/// What a set-up came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RingShape {
    /// Submission entries.
    pub(super) entries: u32,
    /// Completion entries.
    pub(super) completions: u32,
    /// Whether the kernel reads submissions in order, without an array of indices (Linux 6.6).
    pub(super) no_sqarray: bool,
}

/// The flags every ring has, for showing. All are there since Linux 6.1.
pub(super) const FLAGS: &str =
    "SINGLE_ISSUER | DEFER_TASKRUN | COOP_TASKRUN | TASKRUN_FLAG | SUBMIT_ALL | CLAMP";

/// Sets up the ring of the calling thread.
///
/// A shortage of locked memory is given some time before the completion queue is halved, down to
/// the size of the submission queue.
pub(super) fn set_up(options: &UringOptions) -> Result<(IoUring, RingShape), SetupError> {
    let entries = options.entries.max(1).next_power_of_two().min(ENTRIES_MAX);
    let mut completions = options.completions.next_power_of_two().clamp(entries, 2 * ENTRIES_MAX);
    loop {
        let needed = ring_bytes(entries, completions);
        let error = match patiently(needed, || build(entries, completions)) {
            Ok(ring) => return Ok(ring),
            Err(error) => error,
        };
        if error == Errno::NOMEM && completions > entries {
            completions /= 2;
            tracing::warn!(
                completions,
                "short of locked memory: trying a smaller completion queue"
            );
        } else {
            return Err(SetupError::diagnose(error, needed, &SystemFacts::read()));
        }
    }
}

/// Tries what locks `needed` bytes of memory again for a while, if there is a shortage although the
/// limit is large enough: the memory of a ring just closed comes back a little late.
pub(super) fn patiently<T>(
    needed: u64,
    mut attempt: impl FnMut() -> Result<T, Errno>,
) -> Result<T, Errno> {
    for _ in 0..MEMORY_WAITS {
        match attempt() {
            Err(Errno::NOMEM) if SystemFacts::read().memlock.allows(needed) => pause(MEMORY_WAIT),
            outcome => return outcome,
        }
    }
    attempt()
}

/// Memory the kernel locks for a ring: one page-rounded area for the submission entries, one for
/// both queues' heads, the completion entries and the submission indices.
pub(super) fn ring_bytes(entries: u32, completions: u32) -> u64 {
    const PAGE: u64 = 4096;
    const HEADS: u64 = 256;
    let (entries, completions) = (u64::from(entries), u64::from(completions));
    let queues = HEADS + 16 * completions + 4 * entries;
    (64 * entries).next_multiple_of(PAGE) + queues.next_multiple_of(PAGE)
}

/// One attempt with the newest flags, and one without those that kernels after 6.1 brought.
fn build(entries: u32, completions: u32) -> Result<(IoUring, RingShape), Errno> {
    match build_with(entries, completions, true) {
        Err(Errno::INVAL) => build_with(entries, completions, false),
        built => built,
    }
}

fn build_with(
    entries: u32,
    completions: u32,
    no_sqarray: bool,
) -> Result<(IoUring, RingShape), Errno> {
    let mut builder = IoUring::builder();
    builder
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_coop_taskrun()
        .setup_taskrun_flag()
        .setup_submit_all()
        .setup_clamp()
        .setup_cqsize(completions)
        // A forked child must not share the queues with its parent.
        .dontfork();
    if no_sqarray {
        builder.setup_no_sqarray();
    }
    let io = builder.build(entries).map_err(|error| errno(&error))?;
    let shape = RingShape {
        entries: io.params().sq_entries(),
        completions: io.params().cq_entries(),
        no_sqarray,
    };
    Ok((io, shape))
}

/// The kernel's own maximum.
const ENTRIES_MAX: u32 = 32_768;
const MEMORY_WAITS: u32 = 20;
const MEMORY_WAIT: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_ring_is_what_the_kernel_was_seen_to_charge() {
        for (entries, completions, kib) in [
            (64, 256, 12),
            (256, 1024, 36),
            (256, 4096, 84),
            (1024, 8192, 200),
            (4096, 32_768, 788),
        ] {
            assert_eq!(ring_bytes(entries, completions), kib * 1024, "{entries}/{completions}");
        }
    }

    #[test]
    fn odd_sizes_are_made_to_fit() {
        for (entries, completions, expected) in
            [(0, 0, (1, 1)), (5, 5, (8, 8)), (64, 1, (64, 64)), (100, 1000, (128, 1024))]
        {
            let options = UringOptions { entries, completions, ..UringOptions::default() };
            let (_ring, shape) = set_up(&options).unwrap();
            assert_eq!((shape.entries, shape.completions), expected);
        }
    }
}
