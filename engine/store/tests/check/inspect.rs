//! Inspection says what is there, in order or not.

use std::path::Path;

use roundhouse_store::format::FrameKind;
use roundhouse_store::*;

use crate::scene::*;

fn inspection(scene: &mut Scene) -> Inspection {
    scene.run(async |shard| inspect(&shard, Path::new(DIRECTORY)).await.unwrap())
}

#[test]
fn slots_segments_and_logs_of_a_store_in_order() {
    let mut scene = Scene::with_store(31);
    let heads = of_kind(&scene.frames(), FrameKind::Head);
    let inspection = inspection(&mut scene);
    assert!(inspection.refused.is_none() && inspection.end == Some(scene.verify().end));
    assert_eq!(inspection.segments.len(), heads.len());
    for (segment, head) in inspection.segments.iter().zip(&heads) {
        assert_eq!((segment.start, segment.epoch), (head.header.pos, Some(head.header.epoch)));
        let slot = inspection.slots.iter().find(|slot| slot.slot == segment.slot).unwrap();
        assert_eq!((&slot.file, slot.holds), (&head.file, SlotHolds::Live(segment.segment)));
        assert_eq!(slot.bytes, SLOT_BYTES);
        assert_eq!(segment.logs.len(), 2);
    }
    let free = inspection.slots.iter().filter(|slot| slot.holds == SlotHolds::Free).count();
    assert_eq!(free, inspection.slots.len() - heads.len());
    let logs = scene.run(async |shard| open(&shard).await.unwrap().logs());
    assert_eq!(inspection.logs, logs);
}

#[test]
fn a_refused_store_is_inspected_all_the_same() {
    let mut scene = Scene::with_store(32);
    let heads = of_kind(&scene.frames(), FrameKind::Head);
    scene.flip(&heads[1], 24);
    let inspection = inspection(&mut scene);
    assert!(matches!(inspection.refused, Some(OpenError::MissingSegment { .. })));
    assert_eq!(inspection.segments.len(), heads.len(), "its other frames tell what it is");
    assert_eq!(inspection.segments[1].epoch, None);
    assert_eq!(inspection.logs.len(), 2);
}

#[test]
fn a_slot_is_listed_without_gaps() {
    let mut scene = Scene::with_store(33);
    let data = of_kind(&scene.frames(), FrameKind::Data);
    let damaged = data[1].clone();
    scene.flip(&damaged, 200);
    let name = damaged.file.to_str().unwrap();
    let slot = roundhouse_base::SlotNo(name.rsplit('-').next().unwrap().parse().unwrap());
    let parts = scene.run(async move |shard| {
        let mut parts = Vec::new();
        let mut visitor = |part| parts.push(part);
        list_frames(&shard, Path::new(DIRECTORY), slot, &mut visitor).await.unwrap();
        parts
    });
    let mut expected_offset = 0;
    let mut others = Vec::new();
    for part in parts {
        let (offset, bytes) = match part {
            SlotPart::Frame { file_offset, header, is_in_force } => {
                assert!(is_in_force);
                (file_offset, u64::from(header.frame_bytes))
            }
            SlotPart::Other { file_offset, bytes, .. } => {
                others.push((file_offset, bytes));
                (file_offset, bytes)
            }
        };
        assert_eq!(offset, expected_offset);
        expected_offset += bytes;
    }
    assert_eq!(expected_offset, SLOT_BYTES);
    let lost = (damaged.file_offset, u64::from(damaged.header.frame_bytes));
    assert!(others.contains(&lost), "{others:?}");
}
