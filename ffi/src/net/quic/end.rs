//! What becomes of a connection, and how it is ended.

use std::ffi::c_char;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use roundhouse::net::quic::ConnectionStats;

use super::connection::{Home, rh_connection};
use crate::entry::{Growable, GrowableOut, Out, enter, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle;
use crate::log::rh_slice;
use crate::net::address::rh_address;
use crate::net::remote::closed;
use crate::net::stream::code_of;
use crate::queue::{
    Once, RH_OP_CONNECTION_END, RH_OP_CONNECTION_INFO, RH_OP_HANDSHAKE, Success, rh_queue,
};
use crate::status::rh_status;

/// A connection's path and what was sent over it. Start from `RH_CONNECTION_INFO_INIT`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_connection_info {
    /// The size of this structure.
    pub struct_size: usize,
    /// Where the peer is at the moment.
    pub peer: rh_address,
    /// The smoothed round-trip time.
    pub round_trip_ns: u64,
    /// The smallest one.
    pub round_trip_min_ns: u64,
    /// Bytes that may be on their way at once.
    pub congestion_window_bytes: u64,
    /// Times the window was made smaller.
    pub congestion_events: u64,
    /// Bytes that a UDP datagram may have on the path.
    pub mtu: u64,
    /// Bytes that an unreliable datagram may have; 0 if none can be sent.
    pub datagram_bytes_max: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets given up as lost.
    pub packets_lost: u64,
    /// UDP datagrams sent.
    pub datagrams_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// UDP datagrams received.
    pub datagrams_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
}

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_connection_info {
    const NAME: &'static str = "rh_connection_info";
    const SIZE_MIN: usize = 128;
}

impl rh_connection_info {
    /// What is known of a connection that has not ended.
    fn of(home: &Home) -> Option<rh_connection_info> {
        let stats: ConnectionStats = home.held.stats()?;
        Some(rh_connection_info {
            struct_size: size_of::<rh_connection_info>(),
            peer: home.held.remote_address().map(rh_address::from).unwrap_or_default(),
            round_trip_ns: nanoseconds(stats.round_trip),
            round_trip_min_ns: nanoseconds(stats.round_trip_min),
            congestion_window_bytes: stats.congestion_window_bytes,
            congestion_events: stats.congestion_events,
            mtu: stats.mtu.into(),
            datagram_bytes_max: home.held.datagram_bytes_max().unwrap_or_default() as u64,
            packets_sent: stats.packets_sent,
            packets_lost: stats.packets_lost,
            datagrams_sent: stats.datagrams_sent,
            bytes_sent: stats.bytes_sent,
            datagrams_received: stats.datagrams_received,
            bytes_received: stats.bytes_received,
        })
    }
}

/// Asks what is known of a connection. `out`, whose `struct_size` must be set, is borrowed until the completion.
///
/// Completes as `RH_OP_CONNECTION_INFO` with `out` filled, or `RH_E_CLOSED` if it has ended.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_get_info(
    connection: *const rh_connection,
    queue: *const rh_queue,
    out: *mut rh_connection_info,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let ask = || {
        let (connection, queue) = (handle::get(connection)?, handle::get(queue)?);
        // SAFETY: NULL, or as long as its size says and the library's until the completion; the header says so.
        let out = unsafe { GrowableOut::new(out) }?;
        queue.submit(RH_OP_CONNECTION_INFO, user_data, || {
            let look =
                |home: Rc<Home>| async move { rh_connection_info::of(&home).ok_or_else(closed) };
            let looked = connection.remote.call(look);
            Ok(Box::pin(async move {
                out.write(&looked.await?);
                Ok(Success::DONE)
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, ask) }
}

/// Gives a certificate that the peer showed, in DER, its own being number 0; borrowed until the handle is ended.
///
/// Errors: `RH_E_NOT_FOUND` if there is none of that number, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`,
/// `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_certificate(
    connection: *const rh_connection,
    number: u32,
    out: *mut rh_slice,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let connection = handle::get(connection)?;
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        out.write(connection.peer.certificate(number)?);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, give) }
}

/// Waits for the handshake of a connection that was begun with `RH_EARLY`.
///
/// Completes as `RH_OP_HANDSHAKE` with 1 as `result`, or with 0 if the server did not take early data: all streams
/// opened so far are dead, and what was sent must be sent again. Or: `RH_E_PEER`, `RH_E_TIMEOUT`, `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_wait_handshake(
    connection: *const rh_connection,
    queue: *const rh_queue,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let wait = || {
        let (connection, queue) = (handle::get(connection)?, handle::get(queue)?);
        queue.submit(RH_OP_HANDSHAKE, user_data, || {
            let wait = |home: Rc<Home>| async move { Ok(home.held.handshaken().await?) };
            let waited = connection.remote.call(wait);
            Ok(Box::pin(async move { waited.await.map(|fine| Success::number(fine.into())) })
                as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, wait) }
}

/// Waits for the end of a connection.
///
/// Completes as `RH_OP_CONNECTION_END` with the failure that ended it: `RH_E_PEER` (the error's `detail` is the
/// code, if the peer closed it), `RH_E_TIMEOUT`, `RH_E_CLOSED` (this side did).
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_wait_end(
    connection: *const rh_connection,
    queue: *const rh_queue,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let wait = || {
        let (connection, queue) = (handle::get(connection)?, handle::get(queue)?);
        queue.submit(RH_OP_CONNECTION_END, user_data, || {
            let wait = |home: Rc<Home>| async move { Err(Failure::from(home.held.closed().await)) };
            let waited = connection.remote.call::<(), _, _>(wait);
            Ok(Box::pin(async move { waited.await.map(|()| Success::DONE) }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, wait) }
}

/// Ends a connection at once, and its handle: the peer is told `code`, below 2^62, and `reason`, which may be NULL,
/// and what was not acknowledged may be lost (see `rh_stream_wait_acknowledged`). Operations under way complete.
/// One of a pool is not used again. Never waits. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_close(
    connection: *mut rh_connection,
    code: u64,
    reason: *const c_char,
    error: *mut rh_error,
) -> rh_status {
    let close = || {
        if connection.is_null() {
            return Ok(());
        }
        let code = code_of(code)?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let reason = if reason.is_null() { "" } else { unsafe { text(reason, "reason") }? };
        let reason = Bytes::copy_from_slice(reason.as_bytes());
        let object = handle::remove(connection.cast_const())?;
        // If the engine is closed there is nobody left to tell.
        let _ = object.remote.tell(move |home| home.held.close(code, reason));
        object.remote.close();
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, close) }
}

/// Ends the handle of a connection, which goes on until its streams are ended and is then closed with code 0; one
/// of a pool goes back there. Operations on it complete, with `RH_E_CLOSED` if they were not done. Never waits.
/// NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_release(
    connection: *mut rh_connection,
    error: *mut rh_error,
) -> rh_status {
    let release = || {
        if !connection.is_null() {
            handle::remove(connection.cast_const())?.remote.close();
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, release) }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
