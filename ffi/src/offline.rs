//! Stores that nobody has open: checking, inspecting and repairing them. These calls block.

use std::ffi::{c_char, c_void};
use std::path::Path;

use roundhouse::offline::{
    OfflineStore, RepairOptions, RepairReport, SalvageOptions, Verdict, probe_directory,
};
use roundhouse::{Corruption, ShardId};

use crate::entry::{Growable, GrowableOut, Out, enter, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::options::rh_options;
use crate::status::rh_status;

/// Is told how far a check is: bytes done, and bytes that it may come to.
pub type rh_progress_fn = Option<unsafe extern "C" fn(user: *mut c_void, done: u64, total: u64)>;

/// Is told one thing that was found, as a line of `len` bytes without an end; no NUL follows.
pub type rh_note_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, text: *const c_char, len: usize)>;

/// Is given a record that was salvaged. `name` is that of its log, `name_len` bytes, or NULL if it is not known;
/// both it and the record are borrowed until the function returns.
pub type rh_salvage_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        log: u32,
        name: *const c_char,
        name_len: usize,
        record: *const crate::log::rh_record,
    ),
>;

/// What a check of a shard found. Start from `RH_VERIFICATION_INIT`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_verification {
    /// The size of this structure.
    pub struct_size: usize,
    /// One of the `RH_VERDICT_` numbers.
    pub verdict: u32,
    /// 0.
    pub reserved: u32,
    /// Intact frames.
    pub frames: u64,
    /// Intact records, with those of the catalogue.
    pub records: u64,
    /// Bytes of the intact frames.
    pub bytes: u64,
    /// Places that are damaged.
    pub damaged: u64,
    /// The first live position.
    pub low_water: u64,
    /// Everything below is proven to have been durable.
    pub durable_upto: u64,
    /// Where the write-ahead log ends.
    pub end: u64,
}

/// Everything fits.
pub const RH_VERDICT_CLEAN: u32 = 0;
/// Everything that was acknowledged fits; behind it is the rest of a write that a crash interrupted.
pub const RH_VERDICT_TORN_TAIL: u32 = 1;
/// Acknowledged data is damaged.
pub const RH_VERDICT_CORRUPT: u32 = 2;

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_verification {
    const NAME: &'static str = "rh_verification";
    const SIZE_MIN: usize = 72;
}

/// What a repair did. Start from `RH_REPAIR_INIT`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_repair {
    /// The size of this structure.
    pub struct_size: usize,
    /// One of the `RH_REPAIR_` numbers.
    pub outcome: u32,
    /// 0.
    pub reserved: u32,
    /// Intact records behind the cut, which are lost with it.
    pub lost_records: u64,
    /// Bytes of intact frames behind the cut.
    pub lost_bytes: u64,
    /// Files in quarantine.
    pub quarantined: u64,
    /// Slot files that were missing and are empty ones now.
    pub recreated: u64,
}

/// Nothing is damaged; nothing was changed.
pub const RH_REPAIR_NOTHING_TO_DO: u32 = 0;
/// The log was cut at the first damage, or would be.
pub const RH_REPAIR_DONE: u32 = 1;
/// There is nothing before the damage that could be kept; nothing was changed. Salvage what is behind it.
pub const RH_REPAIR_NOTHING_TO_KEEP: u32 = 2;

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_repair {
    const NAME: &'static str = "rh_repair";
    const SIZE_MIN: usize = 48;
}

/// Change nothing, and say what would be done.
pub const RH_DRY_RUN: u32 = 1;
/// Go on behind damage.
pub const RH_SALVAGE_ALL: u32 = 1;

/// Gives to `out` how many shards the store in `directory` has. Like all functions `rh_store_`, this one
/// blocks, takes the lock that keeps engines out, and works on this thread.
///
/// Errors: `RH_E_NOT_FOUND` if there is no store, `RH_E_BUSY` while an engine has it, `RH_E_CORRUPT` if its
/// superblock is unusable, `RH_E_VERSION`, `RH_E_UNSUPPORTED`, `RH_E_NOMEM`, `RH_E_IO`, `RH_E_INVALID`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_store_shards(
    directory: *const c_char,
    out: *mut u32,
    error: *mut rh_error,
) -> rh_status {
    let count = || {
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let store = unsafe { open(directory) }?;
        out.write(store.shards().count() as u32);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, count) }
}

/// Reads everything that is live on a shard and checks it, and changes nothing. Each damaged place is given to
/// `note`, the way to `progress`; both may be NULL, and get `user`. Damage is a verdict, no error.
///
/// Errors: as `rh_store_shards`; `RH_E_INVALID` if there is no such shard. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_store_verify(
    directory: *const c_char,
    shard: u32,
    progress: rh_progress_fn,
    note: rh_note_fn,
    user: *mut c_void,
    out: *mut rh_verification,
    error: *mut rh_error,
) -> rh_status {
    let verify = || {
        // SAFETY: NULL, or as long as its size says; the header says so.
        let out = unsafe { GrowableOut::new(out) }?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let mut store = unsafe { open(directory) }?;
        let shard = shard_of(&store, shard)?;
        let found = store.verify(shard, &mut |at| {
            if let Some(progress) = progress {
                // SAFETY: the program gave the function for this, with what it wants to get.
                unsafe { progress(user, at.bytes_done, at.bytes_total) };
            }
        })?;
        let (verdict, damaged) = match &found.verdict {
            Verdict::Clean => (RH_VERDICT_CLEAN, 0),
            Verdict::TornTail(torn) => {
                let (file, at) = (torn.file.display(), torn.file_offset);
                tell(note, user, &format!("{file}: byte {at}: {}", torn.reason));
                (RH_VERDICT_TORN_TAIL, 0)
            }
            Verdict::Corruption { places, total } => {
                for place in places {
                    tell(note, user, &describe(place));
                }
                (RH_VERDICT_CORRUPT, *total)
            }
        };
        out.write(&rh_verification {
            struct_size: size_of::<rh_verification>(),
            verdict,
            reserved: 0,
            frames: found.frames,
            records: found.records,
            bytes: found.bytes,
            damaged,
            low_water: found.low_water.0,
            durable_upto: found.durable_upto.0,
            end: found.end.0,
        });
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, verify) }
}

/// Says what a shard consists of, and changes nothing: each slot file, segment and log is a line for `note`, which
/// gets `user`.
///
/// Errors: as `rh_store_shards`; `RH_E_INVALID` if there is no such shard or `note` is NULL. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_store_inspect(
    directory: *const c_char,
    shard: u32,
    note: rh_note_fn,
    user: *mut c_void,
    error: *mut rh_error,
) -> rh_status {
    let inspect = || {
        if note.is_none() {
            return Err(Failure::null("note"));
        }
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let mut store = unsafe { open(directory) }?;
        let shard = shard_of(&store, shard)?;
        let found = store.inspect(shard)?;
        for slot in &found.slots {
            tell(
                note,
                user,
                &format!("slot {}: {} bytes, {:?}", slot.slot, slot.bytes, slot.holds),
            );
        }
        for segment in &found.segments {
            let (number, slot, start) = (segment.segment, segment.slot, segment.start);
            tell(note, user, &format!("segment {number}: slot {slot}, from position {start}"));
        }
        for log in &found.logs {
            let (name, start, end) = (&log.name, log.start, log.end);
            tell(note, user, &format!("log {}: {name}: offsets {start} to {end}", log.id));
        }
        if let Some(refused) = &found.refused {
            tell(note, user, &format!("cannot be opened: {refused}"));
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, inspect) }
}

/// Cuts the log of a shard at the first damage, after everything behind it was copied into quarantine; with
/// `RH_DRY_RUN` in `flags` only says what it would do. The cut and each file in quarantine is a line for
/// `note`, which may be NULL and gets `user`.
///
/// Errors: as `rh_store_shards`; `RH_E_INVALID` if there is no such shard. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_store_repair(
    directory: *const c_char,
    shard: u32,
    flags: u32,
    note: rh_note_fn,
    user: *mut c_void,
    out: *mut rh_repair,
    error: *mut rh_error,
) -> rh_status {
    let repair = || {
        // SAFETY: NULL, or as long as its size says; the header says so.
        let out = unsafe { GrowableOut::new(out) }?;
        let dry_run = flag(flags, RH_DRY_RUN)?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let mut store = unsafe { open(directory) }?;
        let shard = shard_of(&store, shard)?;
        let mut done = rh_repair {
            struct_size: size_of::<rh_repair>(),
            outcome: RH_REPAIR_NOTHING_TO_DO,
            reserved: 0,
            lost_records: 0,
            lost_bytes: 0,
            quarantined: 0,
            recreated: 0,
        };
        match store.repair(shard, RepairOptions { dry_run })? {
            RepairReport::NothingToRepair => {}
            RepairReport::NothingToKeep(damage) => {
                tell(note, user, &describe(&damage));
                done.outcome = RH_REPAIR_NOTHING_TO_KEEP;
            }
            RepairReport::Repaired(repair) => {
                if let Some(cut) = &repair.cut {
                    tell(note, user, &describe(cut));
                }
                for file in &repair.quarantined {
                    tell(note, user, &format!("in quarantine: {}", file.display()));
                }
                done.outcome = RH_REPAIR_DONE;
                done.lost_records = repair.lost.iter().map(|log| log.records).sum();
                done.lost_bytes = repair.lost_bytes;
                done.quarantined = repair.quarantined.len() as u64;
                done.recreated = repair.recreated.len() as u64;
            }
        }
        out.write(&done);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, repair) }
}

/// Gives every intact record of a shard to `visit`, with `user`, in the order in which they were appended, up to the
/// first damage, or with `RH_SALVAGE_ALL` in `flags` behind it too: then what was trimmed, truncated or deleted may be
/// among them. Changes nothing. Gives to `out` how many there were.
///
/// Errors: as `rh_store_shards`; `RH_E_INVALID` if there is no such shard or `visit` is NULL. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_store_salvage(
    directory: *const c_char,
    shard: u32,
    flags: u32,
    visit: rh_salvage_fn,
    user: *mut c_void,
    out: *mut u64,
    error: *mut rh_error,
) -> rh_status {
    let salvage = || {
        // SAFETY: an out-parameter may be written; the header says so.
        let out = unsafe { Out::new(out, "out") }?;
        let visit = visit.ok_or_else(|| Failure::null("visit"))?;
        let options = SalvageOptions { all: flag(flags, RH_SALVAGE_ALL)? };
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let mut store = unsafe { open(directory) }?;
        let shard = shard_of(&store, shard)?;
        let salvaged = store.salvage(shard, options, &mut |salvaged| {
            let record = crate::log::rh_record {
                offset: salvaged.offset.0,
                time_ns: salvaged.time.0,
                data: salvaged.body.as_ptr(),
                len: salvaged.body.len(),
                span: salvaged.count,
                reserved: 0,
            };
            let (name, len) =
                salvaged.name.map_or((std::ptr::null(), 0), |name| (name.as_ptr(), name.len()));
            // SAFETY: the program gave the function for this, with what it wants to get.
            unsafe { visit(user, salvaged.log.0, name.cast(), len, &raw const record) };
        })?;
        out.write(salvaged.records);
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, salvage) }
}

/// Tries whether a store could live in `directory`, which must exist: creates a file for direct I/O, writes to it
/// durably, and removes it.
///
/// Errors: `RH_E_UNSUPPORTED` or `RH_E_NOMEM` if there can be no ring, `RH_E_IO` with the kernel's answer, which is
/// `EINVAL` if the file system knows no direct I/O, `RH_E_INVALID`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_store_probe(
    directory: *const c_char,
    error: *mut rh_error,
) -> rh_status {
    let probe = || {
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let directory = unsafe { text(directory, "directory") }?;
        Ok(probe_directory(Path::new(directory))?)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_options>(std::ptr::null(), error, probe) }
}

/// # Safety
/// `directory` is NULL or ends with a NUL.
unsafe fn open(directory: *const c_char) -> Result<OfflineStore, Failure> {
    // SAFETY: the caller's promise.
    let directory = unsafe { text(directory, "directory") }?;
    Ok(OfflineStore::open(Path::new(directory))?)
}

fn shard_of(store: &OfflineStore, shard: u32) -> Result<ShardId, Failure> {
    let found = store.shards().find(|id| u32::from(id.0) == shard);
    found.ok_or_else(|| Failure::invalid(format!("the store has no shard {shard}")))
}

fn flag(flags: u32, known: u32) -> Result<bool, Failure> {
    if flags & !known != 0 {
        return Err(Failure::invalid(format!("there are no such flags: {flags:#x}")));
    }
    Ok(flags == known)
}

fn describe(damage: &Corruption) -> String {
    format!("{}: byte {}: {}", damage.file.display(), damage.file_offset, damage.reason)
}

fn tell(note: rh_note_fn, user: *mut c_void, text: &str) {
    if let Some(note) = note {
        // SAFETY: the program gave the function for this, with what it wants to get.
        unsafe { note(user, text.as_ptr().cast(), text.len()) };
    }
}
