//! What a call or an operation came to, as a number.

use std::ffi::{c_char, c_int};

/// What a call or an operation came to: `RH_OK`, or one of the negative `RH_E_` numbers.
pub type rh_status = i32;

/// It went well.
pub const RH_OK: rh_status = 0;
/// The caller broke the contract: an argument is NULL, out of bounds or of another kind. Nothing happened.
pub const RH_E_INVALID: rh_status = -1;
/// A limit on memory, threads or file descriptors is reached; the message names it and the remedy.
pub const RH_E_NOMEM: rh_status = -2;
/// The queue has as many operations as its depth, or appends hold what may wait: take completions, submit again.
pub const RH_E_FULL: rh_status = -3;
/// There is no such thing.
pub const RH_E_NOT_FOUND: rh_status = -4;
/// The handle, or the engine behind it, is closed.
pub const RH_E_CLOSED: rh_status = -5;
/// The operation was canceled by `rh_queue_cancel`.
pub const RH_E_CANCELED: rh_status = -6;
/// The time given for it passed.
pub const RH_E_TIMEOUT: rh_status = -7;
/// The system refused something; `sys_errno` says what.
pub const RH_E_IO: rh_status = -8;
/// Data that was acknowledged is damaged; see `rh_store_verify`. Nothing was changed.
pub const RH_E_CORRUPT: rh_status = -9;
/// Header, library or format on disk do not fit one another.
pub const RH_E_VERSION: rh_status = -10;
/// Somebody else uses it: another process the directory, operations the queue.
pub const RH_E_BUSY: rh_status = -11;
/// The kernel lacks or forbids what is needed; the message says what and the remedy.
pub const RH_E_UNSUPPORTED: rh_status = -12;
/// The peer of a connection caused it.
pub const RH_E_PEER: rh_status = -13;
/// A defect of the library. What was used is unusable from now on; the process goes on.
pub const RH_E_PANIC: rh_status = -14;
/// There is one of that name already.
pub const RH_E_EXISTS: rh_status = -15;
/// The store is full. Trim logs or give it more room, then append again; reopening is not needed.
pub const RH_E_NO_SPACE: rh_status = -16;
/// An offset lies beyond the end of the log or outside of it; `detail` is the nearest valid one.
pub const RH_E_RANGE: rh_status = -17;
/// The offset was trimmed; `detail` is the first there is.
pub const RH_E_TRIMMED: rh_status = -18;
/// A record, batch or buffer is larger, or smaller, than possible; `detail` is the limit.
pub const RH_E_SIZE: rh_status = -19;
/// The log was deleted.
pub const RH_E_DELETED: rh_status = -20;
/// A durable write failed and the store stopped. What was acknowledged can be read; close and open again.
pub const RH_E_FAILED: rh_status = -21;
/// An option is unknown or has an impossible value, or the document is not TOML. Nothing was changed.
pub const RH_E_OPTION: rh_status = -22;
/// The handle was made before this process was forked off. Only its parent can use it.
pub const RH_E_FORKED: rh_status = -23;

/// The name of a status, such as `"RH_E_IO"`, and `"RH_E_UNKNOWN"` for a number that is none. The text
/// is static. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn rh_status_name(status: rh_status) -> *const c_char {
    let name = match status {
        RH_OK => c"RH_OK",
        RH_E_INVALID => c"RH_E_INVALID",
        RH_E_NOMEM => c"RH_E_NOMEM",
        RH_E_FULL => c"RH_E_FULL",
        RH_E_NOT_FOUND => c"RH_E_NOT_FOUND",
        RH_E_CLOSED => c"RH_E_CLOSED",
        RH_E_CANCELED => c"RH_E_CANCELED",
        RH_E_TIMEOUT => c"RH_E_TIMEOUT",
        RH_E_IO => c"RH_E_IO",
        RH_E_CORRUPT => c"RH_E_CORRUPT",
        RH_E_VERSION => c"RH_E_VERSION",
        RH_E_BUSY => c"RH_E_BUSY",
        RH_E_UNSUPPORTED => c"RH_E_UNSUPPORTED",
        RH_E_PEER => c"RH_E_PEER",
        RH_E_PANIC => c"RH_E_PANIC",
        RH_E_EXISTS => c"RH_E_EXISTS",
        RH_E_NO_SPACE => c"RH_E_NO_SPACE",
        RH_E_RANGE => c"RH_E_RANGE",
        RH_E_TRIMMED => c"RH_E_TRIMMED",
        RH_E_SIZE => c"RH_E_SIZE",
        RH_E_DELETED => c"RH_E_DELETED",
        RH_E_FAILED => c"RH_E_FAILED",
        RH_E_OPTION => c"RH_E_OPTION",
        RH_E_FORKED => c"RH_E_FORKED",
        _ => c"RH_E_UNKNOWN",
    };
    name.as_ptr()
}

/// 1 if the engine has to be closed and opened again before the same can succeed, otherwise 0. Any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn rh_status_is_fatal(status: rh_status) -> c_int {
    c_int::from(matches!(status, RH_E_PANIC | RH_E_FAILED | RH_E_CLOSED | RH_E_FORKED))
}

/// 1 if the very same call may succeed later without anything being repaired, otherwise 0. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn rh_status_is_retriable(status: rh_status) -> c_int {
    c_int::from(matches!(status, RH_E_FULL | RH_E_BUSY | RH_E_TIMEOUT | RH_E_NO_SPACE))
}
