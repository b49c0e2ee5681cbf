//! The superblock through crashes.

use roundhouse_verify::image::Image;
use roundhouse_verify::scene::{DIRECTORY, IDENTITY, Scene, append, open};

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
