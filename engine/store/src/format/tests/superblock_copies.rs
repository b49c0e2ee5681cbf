//! Which copy of a superblock counts, case by case.

use proptest::prelude::*;

use super::{golden, strategies};
use crate::format::reject::CopyReject;
use crate::format::superblock::{SUPERBLOCK_BYTES, SUPERBLOCK_COPIES, SUPERBLOCK_COPY_BYTES};
use crate::format::*;

/// One place of the file in a test case.
#[derive(Clone, Copy)]
enum Place {
    /// The copy of a sequence.
    Seq(u64),
    /// A copy of a sequence with another content, as no single writer makes it.
    Other(u64),
    /// The copy of a sequence that belongs to the next place.
    Misplaced(u64),
    /// The copy of a sequence, half of it.
    Torn(u64),
    /// The copy of a sequence in format version 2.
    Newer(u64),
    Blank,
}
use Place::{Blank, Misplaced, Newer, Other, Seq, Torn};

fn file(places: [Place; SUPERBLOCK_COPIES]) -> Vec<u8> {
    places.into_iter().enumerate().flat_map(|(index, place)| copy(index, place)).collect()
}

fn copy(index: usize, place: Place) -> [u8; SUPERBLOCK_COPY_BYTES] {
    let at = |sequence| Superblock { sequence, ..golden::superblock() };
    match place {
        Seq(sequence) => at(sequence).encode_copy(index),
        Other(sequence) => Superblock { salt: 1, ..at(sequence) }.encode_copy(index),
        Misplaced(sequence) => at(sequence).encode_copy((index + 1) % SUPERBLOCK_COPIES),
        Torn(sequence) => {
            let mut bytes = at(sequence).encode_copy(index);
            bytes[48..].fill(0);
            bytes
        }
        Newer(sequence) => {
            let mut bytes = at(sequence).encode_copy(index);
            bytes[8] = 2;
            let sum = roundhouse_base::checksum::crc64(0, &bytes[..4080]);
            bytes[4088..].copy_from_slice(&sum.to_le_bytes());
            bytes
        }
        Blank => [0; SUPERBLOCK_COPY_BYTES],
    }
}

#[test]
fn the_highest_sequence_two_copies_agree_on_counts() {
    for (places, sequence, stale, next) in [
        ([Seq(5), Seq(5), Seq(5), Seq(5)], 5, [false, false, false, false], 6),
        // An update was cut off before its first sync, during its second write, and after it.
        ([Seq(6), Seq(5), Seq(5), Seq(5)], 5, [true, false, false, false], 7),
        ([Torn(6), Torn(6), Seq(5), Seq(5)], 5, [true, true, false, false], 6),
        ([Seq(6), Torn(6), Seq(5), Seq(5)], 5, [true, true, false, false], 7),
        ([Seq(6), Seq(6), Seq(5), Seq(5)], 6, [false, false, true, true], 7),
        ([Seq(6), Seq(6), Torn(6), Seq(5)], 6, [false, false, true, true], 7),
        ([Seq(6), Seq(6), Seq(6), Torn(6)], 6, [false, false, false, true], 7),
        // Two copies are damaged or lost, in any places.
        ([Blank, Seq(5), Torn(5), Seq(5)], 5, [true, false, true, false], 6),
        ([Seq(5), Misplaced(5), Misplaced(5), Seq(5)], 5, [false, true, true, false], 6),
        // A stale copy came back; a single one never counts.
        ([Seq(5), Seq(4), Seq(5), Seq(9)], 5, [false, true, false, true], 10),
        // A quorum of a newer version is outdone by one that is newer in time.
        ([Newer(4), Newer(4), Seq(5), Seq(5)], 5, [true, true, false, false], 6),
        ([Seq(5), Newer(6), Seq(5), Seq(5)], 5, [false, true, false, false], 7),
        // The same sequence with another content, once: left over from a crashed update.
        ([Other(6), Seq(6), Seq(6), Seq(5)], 6, [true, false, false, true], 7),
    ] {
        let quorum = Quorum::choose(&file(places)).unwrap();
        assert_eq!(quorum.superblock.sequence, sequence);
        assert_eq!(quorum.stale, stale);
        assert_eq!(quorum.sequence_next, next);
    }
}

#[test]
fn without_two_equal_copies_each_copy_is_accounted_for() {
    let places = [Seq(5), Torn(5), Misplaced(6), Blank];
    let error = Quorum::choose(&file(places)).unwrap_err();
    let SuperblockError::NoQuorum { copies } = &error else { panic!("{error:?}") };
    assert_eq!(copies[0], Ok(5));
    assert!(matches!(copies[1], Err(CopyReject::Checksum { .. })));
    assert_eq!(copies[2], Err(CopyReject::Misplaced { expected: 2, found: 3 }));
    assert_eq!(copies[3], Err(CopyReject::Magic { found: 0 }));
    assert!(error.to_string().contains("copy 0 has sequence 5; copy 1: checksum"), "{error}");

    let all_differ = Quorum::choose(&file([Seq(1), Seq(2), Seq(3), Seq(4)]));
    let copies = Box::new([Ok(1), Ok(2), Ok(3), Ok(4)]);
    assert_eq!(all_differ, Err(SuperblockError::NoQuorum { copies }));
}

#[test]
fn other_reasons_for_no_superblock_are_told_apart() {
    let not_a_store = Err(SuperblockError::NotAStore);
    assert_eq!(Quorum::choose(&file([Blank; 4])), not_a_store);
    assert_eq!(Quorum::choose(&[]), not_a_store);
    assert_eq!(Quorum::choose(&[b'x'; SUPERBLOCK_BYTES]), not_a_store);
    assert_eq!(
        Quorum::choose(&file([Newer(6), Newer(6), Seq(5), Seq(5)])),
        Err(SuperblockError::NewerVersion { found: 2 })
    );
    assert_eq!(
        Quorum::choose(&file([Seq(5), Seq(5), Other(5), Other(5)])),
        Err(SuperblockError::Split { sequence: 5 })
    );
}

#[test]
fn a_file_cut_short_lacks_only_the_copies_behind_the_cut() {
    let file = file([Seq(5); 4]);
    let quorum = Quorum::choose(&file[..2 * SUPERBLOCK_COPY_BYTES + 100]).unwrap();
    assert_eq!(quorum.stale, [false, false, true, true]);
    let error = Quorum::choose(&file[..SUPERBLOCK_COPY_BYTES]).unwrap_err();
    assert!(matches!(error, SuperblockError::NoQuorum { .. }));
}

proptest! {
    /// The writer's protocol: the stale copies first, then a sync, then the others. Whatever the
    /// crash leaves of the copies in flight, the old or the new superblock is chosen.
    #[test]
    fn no_crash_during_an_update_loses_the_superblock(
        old in strategies::superblock(),
        second_half: bool,
        torn: [Option<bool>; 2],
        garbage: u8,
    ) {
        let old = Superblock { sequence: 5, ..old };
        let new = Superblock { sequence: 6, low_water: old.epoch_start, ..old };
        let in_flight = if second_half { [2, 3] } else { [0, 1] };
        let mut file: Vec<u8> = (0..SUPERBLOCK_COPIES)
            .flat_map(|i| if second_half && i < 2 { new } else { old }.encode_copy(i))
            .collect();
        for (index, written) in in_flight.into_iter().zip(torn) {
            let start = index * SUPERBLOCK_COPY_BYTES;
            let copy = &mut file[start..start + SUPERBLOCK_COPY_BYTES];
            match written {
                Some(true) => copy.copy_from_slice(&new.encode_copy(index)),
                Some(false) => copy[512..1024].fill(garbage | 1),
                None => {}
            }
        }
        let chosen = Quorum::choose(&file).unwrap().superblock;
        prop_assert!(chosen == new || (chosen == old && !second_half));
    }
}
