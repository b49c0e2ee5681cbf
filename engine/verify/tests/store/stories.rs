//! The store end to end, step by step.

use std::cell::Cell;
use std::rc::Rc;

use roundhouse_base::Offset;
use roundhouse_runtime::sim::{Outcome, RunLimits};
use roundhouse_store::NewRecord;

use roundhouse_verify::scene::{IDENTITY, Scene, append, body, open};

#[test]
fn what_was_appended_is_read_back_after_a_clean_close() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| append(&shard, 0..2000).await.close().await.unwrap());
    let reading = scene.open_and_read(IDENTITY).unwrap();
    assert_eq!(reading.bodies.len(), 2000);
    assert!(reading.bodies.iter().enumerate().all(|(no, record)| *record == body(no)));
}

#[test]
fn what_was_acknowledged_survives_a_crash() {
    for seed in 0..20 {
        let mut scene = Scene::new(seed);
        let acknowledged = Rc::new(Cell::new(0));
        let counter = acknowledged.clone();
        scene.run(async |shard| append(&shard, 0..0).await.close().await.unwrap());
        scene.start(async move |shard| {
            let store = open(&shard, IDENTITY).await.unwrap();
            let log = store.find("orders").unwrap();
            for no in 0.. {
                let body = body(no);
                let record = NewRecord::from(body.as_slice());
                assert_eq!(store.append(log, &[record]).await, Ok(Offset(no as u64)));
                counter.set(no + 1);
            }
        });
        let stop = 200 + seed as usize * 77;
        let outcome = scene.cluster.run_until(RunLimits::default(), || acknowledged.get() >= stop);
        assert_eq!(outcome, Outcome::Reached);
        scene.cluster.crash(&scene.node);

        let reading = scene.open_and_read(IDENTITY).unwrap();
        assert!(reading.bodies.iter().enumerate().all(|(no, record)| *record == body(no)));
        let found = reading.bodies.len();
        assert!(found >= acknowledged.get(), "seed {seed}: {found} of {}", acknowledged.get());
    }
}
