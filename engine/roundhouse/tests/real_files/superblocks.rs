//! Copies of the superblock that are damaged or old, in every mixture.

use std::fs;
use std::path::Path;

use roundhouse::{Error, OpenError, block_on};

use crate::content::{body, builder, read_all};
use crate::damage::copy_store;

const COPIES: usize = 4;
const COPY_BYTES: usize = 4096;
const RECORDS: u64 = 10;

async fn append_some(directory: &Path) {
    let engine = builder(directory, 1).open().await.unwrap();
    let log = engine.log("orders").open_or_create().await.unwrap();
    let start = log.info().await.unwrap().end.0;
    for offset in start..start + RECORDS {
        log.append(body("orders", offset, 100)).await.unwrap();
    }
    engine.close().await.unwrap();
}

async fn count(directory: &Path) -> Result<u64, Error> {
    let engine = builder(directory, 1).open().await?;
    let log = engine.log("orders").open().await?;
    let (end, error) = read_all(&log, "superblocks").await;
    assert!(error.is_none(), "{error:?}");
    engine.close().await?;
    Ok(end.0)
}

/// Opens a copy of a store for each choice of copies of its superblock, changed by `change`, which
/// gets the file of the store's first life and of its last.
fn each_choice(change: impl Fn(&mut [u8], &[u8]), judge: impl Fn(u32, Result<u64, Error>)) {
    let scratch = tempfile::tempdir().unwrap();
    let (directory, copy) = (scratch.path().join("store"), scratch.path().join("copy"));
    let superblock = |directory: &Path| directory.join("shard-000").join("superblock");
    block_on(append_some(&directory));
    let old = fs::read(superblock(&directory)).unwrap();
    block_on(append_some(&directory));
    for choice in 1_u32..1 << COPIES {
        copy_store(&directory, &copy);
        let mut file = fs::read(superblock(&copy)).unwrap();
        for no in (0..COPIES).filter(|no| choice & (1 << no) != 0) {
            let range = no * COPY_BYTES..(no + 1) * COPY_BYTES;
            change(&mut file[range.clone()], &old[range]);
        }
        fs::write(superblock(&copy), &file).unwrap();
        judge(choice, block_on(count(&copy)));
        fs::remove_dir_all(&copy).unwrap();
    }
}

#[test]
fn two_damaged_copies_are_mended_and_more_are_refused() {
    let judge = |choice: u32, found: Result<u64, Error>| match found {
        Ok(count) => assert!(choice.count_ones() <= 2 && count == 2 * RECORDS, "{choice:#b}"),
        Err(Error::Open(OpenError::Superblock { .. })) => {
            assert!(choice.count_ones() > 2, "{choice:#b}");
        }
        Err(error) => panic!("{choice:#b}: {error}"),
    };
    each_choice(|copy, _| copy[40] ^= 0x10, judge);
}

#[test]
fn two_copies_of_an_older_superblock_are_mended_and_more_are_refused() {
    let judge = |choice: u32, found: Result<u64, Error>| match found {
        Ok(count) => assert!(choice.count_ones() <= 2 && count == 2 * RECORDS, "{choice:#b}"),
        Err(Error::Open(OpenError::Corruption(_))) => {
            assert!(choice.count_ones() > 2, "{choice:#b}");
        }
        Err(error) => panic!("{choice:#b}: {error}"),
    };
    each_choice(|copy, old| copy.copy_from_slice(old), judge);
}
