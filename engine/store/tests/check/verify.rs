//! Verification finds all damage, where it is, and no other.

use std::path::Path;

use roundhouse_base::SlotNo;
use roundhouse_store::format::FrameKind;
use roundhouse_store::*;

use crate::scene::*;

#[test]
fn a_clean_store_is_clean_and_counted() {
    let mut scene = Scene::with_store(1);
    let frames = scene.frames();
    let before = scene.files();
    let (verification, progress) = scene.run(async |shard| {
        let mut last = None;
        let mut note = |progress: Progress| last = Some(progress);
        let verification = verify(&shard, Path::new(DIRECTORY), &mut note).await.unwrap();
        (verification, last.unwrap())
    });
    assert!(matches!(verification.verdict, Verdict::Clean), "{verification:?}");
    assert_eq!(progress.bytes_done, verification.end.0);
    assert!(progress.bytes_done <= progress.bytes_total);
    assert_eq!(verification.copies, [CopyState::Current; 4]);
    assert_eq!(verification.frames, frames.len() as u64);
    assert_eq!(verification.records, records_before(&frames, verification.end));
    assert_eq!(verification.end, frames.last().unwrap().header.end());
    assert_eq!(scene.files(), before, "nothing was changed");

    let bodies = scene.read();
    for log in &verification.logs {
        let bodies = &bodies[log.name.as_ref().unwrap()];
        assert_eq!(log.records, bodies.len() as u64);
    }
}

#[test]
fn one_flip_anywhere_in_any_frame_is_found_where_it_is() {
    let mut scene = Scene::with_store(2);
    for frame in scene.frames() {
        for byte in frame.regions() {
            scene.flip(&frame, byte);
            let damage = scene.damage();
            let [place] = damage.as_slice() else { panic!("{frame:?} at {byte}: {damage:?}") };
            assert_eq!((&place.file, place.file_offset), (&frame.file, frame.file_offset));
            assert_eq!(place.pos, frame.header.pos);
            scene.flip(&frame, byte);
        }
    }
    assert_eq!(scene.damage(), []);
}

#[test]
fn bytes_that_belong_to_no_frame_are_nobodys_damage() {
    let mut scene = Scene::with_store(3);
    let frames = scene.frames();
    let seal = of_kind(&frames, FrameKind::Seal).remove(0);
    let last = frames.last().unwrap();
    for frame in [&seal, last] {
        scene.flip(frame, u64::from(frame.header.frame_bytes) + 100);
    }
    assert_eq!(scene.damage(), []);
}

#[test]
fn all_damage_is_listed_in_order() {
    let mut scene = Scene::with_store(4);
    let frames = scene.frames();
    let data = of_kind(&frames, FrameKind::Data);
    let damaged = [&data[2], &data[9], &data[data.len() - 2]];
    for frame in damaged {
        scene.flip(frame, 200);
    }
    let found: Vec<_> = scene.damage().iter().map(|place| place.pos).collect();
    assert_eq!(found, damaged.map(|frame| frame.header.pos));
    let verification = scene.verify();
    assert_eq!(verification.frames, frames.len() as u64 - 3, "the others were read all the same");
}

#[test]
fn a_missing_slot_file_is_named() {
    let mut scene = Scene::with_store(5);
    let head = of_kind(&scene.frames(), FrameKind::Head).remove(1);
    scene.node.remove_file(&head.file);
    let damage = scene.damage();
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert_eq!((&damage[0].file, damage[0].pos), (&head.file, head.header.pos));
}

#[test]
fn a_damaged_copy_of_the_superblock_is_reported_and_harmless() {
    let mut scene = Scene::with_store(6);
    scene.node.corrupt(Path::new(DIRECTORY).join("superblock"), 4096 + 40, 1);
    let verification = scene.verify();
    assert!(matches!(verification.verdict, Verdict::Clean));
    assert!(matches!(verification.copies[1], CopyState::Damaged(_)));
}

#[test]
fn after_a_crash_there_is_no_damage_whatever_the_tail_looks_like() {
    for seed in 0..30 {
        let mut scene = Scene::new(seed);
        scene.run_and_crash(700 + seed * 91, async |shard| {
            fill(&open(&shard).await.unwrap(), 9).await;
        });
        if scene.node.files().len() < 3 {
            continue;
        }
        assert_eq!(scene.damage(), [], "seed {seed}");
        let end = scene.verify().end;
        let opened_at = scene.run(async |shard| open(&shard).await.unwrap().info().superblock);
        assert_eq!(opened_at.epoch_start, end, "seed {seed}: opening ends where verifying did");
        assert!(matches!(scene.verify().verdict, Verdict::Clean | Verdict::TornTail(_)));
    }
}

/// Trims, truncations, deletions and reopening change what heads and seals say.
#[test]
fn what_logs_went_through_is_no_damage() {
    let mut scene = Scene::new(7);
    for round in 0..6 {
        scene.run(async move |shard| {
            let store = open(&shard).await.unwrap();
            fill(&store, 3).await;
            let (orders, audit) = (store.find("orders").unwrap(), store.find("audit").unwrap());
            let end = store.log_info(orders).unwrap().end;
            store.truncate(orders, roundhouse_base::Offset(end.0 - 40)).await.unwrap();
            fill(&store, 4).await;
            store.trim(orders, roundhouse_base::Offset(end.0 - 60)).await.unwrap();
            if round % 2 == 1 {
                store.delete_log(audit).await.unwrap();
                store.close().await.unwrap();
            } else {
                let end = store.log_info(audit).unwrap().end;
                store.trim(audit, end).await.unwrap();
            }
        });
        let verification = scene.verify();
        let verdict = &verification.verdict;
        assert!(matches!(verdict, Verdict::Clean | Verdict::TornTail(_)), "{round}: {verdict:?}");
    }
}

#[test]
fn a_directory_without_a_store_is_missing_one() {
    let mut scene = Scene::new(8);
    let missing = scene.run(async |shard| verify(&shard, Path::new("none"), &mut |_| {}).await);
    assert!(matches!(missing, Err(OpenError::Missing { .. })), "{missing:?}");
    let no_slot = Scene::with_store(8).run(async |shard| {
        list_frames(&shard, Path::new(DIRECTORY), SlotNo(99), &mut |_| {}).await
    });
    assert!(matches!(no_slot, Err(OpenError::Io { .. })), "{no_slot:?}");
}
