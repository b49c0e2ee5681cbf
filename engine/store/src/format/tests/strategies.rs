//! Any value of each structure that a writer may encode.

use std::time::Duration;

use bytes::BytesMut;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{Epoch, LogId, Offset, Pos, SegmentNo, ShardId, SlotNo, StoreId, WallTime};

use crate::format::*;

pub(super) fn block_pos() -> impl Strategy<Value = Pos> {
    (0..u64::MAX / BLOCK_BYTES as u64 / 2).prop_map(|block| Pos(block * BLOCK_BYTES as u64))
}

/// Frames whose lengths and payload hash are those of an empty payload; `complete_frame` sets them.
pub(super) fn frame_header() -> impl Strategy<Value = FrameHeader> {
    let kind = prop_oneof![
        Just(FrameKind::Data),
        Just(FrameKind::Anchor),
        Just(FrameKind::Seal),
        Just(FrameKind::Epoch),
        Just(FrameKind::Head),
    ];
    let slot = option::of((0..u32::MAX).prop_map(SlotNo));
    let numbers = (any::<u32>(), any::<u64>(), any::<u64>());
    (kind, block_pos(), block_pos(), any::<u64>(), slot, numbers).prop_map(
        |(kind, pos, durable, low_water, next_slot, (epoch, prev_hash, wall))| FrameHeader {
            kind,
            pos,
            frame_bytes: 0,
            payload_bytes: 0,
            epoch: Epoch(epoch),
            next_slot,
            durable_upto: durable.min(pos),
            low_water: Pos(low_water).min(pos),
            prev_hash,
            payload_hash: 0,
            wall: WallTime(wall),
            record_count: 0,
        },
    )
}

/// A finished frame of any kind: its header, its bytes and the salts it was made with.
pub(super) fn frame() -> impl Strategy<Value = (FrameHeader, BytesMut, Salts)> {
    let salts = (any::<[u8; 16]>(), any::<u16>(), any::<u64>())
        .prop_map(|(store, shard, salt)| Salts::new(StoreId(store), ShardId(shard), salt));
    (frame_header(), vec(any::<u64>(), 5..1500), salts).prop_map(|(mut header, words, salts)| {
        let mut frame = BytesMut::zeroed(frame::FRAME_HEADER_BYTES);
        if !matches!(header.kind, FrameKind::Anchor | FrameKind::Epoch) {
            frame.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        header.record_count = u32::from(header.kind == FrameKind::Data);
        let salt = salts.epoch(header.epoch);
        complete_frame(&mut frame, &mut header, salt);
        (header, frame, salts)
    })
}

pub(super) fn record_header() -> impl Strategy<Value = RecordHeader> {
    let data = (1u32.., 1..=roundhouse_base::limits::RECORD_COUNT_MAX)
        .prop_map(|(log, count)| (LogId(log), RecordKind::Data, count));
    let control = prop_oneof![
        Just(RecordKind::Create),
        Just(RecordKind::Configure),
        Just(RecordKind::Delete),
        Just(RecordKind::Trim),
        Just(RecordKind::Truncate),
    ]
    .prop_map(|kind| (record::CATALOGUE_LOG, kind, 1));
    (prop_oneof![data, control], 0..u64::MAX / 2, any::<u64>()).prop_map(
        |((log, kind, count), first_offset, time)| RecordHeader {
            log,
            kind,
            first_offset: Offset(first_offset),
            count,
            time: WallTime(time),
        },
    )
}

pub(super) fn log_name() -> impl Strategy<Value = String> {
    "\\PC{1,60}"
}

pub(super) fn log_config() -> impl Strategy<Value = LogConfig> {
    let durability = prop_oneof![
        Just(Durability::Always),
        any::<u64>().prop_map(|ns| Durability::Interval(Duration::from_nanos(ns))),
        Just(Durability::Never),
    ];
    let age = option::of((0..u64::MAX).prop_map(Duration::from_nanos));
    (durability, age, option::of(0..u64::MAX)).prop_map(|(durability, age, bytes)| LogConfig {
        durability,
        retention: Retention { age, bytes },
    })
}

pub(super) fn control_record() -> impl Strategy<Value = ControlRecord> {
    let log = || (1u32..).prop_map(LogId);
    prop_oneof![
        (log(), log_name(), log_config()).prop_map(|(log, name, config)| ControlRecord::Create {
            log,
            name,
            config
        }),
        (log(), log_config()).prop_map(|(log, config)| ControlRecord::Configure { log, config }),
        log().prop_map(|log| ControlRecord::Delete { log }),
        (log(), any::<u64>())
            .prop_map(|(log, start)| ControlRecord::Trim { log, start: Offset(start) }),
        (log(), any::<u64>())
            .prop_map(|(log, end)| ControlRecord::Truncate { log, end: Offset(end) }),
    ]
}

pub(super) fn head_payload() -> impl Strategy<Value = HeadPayload> {
    let truncations = btree_map(any::<u64>(), any::<u64>(), 0..5);
    let log = (log_name(), any::<[u64; 2]>(), log_config(), truncations);
    let seal = option::of((block_pos(), 1u32..=8192));
    (any::<u64>(), seal, any::<u64>(), btree_map(1u32..u32::MAX, log, 0..6)).prop_map(
        |(segment, seal, catalogue_end, logs)| HeadPayload {
            segment: SegmentNo(segment),
            prev_seal: seal
                .map(|(pos, blocks)| SealLink { pos, bytes: blocks * BLOCK_BYTES as u32 }),
            next_log: LogId(logs.keys().next_back().map_or(1, |id| id + 1)),
            catalogue_end: Offset(catalogue_end),
            logs: logs
                .into_iter()
                .map(|(id, (name, [a, b], config, truncations))| HeadLog {
                    id: LogId(id),
                    name,
                    start: Offset(a.min(b)),
                    end: Offset(a.max(b)),
                    config,
                    truncations: truncations
                        .into_iter()
                        .map(|(pos, offset)| Truncation { pos: Pos(pos), offset: Offset(offset) })
                        .collect(),
                })
                .collect(),
        },
    )
}

pub(super) fn seal_payload() -> impl Strategy<Value = SealPayload> {
    let entries = (btree_set(0..u64::MAX, 0..20), btree_set(block_pos(), 20), any::<u64>());
    let log = (entries, any::<u64>(), any::<u64>());
    (any::<u64>(), btree_map(any::<u32>(), log, 0..5)).prop_map(|(segment, logs)| SealPayload {
        segment: SegmentNo(segment),
        logs: logs
            .into_iter()
            .map(|(log, ((offsets, places, time), bytes, time_max))| SealLog {
                log: LogId(log),
                first: Offset(offsets.first().copied().unwrap_or(0)),
                end: Offset(offsets.last().map_or(0, |last| last + 1)),
                bytes,
                time_max: WallTime(time_max),
                entries: offsets
                    .into_iter()
                    .zip(places)
                    .map(|(offset, pos)| IndexEntry {
                        offset: Offset(offset),
                        pos,
                        time: WallTime(time),
                    })
                    .collect(),
            })
            .collect(),
    })
}

pub(super) fn superblock() -> impl Strategy<Value = Superblock> {
    let method = prop_oneof![Just(SyncMethod::Dsync), Just(SyncMethod::Fdatasync)];
    let shape = (1u16..=256, any::<prop::sample::Index>(), 64u64..=262_144, method);
    let clean = option::of((0u64..1 << 20, any::<u64>()));
    let numbers = (any::<[u8; 16]>(), any::<[u64; 5]>(), any::<u32>());
    (shape, block_pos(), clean, numbers).prop_map(
        |((shards, shard, slot_blocks, sync_method), epoch_start, clean, (store, words, epoch))| {
            Superblock {
                store: StoreId(store),
                shard: ShardId(shard.index(shards.into()) as u16),
                shards,
                salt: words[0],
                sequence: words[1],
                slot_bytes: slot_blocks * BLOCK_BYTES as u64,
                epoch: Epoch(epoch),
                sync_method,
                epoch_start,
                epoch_prev_hash: words[2],
                low_water: Pos(words[3]),
                clean_end: clean.map(|(blocks, hash)| CleanEnd {
                    pos: epoch_start.advance(blocks * BLOCK_BYTES as u64),
                    hash,
                }),
                created: WallTime(words[4]),
            }
        },
    )
}
