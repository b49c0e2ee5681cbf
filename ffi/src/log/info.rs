//! What a log is now.

use std::ffi::c_char;

use roundhouse::LogInfo;

use super::rh_log;
use super::settings::rh_log_settings;
use crate::entry::{Growable, GrowableOut, enter, give_text};
use crate::error::rh_error;
use crate::handle;
use crate::queue::{Once, RH_OP_LOG_INFO, Success, rh_queue};
use crate::status::rh_status;

/// What a log is at one moment. Start from `RH_LOG_INFO_INIT`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_log_info {
    /// The size of this structure.
    pub struct_size: usize,
    /// Its number within its shard.
    pub id: u32,
    /// The shard that it is on.
    pub shard: u32,
    /// The first offset that was not trimmed.
    pub start: u64,
    /// The offset after the last acknowledged record: what readers see.
    pub end: u64,
    /// Bytes of its records, with headers, as far as whole segments of them are kept.
    pub bytes: u64,
    /// When appends complete: one of the `RH_DURABILITY_` numbers.
    pub durability: u32,
    /// 0.
    pub reserved: u32,
    /// As in `rh_log_settings`.
    pub interval_ns: u64,
    /// As in `rh_log_settings`.
    pub retain_age_ns: u64,
    /// As in `rh_log_settings`.
    pub retain_bytes: u64,
}

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_log_info {
    const NAME: &'static str = "rh_log_info";
    const SIZE_MIN: usize = 72;
}

impl rh_log_info {
    fn new(info: &LogInfo, shard: u16) -> rh_log_info {
        let settings = rh_log_settings::of(&info.config);
        rh_log_info {
            struct_size: size_of::<rh_log_info>(),
            id: info.id.0,
            shard: shard.into(),
            start: info.start.0,
            end: info.end.0,
            bytes: info.bytes,
            durability: settings.durability,
            reserved: 0,
            interval_ns: settings.interval_ns,
            retain_age_ns: settings.retain_age_ns,
            retain_bytes: settings.retain_bytes,
        }
    }
}

/// Asks what a log is now. `out`, whose `struct_size` must be set, is borrowed until the completion.
///
/// Completes as `RH_OP_LOG_INFO` with `out` filled, or: `RH_E_NOT_FOUND` if it was deleted, `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_get_info(
    log: *const rh_log,
    queue: *const rh_queue,
    out: *mut rh_log_info,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let ask = || {
        let (log, queue) = (handle::get(log)?, handle::get(queue)?);
        // SAFETY: NULL, or as long as its size says and the library's until the completion; the header says so.
        let out = unsafe { GrowableOut::new(out) }?;
        queue.submit(RH_OP_LOG_INFO, user_data, || {
            Ok(Box::pin(async move {
                out.write(&rh_log_info::new(&log.info().await?, log.shard().0));
                Ok(Success::DONE)
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, ask) }
}

/// Gives the name of a log, as `rh_options_get` gives a value.
///
/// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_name(
    log: *const rh_log,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let log = handle::get(log)?;
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { give_text(log.name(), buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, give) }
}
