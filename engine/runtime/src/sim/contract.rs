//! What every caller of a driver promises. The kernel answers some of these mistakes with an error,
//! some with damage, some not at all; a simulation that went on would hide a bug.

use roundhouse_base::buffer::is_aligned;
use roundhouse_base::limits::BLOCK_BYTES;

use super::events::{EventQueue, Plan};
use super::port::{Port, PortNo, handle};
use super::trace::Brief;
use crate::op::{FileId, Op};

/// Panics if the memory, length or position of a read or write is not block-aligned.
pub(super) fn check_alignment(op: &Op) {
    let (memory, at): (&[u8], u64) = match op {
        Op::Read { buf, at, .. } => (buf, *at),
        Op::Write { buf, at, .. } => (buf, *at),
        _ => return,
    };
    assert!(memory.is_empty() || is_aligned(memory), "direct I/O needs block-aligned memory");
    assert!(memory.len().is_multiple_of(BLOCK_BYTES), "direct I/O of {} bytes", memory.len());
    assert!(at.is_multiple_of(BLOCK_BYTES as u64), "direct I/O at byte {at}");
}

/// Panics if an operation on `file` is still in flight, which must not be when it is closed.
pub(super) fn check_idle(file: FileId, port_no: PortNo, port: &Port, events: &EventQueue) {
    for event in events.of_port(port_no) {
        if matches!(event.plan, Plan::Perform)
            && let Some(op) = port.table.get(event.id)
        {
            assert!(handle(op) != Some(file), "close of {file:?} during: {}", Brief(op));
        }
    }
}
