//! Frames from another history of the same store, as when a snapshot of its machine was started
//! twice.

use std::path::Path;
use std::time::Duration;

use roundhouse_base::Pos;
use roundhouse_store::{OpenError, RepairOptions, RepairReport, Verdict, repair, verify};
use roundhouse_verify::image::{Image, PlacedFrame};
use roundhouse_verify::scene::{DIRECTORY, IDENTITY, Scene, append, open};

/// Opens the store, which begins an epoch with a frame that says when, and loses power; returns where
/// the log ends.
fn open_only(scene: &mut Scene, delay: Duration) -> Pos {
    let end = scene.run(async move |shard| {
        shard.sleep(delay).await;
        open(&shard, IDENTITY).await.unwrap().info().end
    });
    scene.cluster.crash(&scene.node);
    end
}

/// Opens the store again and again, and lets the power fail as soon as its superblock says that an
/// epoch began at `end`, before there is a frame of it.
fn begin_epoch_at(scene: &mut Scene, end: Pos) -> Image {
    let image = Image::take(&scene.node);
    for steps in 1.. {
        image.restore(&scene.node);
        scene.run_until_crash(steps, async |shard| drop(open(&shard, IDENTITY).await));
        let begun = Image::take(&scene.node);
        if begun.superblock().is_some_and(|superblock| superblock.epoch_start == end) {
            let has_frame = begun.frames().iter().any(|frame| frame.header.pos >= end);
            assert!(!has_frame, "the superblock comes first");
            return begun;
        }
    }
    unreachable!("opening ends")
}

fn last_frame(image: &Image, end: Pos) -> PlacedFrame {
    image.frames().into_iter().find(|frame| frame.header.end() == end).expect("it was written")
}

/// Seed 100001400: the last frame before an epoch of which nothing was written yet came from another
/// history. Opening noticed that the epoch had begun behind another frame, but the walk of `verify`
/// and of a repair did not: it found no damage that it could cut off, so the store could neither be
/// opened nor repaired.
#[test]
fn a_strange_frame_before_an_epoch_without_frames_is_named_and_cut_off() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| append(&shard, 0..20).await.close().await.unwrap());
    let base = Image::take(&scene.node);
    open_only(&mut scene, Duration::ZERO);
    let other = Image::take(&scene.node);
    base.restore(&scene.node);
    let end = open_only(&mut scene, Duration::from_secs(1));
    let begun = begin_epoch_at(&mut scene, end);

    let strange = last_frame(&other, end);
    let range = strange.at as usize..strange.at as usize + strange.header.frame_bytes as usize;
    let mut content = begun.file(&strange.file).unwrap().to_vec();
    let strange_bytes = &other.file(&strange.file).unwrap()[range.clone()];
    assert_ne!(&content[range.clone()], strange_bytes, "the histories differ");
    content[range].copy_from_slice(strange_bytes);
    scene.node.write_file(&strange.file, &content);

    let opened = scene.open_and_read(IDENTITY);
    assert!(matches!(opened, Err(OpenError::Corruption(_))), "{opened:?}");
    let directory = Path::new(DIRECTORY);
    let verified = scene.run(async |shard| verify(&shard, directory, &mut |_| {}).await.unwrap());
    let Verdict::Corruption { places, total: 1 } = verified.verdict else {
        panic!("{:?}", verified.verdict)
    };
    assert_eq!((&places[0].file, places[0].pos), (&strange.file, strange.header.pos));
    let repaired =
        scene.run(async |shard| repair(&shard, directory, RepairOptions::default()).await.unwrap());
    let RepairReport::Repaired(repaired) = repaired else { panic!("{repaired:?}") };
    assert_eq!(repaired.cut.map(|cut| cut.pos), Some(strange.header.pos));
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 20);
}
