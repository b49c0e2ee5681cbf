//! Identifiers that must not be mixed up, each its own type.

use std::fmt;

/// Defines a transparent integer identifier with ordering, hashing and a `Display` of the number.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A byte position in a shard's write-ahead log. It grows for ever; a position is used again
    /// only under a higher [`Epoch`], after recovery cut off an unacknowledged tail.
    ///
    /// `pos / slot_bytes` is the [`SegmentNo`], the remainder the byte inside its slot file.
    Pos(u64)
}
id! {
    /// The number of a record within its log, counted from 0.
    Offset(u64)
}
id! {
    /// A log within its shard. Never used again after the log was deleted.
    LogId(u32)
}
id! {
    /// A shard of an engine, counted from 0.
    ShardId(u16)
}
id! {
    /// The number of times a shard's store was opened for writing; part of every frame.
    Epoch(u32)
}
id! {
    /// A slot file of a shard's pool: `wal-<number>`.
    SlotNo(u32)
}
id! {
    /// A segment of a shard's write-ahead log: the range of positions that one slot file holds.
    SegmentNo(u64)
}

impl Pos {
    /// The position `bytes` further on.
    pub fn advance(self, bytes: u64) -> Pos {
        Pos(self.0 + bytes)
    }

    /// The segment that holds this position when slots have `slot_bytes` bytes.
    pub fn segment(self, slot_bytes: u64) -> SegmentNo {
        SegmentNo(self.0 / slot_bytes)
    }

    /// The byte within the slot file that holds this position.
    pub fn in_slot(self, slot_bytes: u64) -> u64 {
        self.0 % slot_bytes
    }
}

impl Offset {
    /// The offset `count` records further on.
    pub fn advance(self, count: u64) -> Offset {
        Offset(self.0 + count)
    }
}

impl Epoch {
    /// The epoch after this one.
    pub fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl SegmentNo {
    /// The position of the first byte of this segment.
    pub fn base(self, slot_bytes: u64) -> Pos {
        Pos(self.0 * slot_bytes)
    }

    /// The segment after this one.
    pub fn next(self) -> SegmentNo {
        SegmentNo(self.0 + 1)
    }
}

/// The identity of a store: 128 random bits chosen when it was created, the same on all its shards.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct StoreId(pub [u8; 16]);

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_names_its_segment_and_the_byte_in_it() {
        let pos = Pos(3 * 4096 + 17);
        assert_eq!(pos.segment(4096), SegmentNo(3));
        assert_eq!(pos.in_slot(4096), 17);
        assert_eq!(SegmentNo(3).base(4096).advance(17), pos);
    }

    #[test]
    fn a_store_id_prints_as_32_hex_digits() {
        let mut id = StoreId::default();
        id.0[0] = 0xab;
        assert_eq!(id.to_string(), format!("ab{}", "0".repeat(30)));
    }
}
