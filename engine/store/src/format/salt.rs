//! Salts: numbers that only this shard's current epoch starts its checksums with.
//!
//! Slots are recycled and logs carry arbitrary bytes, so blocks that once were parts of intact
//! frames turn up wherever recovery looks: a sibling shard's, another store's that was shipped
//! through a log, an earlier epoch's payload behind a new header. The salt makes their checksums
//! wrong. What it can't tell apart is a whole stale frame of the same shard, which names its own
//! epoch; its position, its epoch and the chain do (`FrameHeader::check_*`).

use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::random::mix;
use roundhouse_base::{Epoch, ShardId, StoreId};

/// The salts of all epochs of one shard's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salts {
    seed: u64,
}

/// The salts of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochSalt {
    /// The epoch these salts belong to.
    pub epoch: Epoch,
    /// Salt of a frame's payload checksum (CRC-64).
    pub payload: u64,
    /// Salt of a frame's header checksum (CRC-32C).
    pub header: u32,
}

impl Salts {
    /// The salts of `shard` of the store `store`, whose superblock holds the random number `salt`.
    pub fn new(store: StoreId, shard: ShardId, salt: u64) -> Salts {
        if planted(Bug::SaltOmitted) {
            return Salts { seed: 0 };
        }
        let id = u128::from_le_bytes(store.0);
        let seed = [id as u64, (id >> 64) as u64, u64::from(shard.0)]
            .into_iter()
            .fold(mix(salt), |seed, word| mix(seed ^ word));
        Salts { seed }
    }

    /// The salts of `epoch`. Two epochs of one store share neither of them: both are bijections of
    /// the epoch's number.
    pub fn epoch(&self, epoch: Epoch) -> EpochSalt {
        EpochSalt {
            epoch,
            payload: mix(self.seed ^ u64::from(epoch.0)),
            header: mix(self.seed) as u32 ^ epoch.0.wrapping_mul(HEADER_SALT_STEP),
        }
    }
}

/// Odd, hence invertible modulo 2^32; the integer nearest to 2^32 divided by the golden ratio,
/// which spreads neighbouring epochs over all bits.
const HEADER_SALT_STEP: u32 = 0x9e37_79b9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn epochs_of_one_store_share_no_salt(id: [u8; 16], salt: u64, a: u32, b: u32) {
            prop_assume!(a != b);
            let salts = Salts::new(StoreId(id), ShardId(1), salt);
            let (a, b) = (salts.epoch(Epoch(a)), salts.epoch(Epoch(b)));
            prop_assert!(a.payload != b.payload && a.header != b.header);
        }

        #[test]
        fn every_ingredient_changes_the_salt(
            id: [u8; 16],
            shard: u16,
            salt: u64,
            bit in 0usize..128,
        ) {
            let (store, shard) = (StoreId(id), ShardId(shard));
            let base = Salts::new(store, shard, salt);
            let other_store = StoreId((u128::from_le_bytes(id) ^ (1u128 << bit)).to_le_bytes());
            let other_shard = ShardId(shard.0 ^ (1u16 << (bit % 16)));
            prop_assert_ne!(base, Salts::new(other_store, shard, salt));
            prop_assert_ne!(base, Salts::new(store, other_shard, salt));
            prop_assert_ne!(base, Salts::new(store, shard, salt ^ (1u64 << (bit % 64))));
        }
    }
}
