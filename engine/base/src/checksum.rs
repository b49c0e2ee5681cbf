//! The two checksums of the on-disk format.
//!
//! * CRC-32C (Castagnoli, RFC 3720 section 12.1) guards headers and single records: every CPU has
//!   it, and Kafka batches use the same one.
//! * CRC-64/NVME (NVM Express Base Specification 2.0, section 5.2.1.3.4) guards the payload of a
//!   whole frame, which may be a megabyte: 64 bits, and computed by carry-less multiplication at
//!   about the speed of memory.
//!
//! Both are salted by their initial state. For messages of equal length a different initial state
//! always yields a different sum, so a block left over from another epoch or another store is
//! rejected even if every one of its bytes is intact.

use crc_fast::CrcAlgorithm::{Crc32Iscsi, Crc64Nvme};
use crc_fast::Digest;

/// CRC-32C of `parts` one after the other, starting from `salt`.
pub fn crc32c(salt: u32, parts: &[&[u8]]) -> u32 {
    digest(Crc32Iscsi, u64::from(salt), parts) as u32
}

/// CRC-64/NVME of `bytes`, starting from `salt`.
pub fn crc64(salt: u64, bytes: &[u8]) -> u64 {
    digest(Crc64Nvme, salt, &[bytes])
}

fn digest(algorithm: crc_fast::CrcAlgorithm, salt: u64, parts: &[&[u8]]) -> u64 {
    // The algorithms start from all ones; a salt of zero therefore gives the standard sum.
    let ones = if algorithm == Crc32Iscsi { u64::from(u32::MAX) } else { u64::MAX };
    let mut digest = Digest::new_with_init_state(algorithm, salt ^ ones);
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_unsalted_sum_is_the_published_one() {
        assert_eq!(crc32c(0, &[b"123456789"]), 0xe306_9283);
        assert_eq!(crc64(0, b"123456789"), 0xae8b_1486_0a79_9888);
    }

    proptest! {
        #[test]
        fn parts_sum_like_the_whole(bytes: Vec<u8>, cut: prop::sample::Index, salt: u32) {
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(crc32c(salt, &[head, tail]), crc32c(salt, &[&bytes]));
        }

        #[test]
        fn another_salt_never_gives_the_same_sum(bytes: Vec<u8>, a: u64, b: u64) {
            prop_assume!(a != b);
            prop_assert_ne!(crc64(a, &bytes), crc64(b, &bytes));
            prop_assume!(a as u32 != b as u32);
            prop_assert_ne!(crc32c(a as u32, &[&bytes]), crc32c(b as u32, &[&bytes]));
        }

        #[test]
        fn one_flipped_bit_changes_the_sum(mut bytes: Vec<u8>, at: prop::sample::Index, bit in 0u8..8) {
            prop_assume!(!bytes.is_empty());
            let (sum32, sum64) = (crc32c(1, &[&bytes]), crc64(1, &bytes));
            let at = at.index(bytes.len());
            bytes[at] ^= 1u8 << bit;
            prop_assert_ne!(crc32c(1, &[&bytes]), sum32);
            prop_assert_ne!(crc64(1, &bytes), sum64);
        }
    }
}
