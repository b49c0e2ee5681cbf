//! Salvaging reads what is intact, and changes nothing.

use roundhouse_base::Offset;
use roundhouse_store::format::FrameKind;

use crate::scene::*;

#[test]
fn an_intact_store_is_read_out_in_full() {
    let mut scene = Scene::with_store(21);
    let (salvage, bodies) = scene.salvage(false);
    assert_eq!(salvage.damage, None);
    assert_eq!(salvage.records, bodies.values().map(Vec::len).sum::<usize>() as u64);
    assert_eq!(bodies, scene.read());
}

#[test]
fn what_is_before_damage_is_read_and_with_all_what_is_behind_it_too() {
    let mut scene = Scene::with_store(22);
    let whole = scene.read();
    let data = of_kind(&scene.frames(), FrameKind::Data);
    // The first two create the logs.
    for frame in &data[2..] {
        scene.flip(frame, 200);
        let before = scene.files();
        let (salvage, bodies) = scene.salvage(false);
        assert_eq!(salvage.damage.unwrap().pos, frame.header.pos);
        assert!(is_prefix(&bodies, &whole));
        let (salvage, all) = scene.salvage(true);
        assert_eq!(salvage.damage.unwrap().pos, frame.header.pos);
        let count = |bodies: &Bodies| bodies.values().map(Vec::len).sum::<usize>();
        assert_eq!(count(&all) + frame.header.record_count as usize, count(&whole));
        assert_eq!(scene.files(), before);
        scene.flip(frame, 200);
    }
}

#[test]
fn what_was_given_up_is_not_salvaged() {
    let mut scene = Scene::with_store(23);
    let expected = scene.run(async |shard| {
        let store = open(&shard).await.unwrap();
        let orders = store.find("orders").unwrap();
        store.truncate(orders, Offset(100)).await.unwrap();
        store.trim(orders, Offset(10)).await.unwrap();
        store.delete_log(store.find("audit").unwrap()).await.unwrap();
        let read = read_all(&store).await;
        store.close().await.unwrap();
        read
    });
    assert_eq!(scene.salvage(false).1, expected);
}
