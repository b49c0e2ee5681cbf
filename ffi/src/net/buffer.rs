//! Bytes that arrived.

use std::sync::Arc;

use bytes::Bytes;

use super::address::rh_address;
use crate::entry::{Out, enter, free};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::queue::{Outcome, Success};
use crate::status::rh_status;

/// Bytes that arrived, in memory of the library's. The completion that has the handle says where they are.
pub struct rh_buffer;

impl Handle for rh_buffer {
    type Object = BufferObject;
    const KIND: Kind = Kind::Buffer;
}

/// Bytes behind their handle.
pub(crate) struct BufferObject {
    /// Kept for whoever reads where the completion says.
    _data: Bytes,
    origin: Option<rh_origin>,
}

/// Where datagrams came from. 56 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_origin {
    /// Who sent them; anybody can write anything here.
    pub source: rh_address,
    /// To which of this machine's addresses, without a port; of version 0 if the system did not tell. Answer from it
    /// where there are several.
    pub destination: rh_address,
    /// The mark of explicit congestion notification: one of the `RH_ECN_` numbers.
    pub ecn: u32,
    /// 0.
    pub reserved: u32,
}

/// The sender does not use explicit congestion notification (RFC 3168).
pub const RH_ECN_NOT_CAPABLE: u32 = 0;
/// ECT(1): the sender uses it.
pub const RH_ECN_ECT1: u32 = 1;
/// ECT(0): the sender uses it.
pub const RH_ECN_ECT0: u32 = 2;
/// A router on the way was congested.
pub const RH_ECN_CONGESTION: u32 = 3;

/// The success of having received: a handle of the bytes, with how many there are as the result.
pub(super) fn give(data: Bytes, origin: Option<rh_origin>) -> Outcome {
    let success = Success::DONE.with(data.len() as u64, 0).bytes(&data);
    let object = Arc::new(BufferObject { _data: data, origin });
    let handle = handle::insert::<rh_buffer>(object, Latch::default())?;
    Ok(Success { handle: handle.addr(), ..success })
}

/// Gives where the datagrams of a buffer came from.
///
/// Errors: `RH_E_INVALID`, also for bytes that are no datagrams of `rh_udp_receive`; `RH_E_CLOSED`, `RH_E_FORKED`.
/// Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_buffer_origin(
    buffer: *const rh_buffer,
    out: *mut rh_origin,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let object = handle::get(buffer)?;
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        let none = || Failure::invalid("the buffer is of no datagrams of a UDP socket");
        out.write(object.origin.ok_or_else(none)?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(buffer, error, give) }
}

/// Gives bytes back. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_buffer_free(buffer: *mut rh_buffer, error: *mut rh_error) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { free(buffer, error) }
}
