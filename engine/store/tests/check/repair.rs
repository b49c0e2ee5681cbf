//! Repair keeps the longest intact prefix, copies the rest away, and can be interrupted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use roundhouse_base::Pos;
use roundhouse_runtime::sim::{Fault, FaultOptions};
use roundhouse_store::format::FrameKind;
use roundhouse_store::*;

use crate::scene::*;

/// Repairs a damaged copy of a clean store, and checks everything that repair promises for a cut at
/// `cut`.
fn check_repair(clean: &mut Scene, scene: &mut Scene, cut: Pos) {
    let frames = clean.frames();
    let whole = clean.salvage(false).1;
    let (damaged, readable) = (scene.files(), scene.salvage(false).1);
    assert!(is_prefix(&readable, &whole));

    let foretold = repaired(scene.run(async |shard| repair_with(&shard, true).await.unwrap()));
    assert_eq!(scene.files(), damaged, "a dry run changes nothing");
    let repair = repaired(scene.repair());
    assert_eq!(repair, foretold);
    assert_eq!(repair.cut.as_ref().unwrap().pos, cut);
    check_quarantine(scene, &repair, &damaged);

    let verification = scene.verify();
    assert!(!matches!(verification.verdict, Verdict::Corruption { .. }), "{verification:?}");
    assert_eq!(verification.records, records_before(&frames, cut), "all before the cut is kept");
    assert!(matches!(scene.repair(), RepairReport::NothingToRepair), "once is enough");
    check_use(scene, &readable);
}

/// The copies hold what the slots held, byte for byte; zeros where a slot file was cut short.
fn check_quarantine(scene: &Scene, repair: &Repair, damaged: &BTreeMap<PathBuf, Vec<u8>>) {
    for copy in &repair.quarantined {
        let name = copy.file_name().unwrap().to_str().unwrap();
        let parts: Vec<&str> = name.split('-').collect();
        let (from, to): (u64, u64) = (parts[3].parse().unwrap(), parts[5].parse().unwrap());
        let mut slot = damaged[&Path::new(DIRECTORY).join(format!("wal-{}", parts[1]))].clone();
        slot.resize(SLOT_BYTES as usize, 0);
        let start = (from % SLOT_BYTES) as usize;
        let expected = &slot[start..start + (to - from) as usize];
        assert!(scene.node.read_file(copy) == expected, "{name} differs");
    }
}

/// The store opens, has what was readable, takes more, and stays in order over several segments.
fn check_use(scene: &mut Scene, readable: &Bodies) {
    assert_eq!(scene.read(), *readable);
    scene.run(async |shard| {
        let store = open(&shard).await.unwrap();
        let segments = store.info().segments;
        fill(&store, segments + 3).await;
        store.close().await.unwrap();
    });
    assert!(matches!(scene.verify().verdict, Verdict::Clean));
    assert!(is_prefix(readable, &scene.read()));
}

#[test]
fn the_records_before_any_damaged_frame_are_kept() {
    let mut clean = Scene::with_store(11);
    let frames = clean.frames();
    for (no, frame) in frames.iter().enumerate().skip(1) {
        let mut scene = clean.copy(no as u64);
        let regions = frame.regions();
        scene.flip(frame, regions[no % regions.len()]);
        check_repair(&mut clean, &mut scene, frame.header.pos);
    }
}

#[test]
fn a_missing_segment_is_cut_off_and_its_slot_made_again() {
    let mut clean = Scene::with_store(12);
    for head in of_kind(&clean.frames(), FrameKind::Head).iter().skip(1) {
        let mut scene = clean.copy(12);
        scene.node.remove_file(&head.file);
        let foretold = repaired(scene.run(async |shard| repair_with(&shard, true).await.unwrap()));
        assert_eq!(foretold.recreated, std::slice::from_ref(&head.file));
        check_repair(&mut clean, &mut scene, head.header.pos);
    }
}

#[test]
fn a_missing_slot_that_held_nothing_is_made_again() {
    let mut clean = Scene::with_store(13);
    let live: Vec<_> = clean.frames().into_iter().map(|frame| frame.file).collect();
    let slots = clean.node.files().into_iter().filter(|path| !path.ends_with("superblock"));
    let free: Vec<_> = slots.filter(|path| !live.contains(path)).collect();
    let whole = clean.salvage(false).1;
    for file in free {
        let mut scene = clean.copy(13);
        scene.node.remove_file(&file);
        if scene.run(async |shard| open(&shard).await.is_err()) {
            let damage = scene.damage();
            assert_eq!(damage.iter().map(|place| &place.file).collect::<Vec<_>>(), [&file]);
            let repair = repaired(scene.repair());
            assert_eq!((repair.cut, repair.recreated), (None, vec![file]));
        }
        assert!(matches!(scene.repair(), RepairReport::NothingToRepair));
        assert_eq!(scene.read(), whole);
    }
}

#[test]
fn a_slot_file_that_was_cut_short_keeps_what_is_left_of_it() {
    let mut clean = Scene::with_store(20);
    let frames = clean.frames();
    for (no, frame) in frames.iter().enumerate().skip(1) {
        let mut scene = clean.copy(no as u64);
        let mut content = scene.node.read_file(&frame.file);
        content.truncate(frame.file_offset as usize);
        scene.node.remove_file(&frame.file);
        scene.node.write_file(&frame.file, &content);
        check_repair(&mut clean, &mut scene, frame.header.pos);
    }
}

/// Such a file was taken for one whose creation was interrupted, and removed with all in it.
#[test]
fn a_live_slot_file_that_lost_nothing_but_its_empty_end_opens() {
    let mut scene = Scene::with_store(24);
    let whole = scene.salvage(false).1;
    let last = scene.frames().pop().unwrap();
    let mut content = scene.node.read_file(&last.file);
    content.truncate((last.file_offset + u64::from(last.header.frame_bytes)) as usize);
    scene.node.remove_file(&last.file);
    scene.node.write_file(&last.file, &content);
    check_use(&mut scene, &whole);
}

#[test]
fn unreadable_sectors_are_damage_like_any_other() {
    let mut clean = Scene::with_store(25);
    let whole = clean.salvage(false).1;
    for seed in 0..20 {
        let mut scene = clean.copy(seed);
        scene.node.set_faults(FaultOptions::default().with(Fault::BadSector, 0.02));
        let seen = scene.run(async |shard| verify(&shard, Path::new(DIRECTORY), &mut |_| {}).await);
        scene.node.set_faults(FaultOptions::default());
        if seen.is_err() || !matches!(seen.unwrap().verdict, Verdict::Corruption { .. }) {
            continue;
        }
        let readable = scene.salvage(false).1;
        assert!(is_prefix(&readable, &whole));
        match scene.repair() {
            RepairReport::NothingToRepair => {}
            RepairReport::NothingToKeep(_) => continue,
            RepairReport::Repaired(_) => {
                check_use(&mut scene, &readable);
            }
        }
        assert_eq!(scene.damage(), []);
    }
}

/// Whether a frame was acknowledged that no later one proves, nobody knows when it cannot be read. With
/// a bad sector in it a store could not be opened, rightly, but it could not be repaired either.
#[test]
fn a_last_frame_that_cannot_be_read_is_given_up_by_repair_and_not_by_opening() {
    for seed in 0..10 {
        let mut scene = Scene::with_store(seed);
        scene.run_and_crash(u64::MAX, async |shard| {
            let store = open(&shard).await.unwrap();
            fill(&store, store.info().segments).await;
        });
        let last = scene.frames().pop().expect("the store has frames");
        scene.node.break_sector(&last.file, last.file_offset);
        let refused = scene.run(async |shard| open(&shard).await.map(drop));
        assert!(matches!(refused, Err(OpenError::Io { action: "read", .. })), "{refused:?}");
        let places: Vec<Pos> = scene.damage().iter().map(|place| place.pos).collect();
        assert_eq!(places, [last.header.pos]);

        let readable = scene.salvage(false).1;
        scene.run_and_crash(10 * seed, async |shard| drop(repair_with(&shard, false).await));
        if !scene.damage().is_empty() {
            let repair = repaired(scene.repair());
            assert_eq!(repair.cut.unwrap().pos, last.header.pos);
        }
        check_use(&mut scene, &readable);
    }
}

#[test]
fn with_nothing_before_the_damage_nothing_is_changed() {
    let mut scene = Scene::with_store(14);
    let head = scene.frames().remove(0);
    scene.flip(&head, 200);
    let before = scene.files();
    let report = scene.repair();
    assert!(matches!(report, RepairReport::NothingToKeep(_)), "{report:?}");
    assert_eq!(scene.files(), before);
}

#[test]
fn a_store_in_order_is_left_alone() {
    let mut scene = Scene::with_store(15);
    let before = scene.files();
    assert!(matches!(scene.repair(), RepairReport::NothingToRepair));
    assert_eq!(scene.files(), before);
}

#[test]
fn what_is_lost_is_counted() {
    let mut scene = Scene::with_store(16);
    let whole = scene.salvage(false).1;
    let data = of_kind(&scene.frames(), FrameKind::Data);
    scene.flip(&data[data.len() / 2], 200);
    let kept = scene.salvage(false).1;
    let lost = repaired(scene.repair()).lost;
    let count = |bodies: &Bodies| bodies.values().map(Vec::len).sum::<usize>() as u64;
    let damaged = u64::from(data[data.len() / 2].header.record_count);
    let readable: u64 = lost.iter().map(|log| log.records).sum();
    assert_eq!(count(&kept) + damaged + readable, count(&whole));
    assert!(lost.iter().all(|log| log.name.is_some()));
}

#[test]
fn a_crash_at_any_moment_of_a_repair_leaves_it_to_be_run_again() {
    let mut clean = Scene::with_store(17);
    let data = of_kind(&clean.frames(), FrameKind::Data);
    let frame = &data[data.len() / 2];
    for steps in 0..10_000 {
        let mut scene = clean.copy(steps);
        scene.flip(frame, 200);
        let readable = scene.salvage(false).1;
        let damaged = scene.files();
        let is_done =
            scene.run_and_crash(steps, async |shard| repair_with(&shard, false).await.unwrap());
        match scene.repair() {
            RepairReport::NothingToRepair => {}
            RepairReport::Repaired(repair) => check_quarantine(&scene, &repair, &damaged),
            other @ RepairReport::NothingToKeep(_) => panic!("after {steps}: {other:?}"),
        }
        assert_eq!(scene.read(), readable, "after {steps}");
        if is_done {
            return;
        }
    }
    panic!("the repair does not end");
}

/// The record of a trim lies behind the damage, and the slot of what it trimmed was used again: the
/// log can only start where its records do.
#[test]
fn a_log_whose_trim_is_cut_off_starts_at_the_first_record_there_is() {
    let mut scene = Scene::new(18);
    scene.run(async |shard| {
        let store = open(&shard).await.unwrap();
        fill(&store, 3).await;
        let orders = store.find("orders").unwrap();
        for log in [orders, store.find("audit").unwrap()] {
            let end = store.log_info(log).unwrap().end;
            store.trim(log, roundhouse_base::Offset(end.0 - 20)).await.unwrap();
        }
        fill(&store, 4).await;
        store.close().await.unwrap();
    });
    let frames = scene.frames();
    let verification = scene.verify();
    assert!(verification.low_water > Pos(0), "segments were given up");
    let first = verification.low_water;
    let oldest: Vec<_> = frames.iter().filter(|frame| frame.header.pos >= first).collect();
    scene.flip(oldest[3], 200);

    let readable = scene.salvage(false).1;
    repaired(scene.repair());
    assert!(scene.verify().records > 0);
    let found = scene.read();
    assert!(found.values().flatten().count() > 0);
    for (log, bodies) in &found {
        assert!(readable[log].ends_with(bodies), "{log}");
    }
    scene.run(async |shard| {
        let store = open(&shard).await.unwrap();
        for log in store.logs() {
            let first = store.reader(log.id, log.start).read(1).await.unwrap().iter().next();
            assert_eq!(log.start, first.map_or(log.end, |record| record.offset), "{}", log.name);
        }
        fill(&store, 4).await;
        store.close().await.unwrap();
    });
    assert!(matches!(scene.verify().verdict, Verdict::Clean));
}

#[test]
fn frames_that_a_repair_gave_up_never_come_back() {
    let mut scene = Scene::with_store(19);
    let heads = of_kind(&scene.frames(), FrameKind::Head);
    scene.flip(&heads[1], 200);
    let readable = scene.salvage(false).1;
    repaired(scene.repair());
    for round in 0..4 {
        assert!(is_prefix(&readable, &scene.read()), "round {round}");
        assert_eq!(scene.damage(), [], "round {round}");
        scene.run(async |shard| {
            let store = open(&shard).await.unwrap();
            let segments = store.info().segments;
            fill(&store, segments + 1).await;
        });
    }
}
