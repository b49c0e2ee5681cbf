//! Calls on engines, queues and options, and looks into what they make.

use std::ffi::c_int;
use std::mem::{MaybeUninit, zeroed};
use std::ptr::{null, null_mut};

use roundhouse_ffi::*;

use super::{NOWHERE, Program, QUEUES_MAX, ignore};

impl Program<'_> {
    pub(super) fn use_engine(&mut self, queue: *const rh_queue, user_data: u64) -> (usize, i32) {
        let (engine, shard, no_error) = (self.engine(), self.choices.below(2) as u32, null_mut());
        // SAFETY: handles may be anything, texts end with a NUL, and what is filled is kept.
        let status = unsafe {
            match self.choices.below(7) {
                0 => rh_engine_metrics(engine, queue, user_data, no_error),
                1 => rh_engine_timer(
                    engine,
                    queue,
                    shard,
                    self.choices.one_of(&[0, 1000, RH_FOREVER]),
                    user_data,
                    no_error,
                ),
                2 => {
                    let info =
                        rh_store_info { struct_size: self.size_of::<rh_store_info>(), ..zeroed() };
                    let info = self.lend(info);
                    rh_engine_get_info(engine, queue, shard, info, user_data, no_error)
                }
                3 => {
                    // The directory is in use, or there is no room for the shards.
                    let (mut room, mut count) = ([null_mut(); 1], 0);
                    let (first, options) = (room.as_mut_ptr(), self.handle());
                    let path = self.path.as_ptr();
                    rh_engine_open_hosted(
                        path,
                        options,
                        0,
                        queue,
                        user_data,
                        first,
                        0,
                        &raw mut count,
                        no_error,
                    )
                }
                _ => rh_log_open(
                    engine,
                    queue,
                    self.text(),
                    self.choices.below(4) as u32,
                    null(),
                    user_data,
                    no_error,
                ),
            }
        };
        (usize::from(status == RH_OK), status)
    }

    pub(super) fn use_queue(&mut self, queue: *const rh_queue, user_data: u64) -> i32 {
        let mut error = MaybeUninit::uninit();
        // SAFETY: handles may be anything, and what is filled is a variable.
        unsafe {
            match self.choices.below(8) {
                0 => rh_queue_cancel(queue, user_data, error.as_mut_ptr()),
                1 => rh_queue_credit(
                    queue,
                    user_data,
                    self.choices.below(4) as u32,
                    error.as_mut_ptr(),
                ),
                2 => rh_queue_fd(queue, error.as_mut_ptr()).min(0),
                3 => rh_queue_error(queue, &raw const self.last, error.as_mut_ptr()),
                4 => rh_queue_error(queue, null(), null_mut()),
                5 if self.under_way.len() < QUEUES_MAX => {
                    self.open_queue(2);
                    RH_OK
                }
                _ => {
                    let timeout_ns = self.choices.one_of(&[0, 100_000]);
                    self.take(queue, timeout_ns)
                }
            }
        }
    }

    pub(super) fn use_options(&mut self) -> i32 {
        let (options, key, value): (*mut rh_options, _, _) =
            (self.handle(), self.text(), self.text());
        let (mut room, no_error) = ([0; 16], null_mut());
        let (buffer, cap) = (room.as_mut_ptr(), self.choices.one_of(&[0, 1, room.len()]));
        // SAFETY: handles may be anything, texts end with a NUL, and the room is as long as is said.
        unsafe {
            match self.choices.below(10) {
                0 => {
                    let mut made = null_mut();
                    let status = rh_options_new(&raw mut made, no_error);
                    self.handles.push(made.addr());
                    status
                }
                1 => rh_options_set(options, key, value, no_error),
                2 => rh_options_get(options, key, buffer, cap, null_mut(), no_error),
                3 => rh_options_load_toml(options, key, no_error),
                4 => rh_options_load_file(options, key, no_error),
                5 => rh_options_to_toml(options, buffer, cap, null_mut(), no_error),
                6 => rh_options_set_new_store_shards(options, cap as u16, no_error),
                7 => rh_options_set_diagnostics(
                    options,
                    cap as c_int,
                    Some(ignore),
                    null_mut(),
                    no_error,
                ),
                8 => rh_options_keys(buffer, cap, null_mut(), no_error),
                _ => {
                    let mut engine = null_mut();
                    // Not opened: the directory is in use, or there is none.
                    let (path, flags) =
                        self.choices.one_of(&[(self.path.as_ptr(), 0), (NOWHERE, 1), (null(), 0)]);
                    let status = rh_engine_open(path, options, flags, &raw mut engine, no_error);
                    self.handles.push(engine.addr());
                    status
                }
            }
        }
    }

    /// Looks into handles, at shards that there are none of, and at the store from outside.
    pub(super) fn look(&mut self) -> i32 {
        let (mut room, mut len, mut number, no_error) = ([0; 16], 0, 0, null_mut());
        let (buffer, cap) = (room.as_mut_ptr(), self.choices.one_of(&[0, 1, room.len()]));
        let (mut first, mut text, path) = (null(), null(), self.path.as_ptr());
        // SAFETY: handles may be anything, and what is filled is a variable.
        unsafe {
            match self.choices.below(16) {
                0 => rh_engine_shards(self.handle(), no_error).min(0),
                1 => rh_engine_directory(self.engine(), buffer, cap, &raw mut len, no_error),
                2 => rh_engine_store_id(self.engine(), buffer.cast(), no_error),
                3 => rh_engine_log_names(self.engine(), buffer, cap, null_mut(), no_error),
                4 => rh_log_name(self.handle(), buffer, cap, &raw mut len, no_error),
                5 => self.read_records(),
                6 => rh_records_items(self.handle(), &raw mut first, null_mut(), no_error),
                7 => rh_metrics_counter(self.handle(), 0, self.text(), &raw mut number, no_error),
                8 => rh_metrics_counters(self.handle(), buffer, cap, &raw mut len, no_error),
                9 => rh_metrics_append_latency(
                    self.handle(),
                    cap as f64 / 8.0,
                    &raw mut number,
                    no_error,
                ),
                10 => rh_metrics_openmetrics(self.handle(), &raw mut text, &raw mut len, no_error),
                11 => rh_shard_start(self.handle(), no_error),
                12 => rh_shard_fd(self.handle(), no_error).min(0),
                13 => rh_shard_turn(self.handle(), cap as u32, null_mut(), no_error),
                14 => rh_store_inspect(path, cap as u32, None, null_mut(), no_error),
                _ => {
                    let mut shards = 0;
                    rh_store_shards(
                        self.choices.one_of(&[path, NOWHERE, null()]),
                        &raw mut shards,
                        no_error,
                    )
                }
            }
        }
    }
}
