//! Making durable, giving up records, configuring and deleting.

use std::sync::Arc;

use roundhouse::{Log, LogConfig, Offset};

use super::rh_log;
use super::settings::rh_log_settings;
use crate::entry::{enter, read_growable};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle;
use crate::queue::{
    Once, Outcome, RH_OP_CONFIGURE, RH_OP_DELETE, RH_OP_SYNC, RH_OP_TRIM, RH_OP_TRUNCATE, Success,
    rh_queue,
};
use crate::status::rh_status;

/// Makes everything appended so far durable, whatever the durability of the log.
///
/// Completes as `RH_OP_SYNC` with where the log ended as `result`, or: `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_sync(
    log: *const rh_log,
    queue: *const rh_queue,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let sync = async |log: Arc<Log>| Ok(Success::number(log.sync().await?.0));
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, || submit(log, queue, RH_OP_SYNC, user_data, sync)) }
}

/// Gives up the records before offset `start`; nothing happens if the log starts there or later. Space comes
/// back by whole segments.
///
/// Completes as `RH_OP_TRIM` when that is durable, or: `RH_E_RANGE`, `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_trim(
    log: *const rh_log,
    queue: *const rh_queue,
    start: u64,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let trim = async move |log: Arc<Log>| Ok(log.trim_to(Offset(start)).await.map(done)?);
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, || submit(log, queue, RH_OP_TRIM, user_data, trim)) }
}

/// Gives up the records from offset `end` on; the next record gets offset `end`.
///
/// Completes as `RH_OP_TRUNCATE` when that is durable, or: `RH_E_RANGE`, `RH_E_NO_SPACE` if the log was truncated
/// too often, `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_truncate(
    log: *const rh_log,
    queue: *const rh_queue,
    end: u64,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let truncate =
        async move |log: Arc<Log>| Ok(log.truncate_after(Offset(end)).await.map(done)?);
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, || submit(log, queue, RH_OP_TRUNCATE, user_data, truncate)) }
}

/// Gives the log other settings: its durability, unless that is `RH_DURABILITY_DEFAULT`, and its retention.
///
/// Completes as `RH_OP_CONFIGURE` when they are durable, or: `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_configure(
    log: *const rh_log,
    queue: *const rh_queue,
    settings: *const rh_log_settings,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let configure = || {
        // SAFETY: NULL or as long as its size says; the header says so.
        let settings = unsafe { read_growable(settings) }?;
        let settings = settings.ok_or_else(|| Failure::null("settings"))?;
        let (durability, retention) = (settings.durability()?, settings.retention());
        submit(log, queue, RH_OP_CONFIGURE, user_data, async move |log: Arc<Log>| {
            let durability = match durability {
                Some(durability) => durability,
                None => log.info().await?.config.durability,
            };
            Ok(log.configure(LogConfig { durability, retention }).await.map(done)?)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, configure) }
}

/// Deletes the log with its records. Appends on their way complete with `RH_E_DELETED`. The handle stays, to
/// be closed as ever.
///
/// Completes as `RH_OP_DELETE` when that is durable, or: `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_delete(
    log: *const rh_log,
    queue: *const rh_queue,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let delete = async |log: Arc<Log>| Ok(Log::clone(&log).delete().await.map(done)?);
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, || submit(log, queue, RH_OP_DELETE, user_data, delete)) }
}

fn done((): ()) -> Success {
    Success::DONE
}

fn submit<Fut>(
    log: *const rh_log,
    queue: *const rh_queue,
    op: u32,
    user_data: u64,
    change: impl FnOnce(Arc<Log>) -> Fut,
) -> Result<(), Failure>
where
    Fut: Future<Output = Outcome> + Send + 'static,
{
    let (log, queue) = (handle::get(log)?, handle::get(queue)?);
    queue.submit(op, user_data, || Ok(Box::pin(change(log)) as Once))
}
