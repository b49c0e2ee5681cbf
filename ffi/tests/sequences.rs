//! Random sequences of calls, with handles that are NULL, closed, of another kind or made up: nothing may panic, hang
//! or be left over. Run one seed again with `SEQUENCES_SEED=n cargo test -p roundhouse-ffi --test sequences`.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::path::Path;
use std::ptr::{null, null_mut};

use roundhouse_ffi::*;

/// Calls of one sequence.
const CALLS: usize = 400;

/// Sequences of one run.
const SEQUENCES: u64 = 4;

/// A generator of numbers that anybody can repeat (splitmix64, public domain, by Sebastiano Vigna).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Handles as a confused program has them: good ones and others, all as numbers.
struct Program {
    random: Random,
    handles: Vec<usize>,
    /// Operations that were accepted and whose last completion was not taken.
    under_way: usize,
    /// Good ones, to be ended in the end.
    queue: *mut rh_queue,
    engine: *mut rh_engine,
}

#[test]
fn random_sequences_of_calls_break_nothing() {
    let seed =
        std::env::var_os("SEQUENCES_SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seeds = seed.map_or(0..SEQUENCES, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let scratch = tempfile::tempdir().unwrap();
        let mut program = Program::new(seed, scratch.path());
        for call in 0..CALLS {
            let status = program.call();
            assert_ne!(status, RH_E_PANIC, "seed {seed}, call {call}");
        }
        program.end(seed);
    }
}

impl Program {
    fn new(seed: u64, directory: &Path) -> Program {
        let path = CString::new(directory.join("store").to_str().unwrap()).unwrap();
        let (mut options, mut engine, mut queue) = (null_mut(), null_mut(), null_mut());
        // SAFETY: the texts end with a NUL and the out-parameters are variables.
        unsafe {
            assert_eq!(rh_options_new(&raw mut options, null_mut()), RH_OK);
            let toml = c"shards = 1\nslot_size = '4MiB'";
            assert_eq!(rh_options_load_toml(options, toml.as_ptr(), null_mut()), RH_OK);
            assert_eq!(
                rh_engine_open(path.as_ptr(), options, 0, &raw mut engine, null_mut()),
                RH_OK
            );
            assert_eq!(rh_options_free(options, null_mut()), RH_OK);
            assert_eq!(rh_queue_open(32, &raw mut queue, null_mut()), RH_OK);
        }
        let handles = vec![0, 7, usize::MAX, options.addr(), engine.addr(), queue.addr()];
        Program { random: Random(seed), handles, under_way: 0, queue, engine }
    }

    /// Any handle as one of any kind.
    fn handle<H>(&mut self) -> *mut H {
        let at = self.random.below(self.handles.len());
        std::ptr::without_provenance_mut(self.handles[at])
    }

    /// The good queue mostly, so that something happens.
    fn queue(&mut self) -> *const rh_queue {
        if self.random.below(8) > 0 { self.queue } else { self.handle() }
    }

    fn engine(&mut self) -> *const rh_engine {
        if self.random.below(4) > 0 { self.engine } else { self.handle() }
    }

    /// Makes one call and returns what it did.
    fn call(&mut self) -> i32 {
        let (queue, user_data, number) =
            (self.queue(), self.random.next() % 16, self.random.next() % 64);
        let slice = rh_slice { data: c"record".as_ptr().cast(), len: 6 };
        let count = self.random.below(4) as u32;
        // SAFETY: what is borrowed is static, what is filled is leaked, and handles may be anything.
        let accepted = unsafe {
            match self.random.below(14) {
                0 => {
                    let name = [c"a", c"b", c"", c"\xff"][self.random.below(4)];
                    let mode = self.random.below(4) as u32;
                    let engine = self.engine();
                    rh_log_open(engine, queue, name.as_ptr(), mode, null(), user_data, null_mut())
                }
                1 => {
                    let records = [slice; 3];
                    let flags = self.random.below(3) as u32;
                    rh_log_append(
                        self.handle(),
                        queue,
                        records.as_ptr(),
                        count,
                        flags,
                        user_data,
                        null_mut(),
                    )
                }
                2 => {
                    let appends = [rh_append { user_data, record: slice }; 3];
                    let taken = rh_log_append_many(
                        self.handle(),
                        queue,
                        appends.as_ptr(),
                        count,
                        0,
                        null_mut(),
                    );
                    self.under_way += taken.max(0) as usize;
                    return taken.min(0);
                }
                3 => rh_log_append_spanning(
                    self.handle(),
                    queue,
                    slice,
                    count,
                    0,
                    0,
                    user_data,
                    null_mut(),
                ),
                4 => rh_log_read(self.handle(), queue, number, 4096, user_data, null_mut()),
                5 => rh_log_follow(self.handle(), queue, number, 0, count, user_data, null_mut()),
                6 => rh_log_trim(self.handle(), queue, number, user_data, null_mut()),
                7 => rh_log_truncate(self.handle(), queue, number, user_data, null_mut()),
                8 => rh_log_sync(self.handle(), queue, user_data, null_mut()),
                9 => {
                    let info: &'static mut rh_log_info = Box::leak(Box::new(std::mem::zeroed()));
                    info.struct_size = size_of::<rh_log_info>() + self.random.below(2);
                    rh_log_get_info(self.handle(), queue, info, user_data, null_mut())
                }
                10 => rh_engine_metrics(self.engine(), queue, user_data, null_mut()),
                _ => return self.call_that_submits_nothing(queue, user_data, count),
            }
        };
        self.under_way += usize::from(accepted == RH_OK);
        accepted
    }

    fn call_that_submits_nothing(
        &mut self,
        queue: *const rh_queue,
        user_data: u64,
        count: u32,
    ) -> i32 {
        // SAFETY: handles may be anything; the good queue and engine are not among those that are ended.
        unsafe {
            match self.random.below(6) {
                0 => rh_log_close(self.handle(), null_mut()),
                1 => rh_records_free(self.handle(), null_mut()),
                2 => rh_metrics_free(self.handle(), null_mut()),
                3 => rh_queue_cancel(queue, user_data, null_mut()),
                4 => rh_queue_credit(queue, user_data, count, null_mut()),
                _ => {
                    self.take(0);
                    RH_OK
                }
            }
        }
    }

    /// Takes completions from the good queue and keeps their handles.
    fn take(&mut self, timeout_ns: u64) {
        let mut room = [MaybeUninit::<rh_completion>::uninit(); 8];
        // SAFETY: there is room for so many, and so many are there afterwards.
        let taken = unsafe {
            let first = room.as_mut_ptr().cast();
            let taken = rh_queue_wait(self.queue, first, 8, timeout_ns, null_mut());
            assert!(taken >= 0, "{taken}");
            room[..taken as usize].assume_init_ref()
        };
        for completion in taken {
            self.under_way -= usize::from(completion.flags & RH_CQ_MORE == 0);
            self.handles.push(completion.handle.addr());
        }
    }

    fn take_all(&mut self) {
        while self.under_way > 0 {
            self.take(RH_FOREVER);
        }
    }

    /// Ends everything; each operation that was accepted must have completed.
    fn end(mut self, seed: u64) {
        // SAFETY: handles may be anything, and ending them twice is an error of no consequence.
        unsafe {
            for user_data in 0..16 {
                while rh_queue_cancel(self.queue, user_data, null_mut()) == RH_OK {}
            }
            self.take_all();
            assert_eq!(
                rh_engine_close(self.engine, self.queue, 0, null_mut()),
                RH_OK,
                "seed {seed}"
            );
            self.under_way += 1;
            self.take_all();
            for handle in &self.handles {
                rh_log_close(std::ptr::without_provenance_mut(*handle), null_mut());
                rh_records_free(std::ptr::without_provenance_mut(*handle), null_mut());
                rh_metrics_free(std::ptr::without_provenance_mut(*handle), null_mut());
            }
            assert_eq!(rh_queue_close(self.queue, null_mut()), RH_OK, "seed {seed}");
        }
    }
}
