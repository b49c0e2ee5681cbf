//! What completions of socket operations bring, and when a receive is started again.

use std::os::fd::{FromRawFd, OwnedFd};

use bytes::{Buf, BytesMut};
use io_uring::cqueue;
use io_uring::types::RecvMsgOut;

use super::buffer_ring::Taken;
use super::buffers::Buffers;
use super::counters::DriverCounters;
use super::message::{ARRIVAL_HEADER_BYTES, arrival_header};
use super::sockets::SocketTable;
use super::{address, control};
use crate::op::{Errno, Op};
use crate::socket::{Arrival, Received, SocketOp};

/// What a completion of `op` brought besides its number: a connection, or a buffer.
pub(super) fn take(
    op: &Op,
    entry: &cqueue::Entry,
    sockets: &mut SocketTable,
    buffers: &mut Buffers,
    counters: &DriverCounters,
) -> Option<Received> {
    let Op::Socket(op) = op else { return None };
    let kind = match op {
        SocketOp::Accept { .. } => return take_connection(entry.result(), sockets),
        SocketOp::Receive { socket } => {
            sockets.set_more(*socket, cqueue::sock_nonempty(entry.flags()));
            buffers.streams()
        }
        SocketOp::ReceiveDatagrams { .. } => buffers.datagrams(),
        _ => return None,
    };
    let number = cqueue::buffer_select(entry.flags())?;
    let bytes = usize::try_from(entry.result()).unwrap_or(0);
    // SAFETY: this completion says so, and completions are taken once.
    let (data, taken) = unsafe { kind.ring().take(number, bytes) };
    counters.buffers_copied.add((taken == Taken::Copied).into());
    if let SocketOp::Receive { .. } = op {
        return (bytes > 0).then_some(Received::Bytes(data));
    }
    let arrival = (entry.result() >= 0).then(|| read_arrival(data))?;
    counters.datagrams_cut.add(arrival.is_none().into());
    arrival.map(Received::Datagrams)
}

/// Whether the driver starts `op` again by itself after this completion, the kernel's last:
/// multishot operations end when the completion queue is full, and every receive when it meets no
/// buffer. Neither loses anything, and neither is news to whoever waits.
pub(super) fn is_interrupted(op: &Op, result: i32, counters: &DriverCounters) -> bool {
    let Op::Socket(op) = op else { return false };
    match (op, result) {
        (SocketOp::Receive { .. } | SocketOp::ReceiveDatagrams { .. }, NEGATIVE_ENOBUFS) => {
            counters.buffers_missed.add(1);
            true
        }
        (SocketOp::Accept { .. } | SocketOp::ReceiveDatagrams { .. }, 0..) => {
            counters.receives_restarted.add(1);
            true
        }
        _ => false,
    }
}

fn take_connection(result: i32, sockets: &mut SocketTable) -> Option<Received> {
    if result < 0 {
        return None;
    }
    // SAFETY: the kernel made this descriptor for this operation, and this completion, which is
    // taken once, is where anyone learns of it.
    let fd = unsafe { OwnedFd::from_raw_fd(result) };
    Some(Received::Connection(sockets.insert(fd)))
}

/// Reads what the kernel wrote before the content. `None` if the content did not fit, or came from
/// where no internet address leads.
fn read_arrival(mut data: BytesMut) -> Option<Arrival> {
    let out = RecvMsgOut::parse(&data, &arrival_header()).ok()?;
    let source = address::decode(out.name_data())?;
    let control = control::decode(out.control_data());
    let bytes = out.payload_data().len();
    if out.is_payload_truncated() {
        return None;
    }
    data.advance(ARRIVAL_HEADER_BYTES);
    data.truncate(bytes);
    Some(Arrival {
        source,
        destination: control.destination,
        ecn: control.ecn,
        segment_bytes: control.segment_bytes.unwrap_or(bytes).max(1),
        data,
    })
}

const NEGATIVE_ENOBUFS: i32 = -Errno::NOBUFS.raw_os_error();
