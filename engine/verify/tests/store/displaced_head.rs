//! Heads that lie in the slots of other segments.

use std::path::Path;

use roundhouse_base::{Offset, Pos};
use roundhouse_store::format::FrameKind;
use roundhouse_store::{OpenError, RepairOptions, RepairReport, Verdict, repair, verify};
use roundhouse_verify::image::{Image, PlacedFrame};
use roundhouse_verify::scene::{DIRECTORY, IDENTITY, Scene, append, open};

/// A store of several segments whose heads are all of one length, and those heads in order.
fn story(is_closed: bool) -> (Scene, Image, Vec<PlacedFrame>) {
    let mut scene = Scene::new(5);
    scene.run(async move |shard| {
        let store = append(&shard, 0..280).await;
        if is_closed {
            store.close().await.unwrap();
        }
    });
    scene.cluster.crash(&scene.node);
    let image = Image::take(&scene.node);
    let mut heads = image.frames();
    heads.retain(|frame| frame.header.kind == FrameKind::Head);
    assert!(heads.len() > 3, "{heads:?}");
    assert!(heads.iter().all(|head| head.header.frame_bytes == 4096), "{heads:?}");
    (scene, image, heads)
}

fn put(scene: &Scene, image: &Image, from: &PlacedFrame, to: &PlacedFrame) {
    let bytes = image.file(&from.file).unwrap()[from.at as usize..][..4096].to_vec();
    let mut content = scene.node.read_file(&to.file);
    content[to.at as usize..][..4096].copy_from_slice(&bytes);
    scene.node.write_file(&to.file, &content);
}

/// Moves the newest head into a free slot, and blanks the first `lost` bytes of its own; returns its position.
fn lead_astray(scene: &Scene, lost: usize) -> Pos {
    let image = Image::take(&scene.node);
    let mut heads = image.frames();
    heads.retain(|frame| frame.header.kind == FrameKind::Head);
    let head = heads.last().expect("the store was written");
    let is_free = |file: &Path| heads.iter().all(|head| head.file != file);
    let (free, _) = image.slots().find(|(file, _)| is_free(file)).expect("one is ahead");
    put(scene, &image, head, &PlacedFrame { file: free.to_owned(), ..head.clone() });
    let mut content = scene.node.read_file(&head.file);
    content[..lost].fill(0);
    scene.node.write_file(&head.file, &content);
    head.header.pos
}

fn damaged_places(scene: &mut Scene) -> (Vec<Pos>, u64) {
    let verified =
        scene.run(async |shard| verify(&shard, Path::new(DIRECTORY), &mut |_| {}).await.unwrap());
    let Verdict::Corruption { places, .. } = &verified.verdict else {
        panic!("{verified:?}");
    };
    (places.iter().map(|place| place.pos).collect(), verified.frames)
}

/// What a refusal to open names.
fn refused_at(scene: &mut Scene) -> Pos {
    let before = Image::take(&scene.node);
    let error = scene.open_and_read(IDENTITY).expect_err("acknowledged data is damaged");
    assert!(Image::take(&scene.node) == before, "refused, but changed: {error}");
    match error {
        OpenError::Corruption(corruption) => corruption.pos,
        OpenError::MissingSegment { segment, .. } => segment.base(256 * 1024),
        other => panic!("{other}"),
    }
}

/// Repairs, and returns where the log was cut.
fn repaired_at(scene: &mut Scene) -> Option<Pos> {
    let repaired = scene
        .run(async |shard| repair(&shard, Path::new(DIRECTORY), RepairOptions::default()).await);
    match repaired.unwrap() {
        RepairReport::Repaired(repair) => repair.cut.map(|cut| cut.pos),
        RepairReport::NothingToKeep(_) => None,
        RepairReport::NothingToRepair => panic!("something was damaged"),
    }
}

/// Seed 5004403 let the heads of two slots change places. Each was taken at its word, so that every
/// frame behind it was read as one of the wrong segment: `verify` named the block behind each head
/// and counted nothing but the two heads, and opening named a seal that was intact.
#[test]
fn heads_that_changed_places_are_named_and_the_frames_behind_them_are_found() {
    for is_closed in [false, true] {
        let (mut scene, image, heads) = story(is_closed);
        let intact = image.frames().len() as u64;
        for (no, first) in heads.iter().enumerate() {
            for second in &heads[no + 1..] {
                image.restore(&scene.node);
                put(&scene, &image, first, second);
                put(&scene, &image, second, first);
                let swapped = [first.header.pos, second.header.pos];

                assert_eq!(damaged_places(&mut scene), (swapped.to_vec(), intact - 2));
                let refused = refused_at(&mut scene);
                assert!(swapped.contains(&refused), "{swapped:?}: refused at {refused}");
                let cut = repaired_at(&mut scene);
                assert_eq!(cut, (no > 0).then_some(swapped[0]));
                if cut.is_some() {
                    assert!(scene.open_and_read(IDENTITY).unwrap().error.is_none());
                }
            }
        }
    }
}

/// Seed 420078424: the frames right behind the heads of two segments changed places. The heads were taken
/// for the displaced ones, and all other frames of both segments for misplaced, although they were where
/// they belonged.
#[test]
fn frames_that_changed_places_right_behind_their_heads_are_named_themselves() {
    let (mut scene, image, heads) = story(true);
    let frames = image.frames();
    let is_behind =
        |frame: &&PlacedFrame| heads.iter().any(|head| head.header.end() == frame.header.pos);
    let seconds: Vec<&PlacedFrame> =
        frames.iter().filter(is_behind).filter(|frame| frame.header.frame_bytes == 4096).collect();
    assert!(seconds.len() > 1, "{seconds:?}");
    for (no, first) in seconds.iter().enumerate() {
        for second in &seconds[no + 1..] {
            image.restore(&scene.node);
            put(&scene, &image, first, second);
            put(&scene, &image, second, first);
            let swapped = vec![first.header.pos, second.header.pos];
            assert_eq!(damaged_places(&mut scene), (swapped, frames.len() as u64 - 2));
            assert_eq!(repaired_at(&mut scene), Some(first.header.pos));
            let opened = scene.run(async |shard| open(&shard, IDENTITY).await.map(drop));
            assert!(opened.is_ok(), "{opened:?}");
        }
    }
}

/// An old head that lies in a later slot as well made two slots claim one segment, and the first of
/// them won, whatever was behind its head.
#[test]
fn of_two_equal_heads_the_one_that_its_segment_follows_counts() {
    for is_closed in [false, true] {
        let (mut scene, image, heads) = story(is_closed);
        let intact = image.frames().len() as u64;
        for (old, lost) in heads.iter().flat_map(|a| heads.iter().map(move |b| (a, b))) {
            if old.header.pos == lost.header.pos {
                continue;
            }
            image.restore(&scene.node);
            put(&scene, &image, old, lost);
            let pos = lost.header.pos;

            assert_eq!(damaged_places(&mut scene), (vec![pos], intact - 1));
            assert_eq!(refused_at(&mut scene), pos);
            let cut = repaired_at(&mut scene);
            assert_eq!(cut, (pos > Pos(0)).then_some(pos));
            if cut.is_some() {
                assert!(scene.open_and_read(IDENTITY).unwrap().error.is_none());
            }
        }
    }
}

/// Seed 200025692: a disk wrote the head of the newest segment into the file of another slot. The walk
/// went on there, found nothing, and took that for the end of the log, although the frames of the
/// segment lay in its own slot and proved more.
#[test]
fn a_head_in_a_free_slot_does_not_end_the_log_where_nothing_follows_it() {
    for records in [20, 280] {
        let mut scene = Scene::new(5);
        scene.run(async move |shard| drop(append(&shard, 0..records).await));
        scene.cluster.crash(&scene.node);
        let pos = lead_astray(&scene, 4096);

        assert_eq!(refused_at(&mut scene), pos);
        assert_eq!(damaged_places(&mut scene).0, [pos]);
        let is_first = pos == Pos(0);
        assert_eq!(repaired_at(&mut scene), (!is_first).then_some(pos));
        if !is_first {
            assert!(scene.open_and_read(IDENTITY).unwrap().error.is_none());
        }
    }
}

/// Seed 510129608: the same, and the frame behind the head was lost as well, so that no frame named the
/// head. The seal before it names the slot where it belongs.
#[test]
fn a_head_in_another_slot_than_the_seal_before_it_names_is_damage() {
    let (mut scene, ..) = story(false);
    let pos = lead_astray(&scene, 2 * 4096);

    assert_eq!(refused_at(&mut scene), pos);
    assert_eq!(damaged_places(&mut scene).0[0], pos);
    assert_eq!(repaired_at(&mut scene), Some(pos));
    assert!(scene.open_and_read(IDENTITY).unwrap().error.is_none());
}

/// Seed 530105552: the head of a segment in a slot that had been used before was lost, so that the slot still
/// began with the head of a dead segment, and ended with frames of it. It was taken for what the slot holds,
/// and nothing of the new segment was found: opening refused, and a repair had nothing to cut.
#[test]
fn a_head_lost_over_a_dead_segment_is_missed_in_its_own_slot() {
    let mut scene = Scene::new(5);
    scene.run(async |shard| {
        let store = append(&shard, 0..280).await;
        let log = store.find("orders").expect("it was created");
        store.trim(log, Offset(270)).await.unwrap();
    });
    scene.cluster.crash(&scene.node);
    let before = Image::take(&scene.node);
    scene.run(async |shard| drop(append(&shard, 280..380).await));
    scene.cluster.crash(&scene.node);
    let image = Image::take(&scene.node);

    let mut heads = image.frames();
    heads.retain(|frame| frame.header.kind == FrameKind::Head);
    let head = heads.last().expect("the store was written");
    let mut older = before.frames().into_iter().filter(|frame| frame.file == head.file);
    let dead = older.find(|frame| frame.header.kind == FrameKind::Head);
    let dead = dead.expect("the slot was used before");
    let is_left = |frame: &PlacedFrame| image.holds(&before, frame);
    assert!(older.any(|frame| is_left(&frame)), "frames of the dead segment are left");
    put(&scene, &before, &dead, head);

    let pos = head.header.pos;
    assert_eq!(refused_at(&mut scene), pos);
    assert_eq!(damaged_places(&mut scene).0, [pos]);
    assert_eq!(repaired_at(&mut scene), Some(pos));
    assert!(scene.open_and_read(IDENTITY).unwrap().error.is_none());
}
