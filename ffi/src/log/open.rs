//! Opening and creating logs.

use std::ffi::c_char;
use std::sync::Arc;

use roundhouse::Log;

use super::rh_log;
use super::settings::rh_log_settings;
use crate::engine::{rh_engine, shard_of};
use crate::entry::{enter, free, read_growable, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Latch};
use crate::queue::{Once, RH_OP_LOG_OPEN, Success, rh_queue};
use crate::status::rh_status;

/// Open the log of the name, and create it if there is none.
pub const RH_LOG_OPEN_OR_CREATE: u32 = 0;
/// Open the log of the name, which must be there.
pub const RH_LOG_OPEN: u32 = 1;
/// Create a log, whose name must be free.
pub const RH_LOG_CREATE: u32 = 2;

/// Opens or creates a log, as `mode` says. `settings` count when it is created; NULL is the default.
///
/// Completes as `RH_OP_LOG_OPEN` with the `rh_log` as `handle`, or: `RH_E_NOT_FOUND`, `RH_E_EXISTS`, `RH_E_NO_SPACE`,
/// `RH_E_INVALID` (a name that can't be), `RH_E_FAILED`, `RH_E_CLOSED`. What it creates is durable then.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_open(
    engine: *const rh_engine,
    queue: *const rh_queue,
    name: *const c_char,
    mode: u32,
    settings: *const rh_log_settings,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let open = || {
        let engine = handle::get(engine)?;
        let queue = handle::get(queue)?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let mut builder = engine.engine.log(unsafe { text(name, "name") }?);
        // SAFETY: NULL or as long as its size says; the header says so.
        if let Some(settings) = unsafe { read_growable(settings) }? {
            if let Some(durability) = settings.durability()? {
                builder = builder.durability(durability);
            }
            if settings.on_shard != 0 {
                builder = builder.on_shard(shard_of(&engine.engine, settings.shard)?);
            }
            builder = builder.retention(settings.retention());
        }
        if mode > RH_LOG_CREATE {
            return Err(Failure::invalid(format!("there is no mode {mode} of opening a log")));
        }
        let latch = engine.latch.clone();
        queue.submit(RH_OP_LOG_OPEN, user_data, || {
            Ok(Box::pin(async move {
                let log = match mode {
                    RH_LOG_OPEN => builder.open().await,
                    RH_LOG_CREATE => builder.create().await,
                    _ => builder.open_or_create().await,
                };
                give(log?, latch)
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, open) }
}

fn give(log: Log, latch: Latch) -> Result<Success, Failure> {
    Ok(Success::made(handle::insert::<rh_log>(Arc::new(log), latch)?))
}

/// Ends the handle of a log. Operations under way go on and complete. Never waits. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_close(log: *mut rh_log, error: *mut rh_error) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { free(log, error) }
}
