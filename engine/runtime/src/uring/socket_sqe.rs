//! Operations on sockets as submission entries.

use std::os::fd::AsRawFd;

use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{CancelBuilder, Fd};

use super::buffers::Buffers;
use super::message::NO_MEMORY;
use super::ring::Ring;
use super::side_memory::SideMemory;
use super::sockets::SocketTable;
use crate::op::Errno;
use crate::socket::{Pieces, SocketId, SocketOp};

/// The entry that starts `op`, without a tag. What it points to, apart from the operation's own
/// data, is put into `memory`; both must stay where they are, and alive, until the last completion.
///
/// Fails where the kernel would not even be asked: `EBADF` for a socket that is not open, `EINVAL`
/// for an operation that never goes through the ring, `ENOMEM` where locked memory is too short for
/// buffers to receive into.
pub(super) fn start(
    op: &SocketOp,
    memory: &mut SideMemory,
    sockets: &mut SocketTable,
    buffers: &mut Buffers,
    ring: &Ring,
) -> Result<Entry, Errno> {
    let fd = |socket: SocketId| sockets.get(socket).map(|fd| Fd(fd.as_raw_fd()));
    Ok(match op {
        SocketOp::Accept { listener } => {
            opcode::AcceptMulti::new(fd(*listener)?).flags(libc::SOCK_CLOEXEC).build()
        }
        SocketOp::Connect { socket, to } => {
            let (address, bytes) = memory.message().set_address(*to);
            opcode::Connect::new(fd(*socket)?, address.cast(), bytes).build()
        }
        SocketOp::Receive { socket } => {
            // Looking for what is not there yet costs a tenth of a receive.
            let poll_first = if sockets.has_more(*socket) { 0 } else { POLL_FIRST };
            // A length of zero stands for that of the buffer the kernel chooses.
            opcode::Recv::new(fd(*socket)?, NO_MEMORY, 0)
                .ioprio(poll_first)
                .buf_group(buffers.streams().group(ring)?)
                .build()
                .flags(Flags::BUFFER_SELECT)
        }
        SocketOp::Send { socket, data: Pieces::One(piece) } => {
            let bytes = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            opcode::Send::new(fd(*socket)?, piece.as_ptr(), bytes).flags(WHOLE).build()
        }
        SocketOp::Send { socket, data } => {
            let header = memory.message().set_stream(data);
            opcode::SendMsg::new(fd(*socket)?, header).flags(WHOLE as u32).build()
        }
        SocketOp::ReceiveDatagrams { socket } => {
            let group = buffers.datagrams().group(ring)?;
            let header = memory.message().set_arrival();
            opcode::RecvMsgMulti::new(fd(*socket)?, header, group).build()
        }
        SocketOp::SendDatagrams { socket, transmit } => {
            let header = memory.message().set_transmit(transmit);
            opcode::SendMsg::new(fd(*socket)?, header).flags(libc::MSG_NOSIGNAL as u32).build()
        }
        SocketOp::Close { socket } => {
            let fd = Fd(sockets.begin_close(*socket)?.as_raw_fd());
            opcode::AsyncCancel2::new(CancelBuilder::fd(fd).all()).build()
        }
        SocketOp::Shutdown { .. } => return Err(Errno::INVAL),
    })
}

/// `IORING_RECVSEND_POLL_FIRST` of `io_uring_prep_recv(3)`: waits for something to be there before it
/// tries to receive.
const POLL_FIRST: u16 = 1;

/// Goes on until everything is sent, and kills nobody if the peer is gone.
const WHOLE: i32 = libc::MSG_WAITALL | libc::MSG_NOSIGNAL;
