//! Whether options fit together, and how they are split over shards.

use roundhouse_base::{ByteSize, limits};

use super::{Options, OptionsError};

/// Fewest slots a shard works with: one is written, one is ready to be next, one is being emptied.
pub(super) const SLOTS_PER_SHARD_MIN: u64 = 3;

impl Options {
    /// Checks every option, and that they fit together.
    ///
    /// If the number of shards is left to the machine (`shards` is 0), that they fit some number:
    /// [`Options::check_for`] is for the one that [`Options::shards_on`] chose.
    ///
    /// # Errors
    /// [`OptionsError::Value`] for an option out of its bounds; else the variant for those that
    /// don't fit together.
    pub fn check(&self) -> Result<(), OptionsError> {
        match self.shards {
            0 => self.check_between(1, limits::SHARDS_MAX as u16),
            shards => self.check_between(shards, shards),
        }
    }

    /// [`Options::check`] for an engine of `shards` shards, whatever the option says: the number of
    /// a store that exists, for example. 0 counts as 1.
    ///
    /// # Errors
    /// As [`Options::check`].
    pub fn check_for(&self, shards: u16) -> Result<(), OptionsError> {
        self.check_between(shards.max(1), shards.max(1))
    }

    /// The shards of a new engine on a machine that allows it `cpus` CPUs.
    ///
    /// The option, if it is not 0; else one per CPU, but no more than `memory` and `capacity` give
    /// their minimum to, and 1 to [`limits::SHARDS_MAX`].
    pub fn shards_on(&self, cpus: usize) -> u16 {
        if self.shards != 0 {
            return self.shards;
        }
        let memory_fits = self.memory.0 / limits::MEMORY_BYTES_MIN;
        let capacity_fits = self.capacity.map_or(u64::MAX, |capacity| {
            capacity.0 / self.slot_size.0.max(1) / SLOTS_PER_SHARD_MIN
        });
        let shards = (cpus as u64).min(memory_fits).min(capacity_fits);
        shards.clamp(1, limits::SHARDS_MAX as u64) as u16
    }

    /// Each shard's part of `memory`. 0 shards count as 1.
    pub fn memory_per_shard(&self, shards: u16) -> ByteSize {
        ByteSize(self.memory.0 / u64::from(shards.max(1)))
    }

    /// Each shard's part of `capacity`; `None` if it has no bound. 0 shards count as 1.
    pub fn capacity_per_shard(&self, shards: u16) -> Option<ByteSize> {
        self.capacity.map(|capacity| ByteSize(capacity.0 / u64::from(shards.max(1))))
    }

    /// Checks lower bounds for the fewest shards there may be, and upper bounds for the most.
    fn check_between(&self, fewest: u16, most: u16) -> Result<(), OptionsError> {
        if let Some(info) = Options::table().iter().find(|info| !(info.is_within)(self)) {
            return Err(info.refusal(&info.value_in(self)));
        }
        if self.memory_per_shard(fewest).0 < limits::MEMORY_BYTES_MIN {
            return Err(OptionsError::MemoryPerShard { memory: self.memory, shards: fewest });
        }
        let Some(capacity) = self.capacity else { return Ok(()) };
        let slot_size = self.slot_size;
        let slots_for = |shards| capacity.0 / u64::from(shards) / slot_size.0;
        if slots_for(fewest) < SLOTS_PER_SHARD_MIN {
            return Err(OptionsError::CapacityTooSmall { capacity, shards: fewest, slot_size });
        }
        if slots_for(most) > limits::SLOTS_MAX as u64 {
            return Err(OptionsError::CapacityTooLarge { capacity, shards: most, slot_size });
        }
        Ok(())
    }
}
