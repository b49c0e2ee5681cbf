//! What a shard's store is now.

use roundhouse::StoreInfo;

use super::{rh_engine, shard_of};
use crate::entry::{Growable, GrowableOut, enter};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle;
use crate::queue::{Once, RH_OP_STORE_INFO, Success, rh_queue};
use crate::status::{RH_E_CLOSED, rh_status};

/// What the store of a shard is at one moment. Start from `RH_STORE_INFO_INIT`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_store_info {
    /// The size of this structure.
    pub struct_size: usize,
    /// The first position of the write-ahead log that is kept.
    pub low_water: u64,
    /// Where the next frame goes.
    pub end: u64,
    /// Everything below is durable.
    pub durable_upto: u64,
    /// Slot files.
    pub slots: u64,
    /// Of those, how many hold nothing live.
    pub slots_ready: u64,
    /// Segments with live records, and the active one.
    pub segments: u64,
    /// Logs.
    pub logs: u64,
    /// Bytes kept in memory for readers.
    pub cache_bytes: u64,
    /// Bytes of a slot file.
    pub slot_bytes: u64,
    /// How often the store was opened for writing.
    pub epoch: u64,
}

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_store_info {
    const NAME: &'static str = "rh_store_info";
    const SIZE_MIN: usize = 88;
}

impl rh_store_info {
    fn new(info: &StoreInfo) -> rh_store_info {
        rh_store_info {
            struct_size: size_of::<rh_store_info>(),
            low_water: info.low_water.0,
            end: info.end.0,
            durable_upto: info.durable_upto.0,
            slots: info.slots as u64,
            slots_ready: info.slots_ready as u64,
            segments: info.segments as u64,
            logs: info.logs as u64,
            cache_bytes: info.cache_bytes as u64,
            slot_bytes: info.superblock.slot_bytes,
            epoch: info.superblock.epoch.0.into(),
        }
    }
}

/// Asks what the store of a shard is now. `out`, whose `struct_size` must be set, is borrowed until the
/// completion.
///
/// Completes as `RH_OP_STORE_INFO` with `out` filled, or `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_engine_get_info(
    engine: *const rh_engine,
    queue: *const rh_queue,
    shard: u32,
    out: *mut rh_store_info,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let ask = || {
        let (engine, queue) = (handle::get(engine)?, handle::get(queue)?);
        let shard = shard_of(&engine.engine, shard)?;
        // SAFETY: NULL, or as long as its size says and the library's until the completion; the header says so.
        let out = unsafe { GrowableOut::new(out) }?;
        queue.submit(RH_OP_STORE_INFO, user_data, || {
            Ok(Box::pin(async move {
                let infos = engine.engine.info().await?;
                let info = infos.get(usize::from(shard.0));
                let closed = || Failure::new(RH_E_CLOSED, "the shard is closed");
                out.write(&rh_store_info::new(info.ok_or_else(closed)?));
                Ok(Success::DONE)
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, ask) }
}
