//! What several commands show, as JSON.

use roundhouse::offline::LogCount;
use roundhouse::{Corruption, Durability, LogInfo, ShardId, TornTail};
use serde_json::{Value, json};

/// A log of a shard.
pub(crate) fn log(shard: ShardId, log: &LogInfo) -> Value {
    json!({
        "name": log.name,
        "shard": shard.0,
        "id": log.id.0,
        "start": log.start.0,
        "end": log.end.0,
        "bytes": log.bytes,
        "durability": durability(log.config.durability),
        "retention": {
            "age_ms": log.config.retention.age.map(|age| age.as_millis() as u64),
            "bytes": log.config.retention.bytes,
        },
    })
}

/// A damaged place.
pub(crate) fn damage(corruption: &Corruption) -> Value {
    json!({
        "file": corruption.file.display().to_string(),
        "offset": corruption.file_offset,
        "position": corruption.pos.0,
        "proven": corruption.proven.0,
        "reason": corruption.reason,
    })
}

/// The end of a log that a crash interrupted.
pub(crate) fn torn_tail(torn: &TornTail) -> Value {
    json!({
        "file": torn.file.display().to_string(),
        "offset": torn.file_offset,
        "position": torn.pos.0,
        "reason": torn.reason,
    })
}

/// What there is of some logs.
pub(crate) fn counts(logs: &[LogCount]) -> Value {
    let count = |count: &LogCount| {
        json!({
            "id": count.log.0,
            "name": count.name,
            "records": count.records,
            "bytes": count.bytes,
            "first": count.first.0,
            "end": count.end.0,
        })
    };
    logs.iter().map(count).collect()
}

/// A durability as `--durability` takes it.
pub(crate) fn durability(durability: Durability) -> String {
    match durability {
        Durability::Always => "always".to_owned(),
        Durability::Interval(time) => format!("interval:{}", time.as_secs_f64() * 1e3),
        Durability::Never => "never".to_owned(),
    }
}
