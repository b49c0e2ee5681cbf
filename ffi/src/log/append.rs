//! Appending.

use bytes::Bytes;
use roundhouse::WallTime;

use super::rh_log;
use crate::entry::{enter, enter_counting};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle;
use crate::queue::rh_queue;
use crate::status::rh_status;

/// Bytes of the program's.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_slice {
    /// Where they are; may be NULL if there are none.
    pub data: *const u8,
    /// How many.
    pub len: usize,
}

/// One of several appends that are submitted at once.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_append {
    /// Comes back with its completion.
    pub user_data: u64,
    /// The record.
    pub record: rh_slice,
}

/// Copy the records before returning, instead of borrowing them until the completion.
pub const RH_COPY: u32 = 1;

/// Records of a batch at most.
pub const RH_BATCH_MAX: u32 = 1 << 20;

/// Appends `count` records at consecutive offsets, all or none, behind every earlier append of this thread to
/// the log. With `RH_COPY` in `flags` the records are copied; without it their bytes are borrowed until the
/// completion, but the array of slices is not.
///
/// Completes as `RH_OP_APPEND` with the first offset as `result` when they are as durable as the log asks for,
/// or: `RH_E_NO_SPACE`, `RH_E_SIZE`, `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`, or `RH_E_FULL` if appends hold
/// the option `append_memory` already. Appends to one log complete in one queue in the order of their submission.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_append(
    log: *const rh_log,
    queue: *const rh_queue,
    records: *const rh_slice,
    count: u32,
    flags: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let append = || {
        let (found, queue) = (handle::borrow(log)?, handle::borrow(queue)?);
        let (found, queue) = (found.object::<rh_log>()?, queue.object::<rh_queue>()?);
        let is_copied = is_copied(flags)?;
        // SAFETY: the program's array has `count` slices; the header says so.
        let records = unsafe { array(records, count, "records") }?;
        records.iter().try_for_each(check_slice)?;
        // SAFETY: checked above; borrowed until the completion, as the header says.
        let body = |record: &rh_slice| unsafe { bytes(record, is_copied) };
        let submitted = queue.submit_appends(log.addr(), 1, |_| match records {
            [record] => (user_data, found.append(body(record))),
            _ => (user_data, found.append_batch(records.iter().map(body))),
        });
        submitted.map(drop)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, append) }
}

/// Appends one record that spans `span` offsets, such as a batch that the program packed itself. `time_ns` is
/// its time in nanoseconds since 1970, or 0 for that of its arrival.
///
/// Otherwise as `rh_log_append`; completes with `RH_E_INVALID` if it can't span so many. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_append_spanning(
    log: *const rh_log,
    queue: *const rh_queue,
    record: rh_slice,
    span: u32,
    time_ns: u64,
    flags: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let append = || {
        let (found, queue) = (handle::borrow(log)?, handle::borrow(queue)?);
        let (found, queue) = (found.object::<rh_log>()?, queue.object::<rh_queue>()?);
        let is_copied = is_copied(flags)?;
        check_slice(&record)?;
        let time = (time_ns > 0).then_some(WallTime(time_ns));
        let submitted = queue.submit_appends(log.addr(), 1, |_| {
            // SAFETY: checked above; borrowed until the completion, as the header says.
            let body = unsafe { bytes(&record, is_copied) };
            (user_data, found.append_record(body, span, time))
        });
        submitted.map(drop)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(log, error, append) }
}

/// Submits up to `count` appends of one record each, every one with a completion of its own, and returns how
/// many there was room for, or an error, which is negative. Cheaper than one call for each.
///
/// Otherwise as `rh_log_append`; `RH_E_FULL` if there was room for none. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_log_append_many(
    log: *const rh_log,
    queue: *const rh_queue,
    appends: *const rh_append,
    count: u32,
    flags: u32,
    error: *mut rh_error,
) -> i32 {
    let append = || {
        let (found, queue) = (handle::borrow(log)?, handle::borrow(queue)?);
        let (found, queue) = (found.object::<rh_log>()?, queue.object::<rh_queue>()?);
        let is_copied = is_copied(flags)?;
        // SAFETY: the program's array has `count` appends; the header says so.
        let appends = unsafe { array(appends, count, "appends") }?;
        appends.iter().try_for_each(|append| check_slice(&append.record))?;
        let taken = queue.submit_appends(log.addr(), appends.len(), |at| {
            let append = &appends[at];
            // SAFETY: checked above; borrowed until the completion, as the header says.
            let body = unsafe { bytes(&append.record, is_copied) };
            (append.user_data, found.append(body))
        });
        taken.map(|taken| taken as i32)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter_counting(log, error, append) }
}

pub(crate) fn is_copied(flags: u32) -> Result<bool, Failure> {
    match flags {
        0 => Ok(false),
        RH_COPY => Ok(true),
        _ => Err(Failure::invalid(format!("there are no such flags: {flags:#x}"))),
    }
}

pub(crate) fn check_slice(slice: &rh_slice) -> Result<(), Failure> {
    if slice.data.is_null() && slice.len > 0 {
        return Err(Failure::invalid("the data of a slice is NULL, but not its length"));
    }
    if slice.len > isize::MAX as usize {
        return Err(Failure::invalid(format!("a slice has no {} bytes", slice.len)));
    }
    Ok(())
}

/// The bytes of a checked slice, copied or borrowed.
///
/// # Safety
/// They can be read, and if they are borrowed, stay as they are until the operation completes.
unsafe fn bytes(slice: &rh_slice, is_copied: bool) -> Bytes {
    if slice.len == 0 {
        return Bytes::new();
    }
    // SAFETY: not NULL, since it has a length. They are not looked at after the completion: what is borrowed
    // longer is only the reference.
    let bytes: &'static [u8] = unsafe { std::slice::from_raw_parts(slice.data, slice.len) };
    if is_copied { Bytes::copy_from_slice(bytes) } else { Bytes::from_static(bytes) }
}

/// An array of the program's that is not empty.
///
/// # Safety
/// `first` is NULL or the first of `count`.
pub(crate) unsafe fn array<'a, T>(
    first: *const T,
    count: u32,
    name: &str,
) -> Result<&'a [T], Failure> {
    if first.is_null() {
        return Err(Failure::null(name));
    }
    if !(1..=RH_BATCH_MAX).contains(&count) {
        return Err(Failure::invalid(format!(
            "count is {count}; 1 to {RH_BATCH_MAX} are possible"
        )));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(first, count as usize) })
}
