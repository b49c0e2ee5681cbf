//! What a failed sync of a directory leaves behind.

use std::path::Path;

use roundhouse_store::NewRecord;
use roundhouse_verify::scene::{DIRECTORY, IDENTITY, Scene, open, options};

/// Seed 410030001: a new slot file was whole when its name was to be synced. That failed, and before the
/// file was removed again its process died. The next one saw a whole slot file and used it; its own sync
/// of the directory succeeded, as one does after another that failed, and nothing told that the name
/// was not durable. The power failed, and the slot was gone. So a name comes first: what a file holds
/// shows that its name is durable.
#[test]
fn a_file_is_not_whole_before_its_name_is_durable() {
    let mut seen_first = [0; 2];
    for steps in 0..400 {
        let mut scene = Scene::new(1);
        scene.run_for(steps, async |shard| {
            let store = open(&shard, IDENTITY).await.unwrap();
            let log = store.create_log("orders", Default::default()).await.unwrap();
            while store.info().segments < 4 {
                store.append(log, &[NewRecord::from(vec![7; 30_000].as_slice())]).await.unwrap();
            }
        });
        let durable = scene.node.files();
        for path in scene.node.visible_files() {
            let content = scene.node.read_visible_file(&path);
            let is_superblock = path == Path::new(DIRECTORY).join("superblock");
            let is_whole = if is_superblock {
                content.iter().any(|byte| *byte != 0)
            } else {
                content.len() as u64 == options().slot_bytes
            };
            seen_first[usize::from(is_superblock)] += u32::from(!is_whole);
            assert!(!is_whole || durable.contains(&path), "{} after {steps} steps", path.display());
        }
    }
    assert!(seen_first.iter().all(|count| *count > 0), "{seen_first:?}");
}
