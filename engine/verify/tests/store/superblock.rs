//! The superblock through crashes.

use std::path::Path;

use roundhouse_base::Epoch;
use roundhouse_store::{OpenError, RepairOptions, RepairReport, repair};
use roundhouse_verify::image::Image;
use roundhouse_verify::scene::{DIRECTORY, IDENTITY, Scene, append, open};

/// A disk that acknowledged the update of the superblock and did not store it brings the one from
/// before back. Frames of the epoch it does not know of were taken for leftovers, and everything
/// acknowledged in that epoch was dropped; the very first superblock had the slots made anew.
#[test]
fn an_older_superblock_than_the_frames_is_refused() {
    for closed_before in [0, 1, 2] {
        let mut scene = Scene::new(closed_before);
        let path = format!("{DIRECTORY}/superblock");
        for no in 0..closed_before as usize {
            let records = no * 10..no * 10 + 10;
            scene.run(async |shard| append(&shard, records).await.close().await.unwrap());
        }
        let mut older = match closed_before {
            0 => first_superblock(&mut scene),
            _ => scene.node.read_file(&path),
        };
        let from = closed_before as usize * 10;
        scene.run(async move |shard| drop(append(&shard, from..from + 10).await));
        scene.cluster.crash(&scene.node);
        older.resize(4 * 4096, 0);
        scene.node.write_file(&path, &older);
        let before = Image::take(&scene.node);

        let opened = scene.open_and_read(IDENTITY);
        assert!(matches!(opened, Err(OpenError::Corruption(_))), "{closed_before}: {opened:?}");
        assert_eq!(Image::take(&scene.node), before, "refused, but changed");

        // Repairing began an epoch that frames behind the cut had already, and they were in the way.
        let repaired = scene.run(async |shard| {
            repair(&shard, Path::new(DIRECTORY), RepairOptions::default()).await
        });
        if let Ok(RepairReport::Repaired(_)) = repaired {
            let reading = scene.open_and_read(IDENTITY).unwrap();
            assert_eq!(reading.bodies.len(), from);
        } else {
            assert_eq!(closed_before, 0, "{repaired:?}");
        }
    }
}

/// The superblock of a store that is being created, before it was ever open.
fn first_superblock(scene: &mut Scene) -> Vec<u8> {
    let path = format!("{DIRECTORY}/superblock");
    for steps in 1.. {
        let opened = scene.run_for(steps, async |shard| drop(open(&shard, IDENTITY).await));
        assert!(opened.is_none(), "a first superblock comes before the store is open");
        scene.cluster.crash(&scene.node);
        let first = Image::take(&scene.node).superblock();
        if first.is_some_and(|superblock| superblock.epoch == Epoch(0)) {
            return scene.node.read_file(&path);
        }
    }
    unreachable!("creating a store ends")
}

/// With one copy left over from a crash, an update first wrote that copy alone and then two of the
/// three that counted. A crash that tore these two left one old and one new copy, and the store
/// could never be opened again.
#[test]
fn a_second_crash_during_an_update_leaves_two_equal_copies() {
    for stale in 0..4 {
        let mut scene = Scene::new(stale);
        scene.run(async |shard| append(&shard, 0..20).await.close().await.unwrap());
        scene.node.corrupt(format!("{DIRECTORY}/superblock"), stale * 4096 + 40, 1);
        let image = Image::take(&scene.node);
        for steps in 1..150 {
            image.restore(&scene.node);
            scene.run_until_crash(steps, async |shard| drop(open(&shard, IDENTITY).await));
            let reading = scene.open_and_read(IDENTITY);
            assert_eq!(reading.unwrap().bodies.len(), 20, "copy {stale}, {steps} steps");
        }
    }
}
