//! Records that were read.

use std::sync::Arc;

use roundhouse::Records;

use crate::entry::{Out, enter, free};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::queue::Success;
use crate::status::rh_status;

/// Consecutive records of one log, as a read gave them. They keep whole frames in memory: copy what is to
/// be kept for long.
pub struct rh_records;

impl Handle for rh_records {
    type Object = RecordsObject;
    const KIND: Kind = Kind::Records;
}

/// A record of a log. 40 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_record {
    /// Its first offset.
    pub offset: u64,
    /// The time its writer gave it or that of its arrival, in nanoseconds since 1970.
    pub time_ns: u64,
    /// What was appended, borrowed from the `rh_records`.
    pub data: *const u8,
    /// Bytes of it.
    pub len: usize,
    /// Offsets it spans; fewer than were appended if the log was truncated within them.
    pub span: u32,
    /// 0.
    pub reserved: u32,
}

/// Records behind their handle.
pub(crate) struct RecordsObject {
    items: Box<[rh_record]>,
    /// What the items point into.
    _records: Records,
}

// SAFETY: the items point into memory that the records own, share between threads, and never change.
unsafe impl Send for RecordsObject {}
// SAFETY: as above.
unsafe impl Sync for RecordsObject {}

/// The success of a read: a handle of the records.
pub(super) fn give(records: Records) -> Result<Success, Failure> {
    let items: Box<[rh_record]> = records
        .iter()
        .map(|record| rh_record {
            offset: record.offset.0,
            time_ns: record.time.0,
            data: record.body.as_ptr(),
            len: record.body.len(),
            span: record.count,
            reserved: 0,
        })
        .collect();
    let (count, next) = (items.len() as u64, records.next_offset());
    let object = Arc::new(RecordsObject { items, _records: records });
    Ok(Success::made(handle::insert::<rh_records>(object, Latch::default())?).with(count, next.0))
}

/// Gives the first of the records, which lie one behind the other, and how many there are; both are borrowed
/// until `rh_records_free`.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_records_items(
    records: *const rh_records,
    first: *mut *const rh_record,
    count: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let records = handle::get(records)?;
        // SAFETY: out-parameters may be written; the header says so.
        let (first, count) = unsafe { (Out::new(first, "first")?, Out::new(count, "count")?) };
        first.write(records.items.as_ptr());
        count.write(records.items.len());
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(records, error, give) }
}

/// Gives records back. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_records_free(
    records: *mut rh_records,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { free(records, error) }
}
