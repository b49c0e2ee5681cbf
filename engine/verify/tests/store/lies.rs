//! Disks that lie: what the suite may ask of a store then.

use roundhouse_base::Pos;
use roundhouse_base::aligned_buffer;
use roundhouse_runtime::OpenMode;
use roundhouse_verify::image::Image;
use roundhouse_verify::scene::{IDENTITY, Scene, append, open};

/// Seed 320008333: the zeros of a new slot file went into the file of another one. The process died
/// before anything synced them, so the frames below were still on the disk, where no program could see
/// them: the oracle asked for what they proved, but opening could read nothing but zeros, and made those
/// durable. It was the oracle that was wrong.
#[test]
fn frames_below_an_unsynced_write_prove_nothing_to_who_cannot_read_them() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| drop(append(&shard, 0..20).await));
    let image = Image::take_visible(&scene.node);
    let proven = image.proven_upto();
    assert!(proven > Pos(0));
    assert_eq!(Image::take(&scene.node).proven_upto(), proven);

    let slot = image.frames()[0].file.clone();
    let bytes = image.file(&slot).expect("it has frames").len();
    scene.run(async move |shard| {
        let file = shard.open(&slot, OpenMode::Write).await.unwrap();
        let mut zeros = aligned_buffer(bytes);
        zeros.resize(bytes, 0);
        shard.write(file, zeros.freeze(), 0, false).await.unwrap();
    });
    assert_eq!(Image::take(&scene.node).proven_upto(), proven, "they are still on the disk");
    assert_eq!(Image::take_visible(&scene.node).proven_upto(), Pos(0));
    let opened = scene.run(async |shard| open(&shard, IDENTITY).await.is_ok());
    assert!(opened, "nothing tells of records");
}
