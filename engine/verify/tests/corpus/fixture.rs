//! The files of the store that format version 1 wrote.

use std::collections::BTreeMap;

const PACK: &[u8] = include_bytes!("../../../roundhouse/tests/fixture/v1.pack");
const BLOCK_BYTES: usize = 4096;

/// Their contents by name. `engine/roundhouse/tests/fixture_v1.rs` describes the pack.
pub(crate) fn files() -> BTreeMap<String, Vec<u8>> {
    let mut packed = PACK;
    let mut files = BTreeMap::new();
    while !packed.is_empty() {
        let name_bytes = number(&mut packed);
        let name = String::from_utf8_lossy(bytes(&mut packed, name_bytes)).into_owned();
        let mut content = vec![0; number(&mut packed)];
        for _ in 0..number(&mut packed) {
            let at = number(&mut packed) * BLOCK_BYTES;
            content[at..at + BLOCK_BYTES].copy_from_slice(bytes(&mut packed, BLOCK_BYTES));
        }
        files.insert(name, content);
    }
    files
}

fn number(packed: &mut &[u8]) -> usize {
    let number = bytes(packed, 8).try_into().expect("eight bytes");
    u64::from_le_bytes(number) as usize
}

fn bytes<'a>(packed: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (bytes, rest) = packed.split_at(count);
    *packed = rest;
    bytes
}
