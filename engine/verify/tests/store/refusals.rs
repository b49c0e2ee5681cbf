//! What is not this store is refused with the right error, and not touched.

use std::path::Path;

use roundhouse_base::{ShardId, checksum};
use roundhouse_store::{Identity, OpenError};

use roundhouse_verify::image::Image;
use roundhouse_verify::scene::{DIRECTORY, IDENTITY, Scene, append};

const SUPERBLOCK: &str = "data/shard-000/superblock";
const COPY_BYTES: usize = 4096;

/// A store of some segments, opened as `identity` after `change` was made to its files.
fn refuse(identity: Identity, change: impl FnOnce(&Scene)) -> OpenError {
    let mut scene = Scene::new(3);
    scene.run(async |shard| append(&shard, 0..400).await.close().await.unwrap());
    change(&scene);
    let before = Image::take(&scene.node);
    let error = scene.open_and_read(identity).expect_err("it is refused");
    assert!(Image::take(&scene.node) == before, "refused, but changed: {error}");
    error
}

fn damage_copies(scene: &Scene, copies: &[usize]) {
    for copy in copies {
        scene.node.corrupt(SUPERBLOCK, (copy * COPY_BYTES + 40) as u64, 0x10);
    }
}

#[test]
fn another_number_of_shards_is_refused() {
    let error = refuse(Identity { shards: 4, ..IDENTITY }, |_| {});
    assert!(matches!(error, OpenError::ShardCount { found: 1, asked: 4, .. }), "{error}");
}

#[test]
fn the_directory_of_another_shard_is_refused() {
    let mut scene = Scene::new(3);
    let first = Identity { shards: 2, ..IDENTITY };
    let second = Identity { shard: ShardId(1), ..first };
    scene.run(async move |shard| {
        roundhouse_verify::scene::open(&shard, second).await.unwrap().close().await.unwrap();
    });
    let before = Image::take(&scene.node);
    let error = scene.open_and_read(first).expect_err("it is refused");
    let is_right =
        matches!(error, OpenError::WrongShard { found: ShardId(1), asked: ShardId(0), .. });
    assert!(is_right, "{error}");
    assert!(Image::take(&scene.node) == before);
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let error = refuse(IDENTITY, |scene| {
        let mut file = scene.node.read_file(SUPERBLOCK);
        for copy in file.chunks_mut(COPY_BYTES) {
            copy[8..10].copy_from_slice(&2u16.to_le_bytes());
            let sum = checksum::crc64(0, &copy[..4080]);
            copy[4088..4096].copy_from_slice(&sum.to_le_bytes());
        }
        scene.node.write_file(SUPERBLOCK, &file);
    });
    assert!(matches!(error, OpenError::NewerFormat { found: 2, .. }), "{error}");
}

#[test]
fn two_damaged_copies_of_the_superblock_are_mended_three_are_refused() {
    for copies in [[0].as_slice(), &[3], &[0, 1], &[1, 2], &[0, 3]] {
        let mut scene = Scene::new(3);
        scene.run(async |shard| append(&shard, 0..40).await.close().await.unwrap());
        damage_copies(&scene, copies);
        assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 40, "{copies:?}");
    }
    let error = refuse(IDENTITY, |scene| damage_copies(scene, &[0, 1, 3]));
    assert!(matches!(error, OpenError::Superblock { .. }), "{error}");
}

#[test]
fn a_missing_slot_file_is_named() {
    for slot in ["wal-00000000", "wal-00000001"] {
        let error = refuse(IDENTITY, |scene| {
            scene.node.remove_file(Path::new(DIRECTORY).join(slot));
        });
        assert!(error.to_string().contains(slot), "{error}");
    }
}

/// A slot that the last frame named for the next segment and that was cut short was removed as
/// unfinished, and the first frame for it panicked.
#[test]
fn the_next_slot_cut_short_gets_its_length_again() {
    let mut scene = Scene::new(3);
    scene.run(async |shard| append(&shard, 0..40).await.close().await.unwrap());
    let next = Path::new(DIRECTORY).join("wal-00000001");
    let content = scene.node.read_file(&next);
    scene.node.write_file(&next, &content[..4096]);

    scene.run(async |shard| append(&shard, 40..800).await.close().await.unwrap());
    assert_eq!(scene.open_and_read(IDENTITY).unwrap().bodies.len(), 800);
    assert_eq!(scene.node.read_file(&next).len(), content.len());
}

#[test]
fn a_directory_that_is_no_store_is_left_alone() {
    let mut scene = Scene::new(3);
    scene.node.write_file(Path::new(DIRECTORY).join("notes.txt"), b"not a store");
    let before = Image::take(&scene.node);
    let error = scene.open_and_read(IDENTITY).expect_err("it is refused");
    assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
    assert!(Image::take(&scene.node) == before);
}
