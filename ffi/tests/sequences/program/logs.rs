//! Calls on logs and what was read from them.

use std::mem::zeroed;
use std::ptr::{null, null_mut};

use roundhouse_ffi::*;

use super::{Program, RECORD, RECORDS};

impl Program<'_> {
    /// Appends; returns how many operations that made, and the status.
    pub(super) fn append(&mut self, queue: *const rh_queue, user_data: u64) -> (usize, i32) {
        let (log, count, flags) =
            (self.log(), self.choices.below(4) as u32, self.choices.one_of(&[0, RH_COPY, 4]));
        let record = self.choices.one_of(&[
            RECORD,
            rh_slice { data: null(), len: 0 },
            rh_slice { data: null(), len: 6 },
        ]);
        let no_error = null_mut();
        // SAFETY: what is borrowed is static, or named by a slice that says that there is nothing.
        let status = unsafe {
            match self.choices.below(5) {
                0 => {
                    let appends = [rh_append { user_data, record }; 3];
                    let taken =
                        rh_log_append_many(log, queue, appends.as_ptr(), count, flags, no_error);
                    return (taken.max(0) as usize, taken.min(0));
                }
                1 => {
                    rh_log_append_spanning(log, queue, record, count, 0, flags, user_data, no_error)
                }
                2 => rh_log_append(log, queue, null(), count, flags, user_data, no_error),
                _ => rh_log_append(
                    log,
                    queue,
                    [record; 3].as_ptr(),
                    count,
                    flags,
                    user_data,
                    no_error,
                ),
            }
        };
        (usize::from(status == RH_OK), status)
    }

    pub(super) fn use_log(&mut self, queue: *const rh_queue, user_data: u64) -> (usize, i32) {
        let (log, number, no_error) = (self.log(), self.choices.below(64) as u64, null_mut());
        // SAFETY: handles may be anything, and what is filled is kept.
        let status = unsafe {
            match self.choices.below(9) {
                0 => rh_log_read(log, queue, number, 4096, user_data, no_error),
                1 => rh_log_follow(log, queue, number, 0, number as u32 % 4, user_data, no_error),
                2 => rh_log_trim(log, queue, number, user_data, no_error),
                3 => rh_log_truncate(log, queue, number, user_data, no_error),
                4 => rh_log_sync(log, queue, user_data, no_error),
                5 => {
                    let info =
                        rh_log_info { struct_size: self.size_of::<rh_log_info>(), ..zeroed() };
                    let info = self.lend(info);
                    rh_log_get_info(log, queue, info, user_data, no_error)
                }
                6 => {
                    let durability = self.choices.below(6) as u32;
                    let struct_size = self.size_of::<rh_log_settings>();
                    let settings = rh_log_settings { struct_size, durability, ..zeroed() };
                    rh_log_configure(log, queue, &raw const settings, user_data, no_error)
                }
                7 => rh_log_delete(log, queue, user_data, no_error),
                _ => rh_log_offset_at(log, queue, number, user_data, no_error),
            }
        };
        (usize::from(status == RH_OK), status)
    }

    /// Reads every byte that a handle of records gives.
    pub(super) fn read_records(&mut self) -> i32 {
        let (mut first, mut count) = (null(), 0);
        // SAFETY: what is given is there until the records are freed.
        unsafe {
            let status =
                rh_records_items(self.made(RECORDS), &raw mut first, &raw mut count, null_mut());
            if status == RH_OK && count > 0 {
                for record in std::slice::from_raw_parts(first, count) {
                    if record.len > 0 {
                        std::hint::black_box(
                            std::slice::from_raw_parts(record.data, record.len).to_vec(),
                        );
                    }
                }
            }
            status
        }
    }
}
