//! The engine's directory: what is missing is said, not made up for.

use std::fs;

use roundhouse::{Engine, Error, OpenError, ShardId, block_on};

fn open(directory: &std::path::Path) -> Result<roundhouse::blocking::Engine, Error> {
    let builder = Engine::builder(directory).option("shards", "2")?;
    builder.option("slot_size", "1MiB")?.option("pin", "false")?.open_blocking()
}

/// A shard's directory that had been moved away was silently replaced by an empty one, and with it
/// every log that lived there was gone.
#[test]
fn a_lost_shard_is_an_error_and_nothing_takes_its_place() -> Result<(), Error> {
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path().join("data");
    let engine = open(&directory)?;
    let log = block_on(engine.handle().log("here").on_shard(ShardId(1)).create())?;
    block_on(log.append("kept"))?;
    engine.close()?;

    let (shard, aside) = (directory.join("shard-001"), scratch.path().join("aside"));
    fs::rename(&shard, &aside)?;
    let refused = open(&directory).map(drop);
    assert!(
        matches!(&refused, Err(Error::Open(OpenError::MissingShard { shard: ShardId(1), .. }))),
        "{refused:?}"
    );
    assert!(!shard.exists());

    fs::rename(&aside, &shard)?;
    let engine = open(&directory)?;
    let records = engine.open_log("here")?.read(roundhouse::Offset(0), 1024)?;
    assert_eq!(records.iter().count(), 1);
    engine.close()
}

/// Creation makes the first shard last, so that an interrupted one is taken up again.
#[test]
fn a_creation_that_was_interrupted_is_finished() -> Result<(), Error> {
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path().join("data");
    open(&directory)?.close()?;
    fs::remove_dir_all(directory.join("shard-000"))?;
    let engine = open(&directory)?;
    engine.open_or_create_log("works")?.append("it does")?;
    engine.close()
}
