//! Reading and following.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use roundhouse::{Offset, Reader, WallTime};

use super::{records, rh_log};
use crate::entry::enter;
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle;
use crate::queue::{Once, Outcome, RH_OP_FOLLOW, RH_OP_OFFSET_AT, RH_OP_READ, Success, rh_queue};
use crate::status::{RH_E_NOT_FOUND, rh_status};

/// Reads records from offset `from` on, up to `bytes_max` bytes but at least one record; none at the end of
/// the log.
///
/// Completes as `RH_OP_READ` with the `rh_records` as `handle`, to be freed even if it has none, how many it has
/// as `result` and the offset to go on from as `detail`; or: `RH_E_TRIMMED`, `RH_E_RANGE`, `RH_E_DELETED`,
/// `RH_E_CORRUPT`, `RH_E_IO`, `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_read(
    log: *const rh_log,
    queue: *const rh_queue,
    from: u64,
    bytes_max: usize,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let read = || {
        let (log, queue) = (handle::get(log)?, handle::get(queue)?);
        queue.submit(RH_OP_READ, user_data, || {
            Ok(Box::pin(async move { records::give(log.read(Offset(from), bytes_max).await?) })
                as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, read) }
}

/// Reads records from offset `from` on and, at the end of the log, those that are appended later, in batches of
/// up to `batch_bytes` bytes but at least one record; 0 is 256 KiB. There are as many completions as `credits`, and as
/// `rh_queue_credit` adds; nothing is read ahead but one batch.
///
/// Each completes as `RH_OP_FOLLOW` like `rh_log_read`, with `RH_CQ_MORE`. The first error, or `rh_queue_cancel`,
/// ends it with a completion without `RH_CQ_MORE`, which takes a credit too unless it is canceled.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_follow(
    log: *const rh_log,
    queue: *const rh_queue,
    from: u64,
    batch_bytes: usize,
    credits: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let follow = || {
        let (log, queue) = (handle::get(log)?, handle::get(queue)?);
        queue.submit_many(RH_OP_FOLLOW, user_data, credits, || {
            let reader = log.reader(Offset(from));
            let reader = if batch_bytes > 0 { reader.batch_bytes(batch_bytes) } else { reader };
            Box::pin(Follow { reader })
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, follow) }
}

/// A reader whose batches become handles.
struct Follow {
    reader: Reader,
}

impl Stream for Follow {
    type Item = Outcome;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let batch = Pin::new(&mut self.reader).poll_next(context);
        batch.map(|batch| batch.map(|batch| records::give(batch?)))
    }
}

/// Finds the first offset of the first record with the time `time_ns`, nanoseconds since 1970, or a later one.
///
/// Completes as `RH_OP_OFFSET_AT` with it as `result`, or: `RH_E_NOT_FOUND` if every record is earlier,
/// `RH_E_DELETED`, `RH_E_CORRUPT`, `RH_E_IO`, `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_offset_at(
    log: *const rh_log,
    queue: *const rh_queue,
    time_ns: u64,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let find = || {
        let (log, queue) = (handle::get(log)?, handle::get(queue)?);
        queue.submit(RH_OP_OFFSET_AT, user_data, || {
            Ok(Box::pin(async move {
                let found = log.offset_at(WallTime(time_ns)).await?;
                let earlier = || Failure::new(RH_E_NOT_FOUND, "every record of the log is earlier");
                Ok(Success::number(found.ok_or_else(earlier)?.0))
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, find) }
}
