//! Damage to the head of the newest segment is found by what lies behind it.

use std::path::Path;

use roundhouse_base::{Epoch, Pos};
use roundhouse_store::format::FrameKind;
use roundhouse_store::{LogConfig, NewRecord, OpenError, Store, Verdict, verify};
use roundhouse_verify::image::{Image, PlacedFrame};
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

/// Writes into two segments, with more than one frame in flight at the start of the second; returns
/// its head and the frame that was submitted before the head was durable.
fn head_and_hasty_frame(scene: &mut Scene) -> (Image, PlacedFrame, PlacedFrame) {
    scene.run(async |shard| {
        let store = open(&shard, IDENTITY).await.unwrap();
        let log = store.create_log("orders", LogConfig::default()).await.unwrap();
        let append = |store: Store| async move {
            let body = vec![7; 30_000];
            store.append(log, &[NewRecord::from(body.as_slice())]).await.unwrap();
        };
        let appends: Vec<_> = (0..12).map(|_| shard.spawn(append(store.clone()))).collect();
        for append in appends {
            append.await;
        }
    });
    scene.cluster.crash(&scene.node);
    let image = Image::take(&scene.node);
    let frames = image.frames();
    let (head, hasty) = frames
        .windows(2)
        .map(|pair| (&pair[0], &pair[1]))
        .find(|(head, next)| {
            let is_second = head.header.kind == FrameKind::Head && head.header.pos > Pos(0);
            is_second && next.header.durable_upto <= head.header.pos
        })
        .expect("two frames were in flight");
    let (head, hasty) = (head.clone(), hasty.clone());
    (image, head, hasty)
}

/// Seed 200022476: a crash took the head of a segment and left the frame that was in flight with it.
/// The log ended behind the seal before, rightly, but the frame was given up without a copy: where a
/// head is missing nothing was rejected, and only what had been rejected was copied.
#[test]
fn a_frame_behind_a_lost_head_is_given_up_with_a_copy() {
    let mut scene = Scene::new(1);
    let (image, head, hasty) = head_and_hasty_frame(&mut scene);
    let mut content = image.file(&head.file).unwrap().to_vec();
    content[..hasty.at as usize].fill(0);
    content[hasty.at as usize + hasty.header.frame_bytes as usize..].fill(0);
    scene.node.write_file(&head.file, &content);

    let verified =
        scene.run(async |shard| verify(&shard, Path::new(DIRECTORY), &mut |_| {}).await.unwrap());
    let Verdict::TornTail(torn) = &verified.verdict else { panic!("{verified:?}") };
    assert_eq!((torn.pos, torn.frames_end), (head.header.pos, Some(hasty.header.end())));
    assert_eq!((torn.file.as_path(), torn.file_offset), (head.file.as_path(), 0));

    assert!(scene.open_and_read(IDENTITY).unwrap().error.is_none());
    let kept = &content[..hasty.at as usize + hasty.header.frame_bytes as usize];
    let copies: Vec<Vec<u8>> =
        Image::take(&scene.node).quarantine().map(|(_, copy)| copy.to_vec()).collect();
    assert_eq!(copies, [kept]);
}

/// Seed 300009165: the superblock was an older one than the frames, and the first head was gone. Of the
/// slots of a store without any head the one whose frames reach furthest was asked, and frames of an
/// epoch that the superblock does not know of reach nowhere, whatever they prove: the store was taken
/// for one that was never written.
#[test]
fn frames_of_an_unknown_epoch_without_a_head_are_not_taken_for_an_empty_store() {
    for epoch in [Epoch(0), Epoch(1)] {
        let mut scene = Scene::new(1);
        let mut older = superblock_without_frames(&mut scene, epoch);
        older.resize(4 * 4096, 0);
        scene.run(async |shard| drop(append(&shard, 0..20).await));
        scene.cluster.crash(&scene.node);
        scene.node.write_file(SUPERBLOCK, &older);
        scene.node.corrupt(Path::new(DIRECTORY).join("wal-00000000"), 40, 1);
        let before = Image::take(&scene.node);

        let opened = scene.open_and_read(IDENTITY);
        let is_named = matches!(&opened, Err(OpenError::Corruption(found)) if found.pos == Pos(0));
        assert!(is_named, "{epoch}: {opened:?}");
        assert_eq!(Image::take(&scene.node), before);
    }
}

/// Lets the power fail when `epoch` has begun, or the first superblock is there, but no frame yet.
fn superblock_without_frames(scene: &mut Scene, epoch: Epoch) -> Vec<u8> {
    for steps in 1.. {
        scene.run_until_crash(steps, async |shard| drop(open(&shard, IDENTITY).await));
        let image = Image::take(&scene.node);
        if image.superblock().is_some_and(|superblock| superblock.epoch == epoch) {
            assert!(image.frames().is_empty(), "the superblock comes first");
            return scene.node.read_file(SUPERBLOCK);
        }
    }
    unreachable!("opening ends")
}

const SUPERBLOCK: &str = "data/shard-000/superblock";
