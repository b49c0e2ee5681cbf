//! What the kernel cannot read was not decided to be nothing.

use std::path::Path;

use roundhouse_store::{OpenError, RepairOptions, RepairReport, repair};
use roundhouse_verify::image::{Image, PlacedFrame};
use roundhouse_verify::scene::{DIRECTORY, IDENTITY, Scene, append};

/// A store that was closed with 20 records, got 20 more, and crashed; with the frames of its epoch.
fn crashed_store() -> (Scene, Image, Vec<PlacedFrame>) {
    let mut scene = Scene::new(1);
    scene.run(async |shard| append(&shard, 0..20).await.close().await.unwrap());
    scene.run(async |shard| drop(append(&shard, 20..40).await));
    scene.cluster.crash(&scene.node);
    let image = Image::take(&scene.node);
    let epoch = image.superblock().expect("the store is intact").epoch;
    let mut frames = image.frames();
    frames.retain(|frame| frame.header.epoch == epoch);
    assert!(frames.len() > 20, "{frames:?}");
    (scene, image, frames)
}

/// Seeds 310008831 and 330121805: reads failed while a store was opened, first those of the frame that
/// begins the epoch, which holds no records, and then those of what lay behind it. That frame may be
/// missing, and what could not be read behind it proved nothing: acknowledged records were given up,
/// although the next attempt would have read them.
#[test]
fn records_behind_an_epochs_unreadable_beginning_are_not_given_up_unread() {
    let (mut scene, image, frames) = crashed_store();
    for frame in &frames {
        scene.node.break_sector(&frame.file, frame.at);
    }
    let refused = scene.open_and_read(IDENTITY).expect_err("nobody knows what was there");
    assert!(matches!(refused, OpenError::Io { action: "read", .. }), "{refused}");

    image.restore(&scene.node);
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 40);
}

/// The same sectors stay bad: repair gives up what is in them, and has the drive replace them, so that
/// the place where the new epoch begins can be read.
#[test]
fn a_store_repaired_at_bad_sectors_opens() {
    let (mut scene, _, frames) = crashed_store();
    for frame in &frames {
        scene.node.break_sector(&frame.file, frame.at);
    }
    let repaired = scene.run(async |shard| {
        repair(&shard, Path::new(DIRECTORY), RepairOptions::default()).await.unwrap()
    });
    let RepairReport::Repaired(repair) = repaired else { panic!("{repaired:?}") };
    assert_eq!(repair.cut.expect("the log is cut").pos, frames[0].header.pos);
    for attempt in 0..2 {
        let opened = scene.open_and_read(IDENTITY).unwrap();
        assert_eq!(opened.bodies.len(), 20, "attempt {attempt}");
    }
}

/// Where a store was closed, nothing follows, so it need not be read.
#[test]
fn a_bad_sector_behind_the_end_of_a_closed_store_does_not_matter() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| append(&shard, 0..20).await.close().await.unwrap());
    let last = Image::take(&scene.node).frames().pop().expect("the store has frames");
    let end = last.at + u64::from(last.header.frame_bytes);
    scene.node.break_sector(&last.file, end);
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 20);
}
