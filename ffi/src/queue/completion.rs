//! What a completion says.

use std::ffi::c_void;

/// An operation of a queue completed, or got one step further. 64 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_completion {
    /// What the operation was submitted with.
    pub user_data: u64,
    /// What it came to: `RH_OK` or more as the operation documents, or an `RH_E_` number;
    /// `rh_queue_error` then gives the message.
    pub result: i64,
    /// Which operation: one of the `RH_OP_` numbers.
    pub op: u32,
    /// `RH_CQ_MORE` if the operation goes on and completes again, otherwise 0.
    pub flags: u32,
    /// The handle that the operation made, for the program to end; otherwise NULL.
    pub handle: *mut c_void,
    /// A second number, as the operation documents; after a failure, the number of its message.
    pub detail: u64,
    /// Bytes that came with it, borrowed from `handle`; otherwise NULL.
    pub data: *const u8,
    /// How many.
    pub len: usize,
    /// 0.
    pub reserved: u64,
}

/// The operation goes on: more completions with the same `user_data` follow.
pub const RH_CQ_MORE: u32 = 1;

/// `rh_log_append` and its like: `result` is the first offset.
pub const RH_OP_APPEND: u32 = 1;
/// `rh_log_read`: `handle` is the `rh_records`, `result` how many records, `detail` the offset to go on from.
pub const RH_OP_READ: u32 = 2;
/// `rh_log_follow`: the same, with `RH_CQ_MORE` but for the last.
pub const RH_OP_FOLLOW: u32 = 3;
/// `rh_log_sync`: `result` is where the log ended.
pub const RH_OP_SYNC: u32 = 4;
/// `rh_log_trim`.
pub const RH_OP_TRIM: u32 = 5;
/// `rh_log_truncate`.
pub const RH_OP_TRUNCATE: u32 = 6;
/// `rh_log_configure`.
pub const RH_OP_CONFIGURE: u32 = 7;
/// `rh_log_delete`.
pub const RH_OP_DELETE: u32 = 8;
/// `rh_log_open`: `handle` is the `rh_log`.
pub const RH_OP_LOG_OPEN: u32 = 9;
/// `rh_log_get_info`: the structure given is filled.
pub const RH_OP_LOG_INFO: u32 = 10;
/// `rh_log_offset_at`: `result` is the offset, or `RH_E_NOT_FOUND` if every record is earlier.
pub const RH_OP_OFFSET_AT: u32 = 11;
/// `rh_engine_close`: everything that was accepted is durable, and the directory is free.
pub const RH_OP_CLOSE: u32 = 12;
/// `rh_engine_get_info`: the structure given is filled.
pub const RH_OP_STORE_INFO: u32 = 13;
/// `rh_engine_open_hosted`: `handle` is the `rh_engine`.
pub const RH_OP_OPEN: u32 = 14;
/// `rh_engine_metrics`: `handle` is the `rh_metrics`.
pub const RH_OP_METRICS: u32 = 15;
/// `rh_engine_timer`.
pub const RH_OP_TIMER: u32 = 16;

/// `rh_udp_open`: `handle` is the `rh_udp`.
pub const RH_OP_UDP_OPEN: u32 = 17;
/// `rh_udp_send`: `result` is the bytes that were handed over.
pub const RH_OP_UDP_SEND: u32 = 18;
/// `rh_udp_receive`: `handle` is an `rh_buffer`, `result` how many datagrams are in it, `detail` how many bytes each
/// of them has but for the last.
pub const RH_OP_UDP_RECEIVE: u32 = 19;
/// `rh_tcp_listen`: `handle` is the `rh_listener`.
pub const RH_OP_TCP_LISTEN: u32 = 20;
/// `rh_listener_accept`: `handle` is the `rh_stream`.
pub const RH_OP_TCP_ACCEPT: u32 = 21;
/// `rh_tcp_connect`: `handle` is the `rh_stream`.
pub const RH_OP_TCP_CONNECT: u32 = 22;
/// `rh_stream_send`: `result` is the bytes that were sent.
pub const RH_OP_STREAM_SEND: u32 = 23;
/// `rh_stream_receive`: `handle` is an `rh_buffer` and `result` how many bytes it has; 0 and NULL at the end.
pub const RH_OP_STREAM_RECEIVE: u32 = 24;
/// `rh_stream_wait_acknowledged`.
pub const RH_OP_STREAM_ACKNOWLEDGED: u32 = 25;
/// `rh_quic_open`: `handle` is the `rh_quic`.
pub const RH_OP_QUIC_OPEN: u32 = 26;
/// `rh_quic_accept`: `handle` is the `rh_connection`.
pub const RH_OP_QUIC_ACCEPT: u32 = 27;
/// `rh_quic_connect`: `handle` is the `rh_connection`, `result` 1 if its handshake is still under way.
pub const RH_OP_QUIC_CONNECT: u32 = 28;
/// `rh_quic_close`: no connection is left.
pub const RH_OP_QUIC_CLOSE: u32 = 29;
/// `rh_connection_open_stream`: `handle` is the `rh_stream`, `detail` its number.
pub const RH_OP_STREAM_OPEN: u32 = 30;
/// `rh_connection_accept_stream`: the same.
pub const RH_OP_STREAM_ACCEPT: u32 = 31;
/// `rh_connection_send_datagram`.
pub const RH_OP_DATAGRAM_SEND: u32 = 32;
/// `rh_connection_receive_datagram`: `handle` is an `rh_buffer` and `result` how many bytes it has.
pub const RH_OP_DATAGRAM_RECEIVE: u32 = 33;
/// `rh_connection_get_info`: the structure given is filled.
pub const RH_OP_CONNECTION_INFO: u32 = 34;
/// `rh_connection_wait_handshake`: `result` is 1, or 0 if the server did not take early data.
pub const RH_OP_HANDSHAKE: u32 = 35;
/// `rh_connection_wait_end`: it never goes well; the failure says why the connection ended.
pub const RH_OP_CONNECTION_END: u32 = 36;
/// `rh_pool_open`: `handle` is the `rh_pool`.
pub const RH_OP_POOL_OPEN: u32 = 37;
/// `rh_pool_connection`: `handle` is the `rh_connection`.
pub const RH_OP_POOL_CONNECTION: u32 = 38;
/// `rh_pool_warm_up`.
pub const RH_OP_POOL_WARM_UP: u32 = 39;

/// What an operation that went well came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Success {
    pub(crate) result: i64,
    pub(crate) detail: u64,
    /// The address that is the handle it made; 0 for none. Not a pointer, so that it may cross threads.
    pub(crate) handle: usize,
    /// Where the bytes lie that the handle keeps, and how many; also not a pointer.
    pub(crate) data: (usize, usize),
}

impl Success {
    /// Nothing but that it went well.
    pub(crate) const DONE: Success = Success::number(0);

    pub(crate) const fn number(number: u64) -> Success {
        Success { result: number as i64, detail: 0, handle: 0, data: (0, 0) }
    }

    /// It made a handle.
    pub(crate) fn made<H>(handle: *mut H) -> Success {
        Success { handle: handle.addr(), ..Success::DONE }
    }

    /// The same with the completion's other numbers.
    pub(crate) fn with(self, result: u64, detail: u64) -> Success {
        Success { result: result as i64, detail, ..self }
    }

    /// The same with bytes that lie behind the handle it made.
    pub(crate) fn bytes(self, data: &[u8]) -> Success {
        Success { data: (data.as_ptr().expose_provenance(), data.len()), ..self }
    }

    pub(super) fn completion(self, user_data: u64, op: u32, flags: u32) -> rh_completion {
        let Success { result, detail, handle, data: (data, len) } = self;
        let handle = std::ptr::without_provenance_mut(handle);
        let data = std::ptr::with_exposed_provenance(data);
        rh_completion { user_data, result, op, flags, handle, detail, data, len, reserved: 0 }
    }
}
