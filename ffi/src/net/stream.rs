//! Streams: bytes in order, over TCP, TLS or QUIC alike.

use std::ffi::c_char;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use roundhouse::Shard;
use roundhouse::net::quic::Code;

use super::address::rh_address;
use super::buffer;
use super::carrier::{Carrier, Home};
use super::inbox::{Inbox, Receiving};
use super::lent::{self, Released};
use super::remote::Remote;
use crate::entry::{Growable, GrowableOut, Out, enter, give_text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::log::{RH_COPY, rh_slice};
use crate::queue::{
    Once, Outcome, RH_OP_STREAM_ACKNOWLEDGED, RH_OP_STREAM_RECEIVE, RH_OP_STREAM_SEND, Success,
    rh_queue,
};
use crate::status::{RH_E_NOT_FOUND, RH_E_UNSUPPORTED, rh_status};

/// A TCP connection, plain or with TLS, or a stream of a QUIC connection.
pub struct rh_stream;

impl Handle for rh_stream {
    type Object = StreamObject;
    const KIND: Kind = Kind::Stream;
}

/// A stream behind its handle.
pub(crate) struct StreamObject {
    remote: Remote<Home>,
    arrivals: Arc<Inbox<Home, Bytes>>,
    facts: Facts,
}

/// What does not change while a stream lives.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) kind: u32,
    pub(super) number: u64,
    pub(super) can_send: bool,
    pub(super) can_receive: bool,
    pub(super) peer: Peer,
}

/// Who is at the other end.
#[derive(Default, Clone)]
pub(super) struct Peer {
    pub(super) address: Option<SocketAddr>,
    pub(super) protocol: Vec<u8>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) is_resumed: bool,
}

/// A stream that settled on its shard, on its way to the program.
pub(super) struct Settled {
    remote: Remote<Home>,
    facts: Facts,
}

/// Settles a stream on the shard that this runs on.
pub(super) fn settle(shard: &Shard, carrier: Carrier, facts: Facts) -> Settled {
    Settled { remote: Remote::settle(shard, Home::new(carrier)), facts }
}

impl Settled {
    /// Makes its handle, with its number as `detail`.
    pub(super) fn give(self, latch: Latch) -> Outcome {
        let Settled { remote, facts } = self;
        let arrivals = Inbox::new(&remote, CHUNKS_AHEAD, receive);
        let number = facts.number;
        let object = Arc::new(StreamObject { remote, arrivals, facts });
        Ok(Success::made(handle::insert::<rh_stream>(object, latch)?).with(0, number))
    }
}

fn receive(home: Rc<Home>) -> Receiving<Bytes> {
    Box::pin(async move { home.receive().await })
}

/// What a stream is. Start from `RH_STREAM_INFO_INIT`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_stream_info {
    /// The size of this structure.
    pub struct_size: usize,
    /// What carries it: one of the `RH_STREAM_` numbers.
    pub kind: u32,
    /// Not 0 if this side may send.
    pub can_send: u32,
    /// Not 0 if the peer may.
    pub can_receive: u32,
    /// Not 0 if an earlier TLS session was resumed.
    pub is_resumed: u32,
    /// Its number within a QUIC connection; otherwise 0.
    pub number: u64,
    /// Where the peer was when the stream began; of version 0 if that is not known.
    pub peer: rh_address,
}

/// A TCP connection.
pub const RH_STREAM_TCP: u32 = 1;
/// A TCP connection with TLS.
pub const RH_STREAM_TLS: u32 = 2;
/// A stream of a QUIC connection.
pub const RH_STREAM_QUIC: u32 = 3;

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_stream_info {
    const NAME: &'static str = "rh_stream_info";
    const SIZE_MIN: usize = 56;
}

/// A flag of sending: nothing follows. The peer finds the end behind what was sent; receiving goes on.
pub const RH_FINISH: u32 = 2;

/// Sends the bytes of `count` slices, at most `RH_SLICES_MAX`, behind those of earlier calls. `flags` is 0, or has
/// `RH_COPY` (the bytes are copied instead of borrowed until the completion) or `RH_FINISH`, with which `count` may
/// be 0.
///
/// Completes as `RH_OP_STREAM_SEND` when the kernel or the QUIC connection has all of them, with how many that were
/// as `result`, or: `RH_E_PEER` (it is gone, or stopped reading: `detail` is its code), `RH_E_TIMEOUT`,
/// `RH_E_CLOSED` (also after the end), `RH_E_UNSUPPORTED` (only the peer sends here), `RH_E_IO`. A part may have
/// been sent then. Not given up by `rh_queue_cancel`: close or reset the stream.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_send(
    stream: *const rh_stream,
    queue: *const rh_queue,
    slices: *const rh_slice,
    count: u32,
    flags: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let send = || {
        let (stream, queue) = (handle::get(stream)?, handle::get(queue)?);
        queue.submit_held(RH_OP_STREAM_SEND, user_data, || {
            let is_end = flags & RH_FINISH != 0;
            let (data, released) = match count {
                0 if is_end && flags & !(RH_FINISH | RH_COPY) == 0 => {
                    (Vec::new(), Released::at_once())
                }
                // SAFETY: borrowed until the completion, as the header says.
                _ => unsafe { lent::take(slices, count, flags & !RH_FINISH) }?,
            };
            let bytes: usize = data.iter().map(Bytes::len).sum();
            let sent = stream.remote.call(move |home: Rc<Home>| {
                let turn = home.sends.draw();
                async move {
                    turn.reached().await;
                    home.send(data, is_end).await
                }
            });
            Ok(Box::pin(async move {
                let sent = sent.await;
                released.wait().await;
                sent.map(|()| Success::number(bytes as u64))
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, send) }
}

/// Receives the next bytes, as many as there are: once with `credits` `RH_ONCE`, otherwise as many times as credits
/// are given, as `rh_log_follow` does. What nobody asks for stays with the peer.
///
/// Each completes as `RH_OP_STREAM_RECEIVE` with an `rh_buffer` as `handle` and how many bytes it has as `result`;
/// at the end of the stream with 0, without a handle and for the last time; or: `RH_E_PEER` (it is gone, or reset
/// the stream: `detail` is its code), `RH_E_TIMEOUT`, `RH_E_CLOSED`, `RH_E_UNSUPPORTED` (only this side sends
/// here), `RH_E_IO`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_receive(
    stream: *const rh_stream,
    queue: *const rh_queue,
    credits: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let receive = || {
        let (stream, queue) = (handle::get(stream)?, handle::get(queue)?);
        let give = |data| buffer::give(data, None);
        stream.arrivals.submit(&queue, RH_OP_STREAM_RECEIVE, credits, user_data, give)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, receive) }
}

/// Waits until the peer has acknowledged a QUIC stream to the end that was sent with `RH_FINISH`.
///
/// Completes as `RH_OP_STREAM_ACKNOWLEDGED`, or: `RH_E_PEER` (it stopped reading: `detail` is its code),
/// `RH_E_TIMEOUT`, `RH_E_CLOSED`.
///
/// Errors: `RH_E_UNSUPPORTED` for other streams, `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`,
/// `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_wait_acknowledged(
    stream: *const rh_stream,
    queue: *const rh_queue,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let wait = || {
        let (stream, queue) = (handle::get(stream)?, handle::get(queue)?);
        stream.check_quic()?;
        queue.submit(RH_OP_STREAM_ACKNOWLEDGED, user_data, || {
            let waited =
                stream.remote.call(|home: Rc<Home>| async move { home.acknowledged().await });
            Ok(Box::pin(async move { waited.await.map(|()| Success::DONE) }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, wait) }
}

/// Gives up what was not sent: a TCP connection is reset, the peer of a QUIC stream is told `code`, below 2^62.
///
/// Errors: `RH_E_UNSUPPORTED` with TLS, whose streams can only be closed; `RH_E_INVALID`, `RH_E_CLOSED`,
/// `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_reset(
    stream: *const rh_stream,
    code: u64,
    error: *mut rh_error,
) -> rh_status {
    let reset = || {
        let stream = handle::get(stream)?;
        let code = code_of(code)?;
        if stream.facts.kind == RH_STREAM_TLS {
            return Err(unsupported("a stream with TLS cannot be reset: close it"));
        }
        stream.remote.tell(move |home| home.reset(code))
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, reset) }
}

/// Stops receiving from a QUIC stream: what arrived is forgotten, and the peer is told `code`, below 2^62.
///
/// Errors: `RH_E_UNSUPPORTED` for other streams, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_stop(
    stream: *const rh_stream,
    code: u64,
    error: *mut rh_error,
) -> rh_status {
    let stop = || {
        let stream = handle::get(stream)?;
        let code = code_of(code)?;
        stream.check_quic()?;
        stream.remote.tell(move |home| home.stop(code))
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, stop) }
}

/// Sets the priority of a QUIC stream: those with more send first, equal ones take turns. It begins with 0.
///
/// Errors: `RH_E_UNSUPPORTED` for other streams, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_set_priority(
    stream: *const rh_stream,
    priority: i32,
    error: *mut rh_error,
) -> rh_status {
    let set = || {
        let stream = handle::get(stream)?;
        stream.check_quic()?;
        stream.remote.tell(move |home| home.set_priority(priority))
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, set) }
}

/// Gives what a stream is. `out->struct_size` must be set.
///
/// Errors: `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_get_info(
    stream: *const rh_stream,
    out: *mut rh_stream_info,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let stream = handle::get(stream)?;
        // SAFETY: NULL, or as long as its size says; the header says so.
        let out = unsafe { GrowableOut::new(out) }?;
        let Facts { kind, number, can_send, can_receive, peer } = &stream.facts;
        out.write(&rh_stream_info {
            struct_size: size_of::<rh_stream_info>(),
            kind: *kind,
            can_send: u32::from(*can_send),
            can_receive: u32::from(*can_receive),
            is_resumed: u32::from(peer.is_resumed),
            number: *number,
            peer: peer.address.map(rh_address::from).unwrap_or_default(),
        });
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, give) }
}

/// Gives the protocol that both sides of a stream with TLS agreed on (ALPN), as `rh_options_get` gives a value;
/// empty if there is none.
///
/// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_protocol(
    stream: *const rh_stream,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let stream = handle::get(stream)?;
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { stream.facts.peer.give_protocol(buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, give) }
}

/// Gives a certificate that the peer of a stream with TLS showed, in DER, its own being number 0; borrowed until
/// `rh_stream_close`.
///
/// Errors: `RH_E_NOT_FOUND` if there is none of that number, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`,
/// `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_certificate(
    stream: *const rh_stream,
    number: u32,
    out: *mut rh_slice,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let stream = handle::get(stream)?;
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        out.write(stream.facts.peer.certificate(number)?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, give) }
}

/// Closes a stream: in order if everything was sent, which for a QUIC stream takes `RH_FINISH`, otherwise it is
/// reset with code 0. Operations under way complete, with `RH_E_CLOSED` if they were not done; bytes that the
/// kernel is just sending it may go on sending for the settings' `linger_ns`, and their operation completes then.
/// Never waits. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_stream_close(
    stream: *mut rh_stream,
    error: *mut rh_error,
) -> rh_status {
    let close = || {
        if !stream.is_null() {
            handle::remove(stream.cast_const())?.remote.close();
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(stream, error, close) }
}

impl StreamObject {
    fn check_quic(&self) -> Result<(), Failure> {
        if self.facts.kind == RH_STREAM_QUIC {
            return Ok(());
        }
        Err(unsupported("only streams of QUIC connections can do that"))
    }
}

impl Peer {
    /// # Safety
    /// As [`give_text`].
    pub(super) unsafe fn give_protocol(
        &self,
        buffer: *mut c_char,
        cap: usize,
        len: *mut usize,
    ) -> Result<(), Failure> {
        // SAFETY: the caller's promise.
        unsafe { give_text(&String::from_utf8_lossy(&self.protocol), buffer, cap, len) }
    }

    pub(super) fn certificate(&self, number: u32) -> Result<rh_slice, Failure> {
        let found = self.certificates.get(number as usize);
        let missing = || {
            let message = format!("the peer showed {} certificates", self.certificates.len());
            Failure::new(RH_E_NOT_FOUND, message)
        };
        let found = found.ok_or_else(missing)?;
        Ok(rh_slice { data: found.as_ptr(), len: found.len() })
    }
}

/// A code of the application's.
pub(super) fn code_of(code: u64) -> Result<Code, Failure> {
    Code::new(code).ok_or_else(|| Failure::invalid(format!("a code is below 2^62, not {code}")))
}

fn unsupported(message: &'static str) -> Failure {
    Failure::new(RH_E_UNSUPPORTED, message)
}

/// Parts of a stream that are fetched from the shard ahead of the completions that will have them.
const CHUNKS_AHEAD: usize = 1;
