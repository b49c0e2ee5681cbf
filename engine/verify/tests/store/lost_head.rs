//! Damage to the head of the newest segment is found by what lies behind it.

use std::path::Path;

use roundhouse_base::Pos;
use roundhouse_store::{LogConfig, NewRecord, OpenError};
use roundhouse_verify::image::Image;
use roundhouse_verify::scene::{DIRECTORY, IDENTITY, Scene, append, open, options};

/// A seal named the slot after the next one, since it is submitted after its successor was
/// activated. Opening then looked for evidence in the wrong file: with one flipped bit in the head
/// of the newest segment the acknowledged records behind it were dropped without a word.
#[test]
fn acknowledged_records_behind_a_damaged_head_are_not_dropped() {
    let mut scene = Scene::new(1);
    let end = scene.run(async |shard| {
        let store = open(&shard, IDENTITY).await.unwrap();
        let log = store.create_log("orders", LogConfig::default()).await.unwrap();
        while store.info().segments < 3 {
            store.append(log, &[NewRecord::from([7; 3000].as_slice())]).await.unwrap();
        }
        for _ in 0..5 {
            store.append(log, &[NewRecord::from([7; 3000].as_slice())]).await.unwrap();
        }
        store.info().end
    });
    let Scene { node, cluster } = &mut scene;
    cluster.crash(node);
    let slot_bytes = options().slot_bytes;
    let head = end.segment(slot_bytes).base(slot_bytes);
    let holds_head = |path: &std::path::PathBuf| {
        let content = node.read_file(path);
        content.starts_with(b"RHFR") && content[8..16] == head.0.to_le_bytes()
    };
    let slot = node.files().into_iter().find(holds_head).expect("a slot holds the segment");
    node.corrupt(&slot, 40, 1);

    let opened = scene.open_and_read(IDENTITY);
    assert!(matches!(opened, Err(OpenError::Corruption(_))), "{opened:?}");
}

/// A store that was never opened again has nothing in its superblock that tells how far it came.
/// With one flipped bit in the very first head it was taken for one that was never written, and the
/// next opening began at position 0 on top of everything that was acknowledged.
#[test]
fn a_store_whose_first_head_is_damaged_is_not_taken_for_an_empty_one() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| drop(append(&shard, 0..20).await));
    scene.cluster.crash(&scene.node);
    scene.node.corrupt(Path::new(DIRECTORY).join("wal-00000000"), 40, 1);
    let before = Image::take(&scene.node);

    let opened = scene.open_and_read(IDENTITY);
    let is_named = matches!(&opened, Err(OpenError::Corruption(found)) if found.pos == Pos(0));
    assert!(is_named, "{opened:?}");
    assert_eq!(Image::take(&scene.node), before);
}
