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

/// Puts the frame of the `other` history that ends at `end` into `image`, and that on the disk.
fn transplant_last(scene: &Scene, other: &Image, image: &Image, end: Pos) -> PlacedFrame {
    let strange = last_frame(other, end);
    let range = strange.at as usize..strange.at as usize + strange.header.frame_bytes as usize;
    let mut content = image.file(&strange.file).unwrap().to_vec();
    let strange_bytes = &other.file(&strange.file).unwrap()[range.clone()];
    assert_ne!(&content[range.clone()], strange_bytes, "the histories differ");
    content[range].copy_from_slice(strange_bytes);
    scene.node.write_file(&strange.file, &content);
    strange
}

/// The store is not opened; `verify` names the place, and a repair cuts there.
fn refused_and_cut_at(scene: &mut Scene, file: &Path, pos: Pos) {
    let opened = scene.open_and_read(IDENTITY);
    let Err(OpenError::Corruption(refused)) = opened else { panic!("{opened:?}") };
    assert_eq!((refused.file.as_path(), refused.pos), (file, pos));
    let directory = Path::new(DIRECTORY);
    let verified = scene.run(async |shard| verify(&shard, directory, &mut |_| {}).await.unwrap());
    let Verdict::Corruption { places, total: 1 } = verified.verdict else {
        panic!("{:?}", verified.verdict)
    };
    assert_eq!((places[0].file.as_path(), places[0].pos), (file, pos));
    let repaired =
        scene.run(async |shard| repair(&shard, directory, RepairOptions::default()).await.unwrap());
    let RepairReport::Repaired(repaired) = repaired else { panic!("{repaired:?}") };
    assert_eq!(repaired.cut.map(|cut| cut.pos), Some(pos));
}

/// Seed 500030382: a disk lost the superblock of a store's last opening and the first frame written after it,
/// and kept the frames behind that one. What was left looked like a store that had been closed, behind
/// whose end opening did not look.
#[test]
fn frames_behind_a_clean_end_prove_that_the_superblock_is_an_old_one() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| append(&shard, 0..20).await.close().await.unwrap());
    let closed = Image::take(&scene.node);
    let end = closed.superblock().unwrap().clean_end.unwrap().pos;
    scene.run(async |shard| append(&shard, 20..40).await.close().await.unwrap());
    let later = Image::take(&scene.node);

    let superblock = Path::new(DIRECTORY).join("superblock");
    scene.node.write_file(&superblock, closed.file(&superblock).unwrap());
    let lost = later.frames().into_iter().find(|frame| frame.header.pos == end).unwrap();
    assert!(later.frames().iter().any(|frame| frame.header.pos > end), "and frames behind it");
    let blanked = later.with_blank_block(&lost.file, lost.at);
    scene.node.write_file(&lost.file, blanked.file(&lost.file).unwrap());

    refused_and_cut_at(&mut scene, &lost.file, end);
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 20);
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

    let strange = transplant_last(&scene, &other, &begun, end);
    refused_and_cut_at(&mut scene, &strange.file, strange.header.pos);
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 20);
}

/// Seed 100006148: the first frame of an epoch came from another history, where it lies at the same
/// place behind the same frame, and only one more frame was behind it. That one proves that the frame
/// before it was durable, and names another one; it was taken for a torn tail and dropped.
#[test]
fn a_strange_frame_below_the_last_one_is_not_taken_for_the_end() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| append(&shard, 0..20).await.close().await.unwrap());
    let base = Image::take(&scene.node);
    let end = open_only(&mut scene, Duration::ZERO);
    let other = Image::take(&scene.node);
    base.restore(&scene.node);
    scene.run(async |shard| {
        shard.sleep(Duration::from_secs(1)).await;
        append(&shard, 20..21).await;
    });
    scene.cluster.crash(&scene.node);
    let image = Image::take(&scene.node);

    let strange = transplant_last(&scene, &other, &image, end);
    refused_and_cut_at(&mut scene, &strange.file, end);
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 20);
}

/// Seed 100032210: the same in the last frame of a store that was closed. The superblock keeps the
/// hash of that frame, and nobody compared it.
#[test]
fn a_strange_last_frame_of_a_closed_store_is_noticed() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| append(&shard, 0..20).await.close().await.unwrap());
    let base = Image::take(&scene.node);
    let end = open_only(&mut scene, Duration::ZERO);
    let other = Image::take(&scene.node);
    base.restore(&scene.node);
    scene.run(async |shard| {
        shard.sleep(Duration::from_secs(1)).await;
        open(&shard, IDENTITY).await.unwrap().close().await.unwrap();
    });
    let image = Image::take(&scene.node);

    let strange = transplant_last(&scene, &other, &image, end);
    refused_and_cut_at(&mut scene, &strange.file, strange.header.pos);
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 20);
}
