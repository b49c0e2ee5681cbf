//! What a store can be told.

use std::time::Duration;

use roundhouse_base::limits;

use crate::format::SyncMethod;

/// Options of one shard's store. [`StoreOptions::default`] suits a server with an NVMe or virtual
/// disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// Bytes of one slot file; fixed when the store is created, ignored afterwards. A multiple of
    /// the block size within [`limits::SLOT_BYTES_MIN`] and [`limits::SLOT_BYTES_MAX`].
    pub slot_bytes: u64,
    /// Most bytes of slot files; appends beyond are refused with `NoSpace`. At least two slots.
    /// `None`: until the file system is full.
    pub capacity_bytes: Option<u64>,
    /// Memory for records on their way to disk, the cached tail and reads.
    pub memory_bytes: u64,
    /// How writes are made durable.
    pub sync_method: SyncChoice,
    /// After this long without an append an anchor frame is written, so that damage to the last
    /// acknowledged frame can be told from a torn write. `None`: only a clean close proves it.
    pub anchor_delay: Option<Duration>,
    /// Whether new slots are zeroed before use, which makes small durable writes twice as fast.
    pub zero_slots: bool,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            slot_bytes: limits::SLOT_BYTES_DEFAULT,
            capacity_bytes: None,
            memory_bytes: 64 * 1024 * 1024,
            sync_method: SyncChoice::Probe,
            anchor_delay: Some(Duration::from_millis(250)),
            zero_slots: true,
        }
    }
}

impl StoreOptions {
    /// Says what is wrong with these options, if anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        let slot = self.slot_bytes;
        if !(limits::SLOT_BYTES_MIN..=limits::SLOT_BYTES_MAX).contains(&slot)
            || !slot.is_multiple_of(limits::BLOCK_BYTES as u64)
        {
            return Err(format!(
                "slot_bytes = {slot}: must be a multiple of {} from {} to {}",
                limits::BLOCK_BYTES,
                limits::SLOT_BYTES_MIN,
                limits::SLOT_BYTES_MAX
            ));
        }
        if self.memory_bytes < limits::MEMORY_BYTES_MIN {
            return Err(format!(
                "memory_bytes = {}: a shard needs at least {}",
                self.memory_bytes,
                limits::MEMORY_BYTES_MIN
            ));
        }
        Ok(())
    }
}

/// How the sync method is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyncChoice {
    /// Time both for about a tenth of a second when the store is created and keep the faster.
    #[default]
    Probe,
    /// Use this one from now on.
    Fixed(SyncMethod),
}
