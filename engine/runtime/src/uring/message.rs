//! The memory a message needs beside its content: header, addresses, control messages.

use std::net::SocketAddr;
use std::ptr;

use libc::{iovec, msghdr};

use super::address::{self, ADDRESS_BYTES};
use super::control::{self, RECEIVE_CONTROL_BYTES, SEND_CONTROL_BYTES};
use crate::socket::{Pieces, Transmit};

/// A message header with what it points to. It is used in a box only: the pointers hold while that
/// is not moved out of, and the pieces' memory is where it was.
pub(super) struct Message {
    header: msghdr,
    address: AlignedAddress,
    control: AlignedControl,
    pieces: Vec<iovec>,
}

/// Alignment of the kernel's address structures.
#[repr(align(4))]
struct AlignedAddress([u8; ADDRESS_BYTES]);

/// Alignment of the kernel's control message header.
#[repr(align(8))]
struct AlignedControl([u8; SEND_CONTROL_BYTES]);

impl Message {
    /// An empty one, to be filled in again and again.
    pub(super) fn new() -> Box<Message> {
        Box::new(Message {
            header: empty_header(),
            address: AlignedAddress([0; ADDRESS_BYTES]),
            control: AlignedControl([0; SEND_CONTROL_BYTES]),
            pieces: Vec::new(),
        })
    }

    /// Makes it the header of a datagram or train.
    pub(super) fn set_transmit(&mut self, transmit: &Transmit) -> *const msghdr {
        self.set_stream(&transmit.data);
        let (name, bytes) = self.set_address(transmit.destination);
        self.header.msg_name = name.cast_mut().cast();
        self.header.msg_namelen = bytes;
        self.header.msg_controllen = control::encode(transmit, &mut self.control.0) as _;
        if self.header.msg_controllen > 0 {
            self.header.msg_control = (&raw mut self.control.0).cast();
        }
        &raw const self.header
    }

    /// Makes it the header of bytes to a stream.
    pub(super) fn set_stream(&mut self, data: &Pieces) -> *const msghdr {
        self.header = empty_header();
        self.pieces.clear();
        self.pieces.extend(data.as_slice().iter().map(|piece| iovec {
            iov_base: piece.as_ptr().cast_mut().cast(),
            iov_len: piece.len(),
        }));
        self.header.msg_iov = self.pieces.as_mut_ptr();
        self.header.msg_iovlen = self.pieces.len() as _;
        &raw const self.header
    }

    /// Makes it say how much room an arrival in a provided buffer has for what is not content.
    pub(super) fn set_arrival(&mut self) -> *const msghdr {
        self.header = arrival_header();
        &raw const self.header
    }

    /// Makes it hold an address and its length.
    pub(super) fn set_address(&mut self, to: SocketAddr) -> (*const u8, libc::socklen_t) {
        let bytes = address::encode(to, &mut self.address.0);
        (self.address.0.as_ptr(), bytes as libc::socklen_t)
    }

    /// Lets go of everything that belongs to the last use.
    pub(super) fn clear(&mut self) {
        self.header = empty_header();
        self.pieces.clear();
    }
}

/// What the kernel is told about arrivals: the room for address and control messages.
pub(super) fn arrival_header() -> msghdr {
    msghdr {
        msg_namelen: ADDRESS_BYTES as libc::socklen_t,
        msg_controllen: RECEIVE_CONTROL_BYTES as _,
        ..empty_header()
    }
}

fn empty_header() -> msghdr {
    // SAFETY: all fields are numbers and raw pointers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// Bytes of a provided buffer that lie before an arrival's content: the kernel's own header of 16,
/// then the two areas above.
pub(super) const ARRIVAL_HEADER_BYTES: usize = 16 + ADDRESS_BYTES + RECEIVE_CONTROL_BYTES;

/// No memory, for where a provided buffer is chosen.
pub(super) const NO_MEMORY: *mut u8 = ptr::null_mut();
