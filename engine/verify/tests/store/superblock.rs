//! The superblock through crashes.

use std::path::Path;

use roundhouse_base::Epoch;
use roundhouse_store::format::Quorum;
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

/// Seed 540035917: a crash had cut an update short, so that no more than two copies agreed, and then one of those
/// two was damaged. One copy proves nothing, so opening refused, and it was the oracle that was wrong to expect
/// more. What is to be expected: one of the four may be damaged even then if it is none of the two, and the refusal
/// changes nothing and says what each copy is.
#[test]
fn an_update_cut_short_leaves_two_copies_of_which_none_can_be_missed() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| append(&shard, 0..20).await.close().await.unwrap());
    let path = format!("{DIRECTORY}/superblock");
    let closed = Image::take(&scene.node);
    let mut cut_short = 0;
    for steps in 1..150 {
        closed.restore(&scene.node);
        scene.run_until_crash(steps, async |shard| drop(open(&shard, IDENTITY).await));
        let stale = Quorum::choose(&scene.node.read_file(&path)).unwrap().stale;
        let copies = |is_stale: bool| (0..4).filter(move |copy| stale[*copy as usize] == is_stale);
        if copies(true).count() != 2 {
            continue;
        }
        cut_short += 1;
        let (needed, spare) = (copies(false).next().unwrap(), copies(true).next().unwrap());
        scene.node.corrupt(&path, spare * 4096 + 40, 1);
        let damaged = Image::take(&scene.node);
        assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 20, "{steps} steps");

        damaged.restore(&scene.node);
        scene.node.corrupt(&path, needed * 4096 + 40, 1);
        let before = Image::take(&scene.node);
        let refused = scene.open_and_read(IDENTITY).unwrap_err().to_string();
        assert!(refused.contains("no two usable copies of the superblock agree"), "{refused}");
        assert!((0..4).all(|copy| refused.contains(&format!("copy {copy}"))), "{refused}");
        assert_eq!(Image::take(&scene.node), before, "refused, but changed");
    }
    assert!(cut_short > 0, "no crash came in the middle of an update");
}
