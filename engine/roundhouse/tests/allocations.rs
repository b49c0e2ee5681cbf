//! Appending on the shard allocates nothing per record: counted by the global allocator, which is
//! why this test is a program of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use roundhouse::{Engine, Log, ShardHandle, ShardId, block_on};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn an_append_through_a_log_on_its_shard_allocates_nothing() {
    let append_all = async |_: ShardHandle, log: Log, records: usize| {
        for _ in 0..records {
            log.append(&BODY).await.unwrap();
        }
    };
    assert_nothing_per_record(append_all, "dsync");
    assert_nothing_per_record(append_all, "fdatasync");
}

#[test]
fn an_append_through_a_local_log_allocates_nothing() {
    let append_all = async |shard: ShardHandle, log: Log, records: usize| {
        let log = shard.local(&log).unwrap();
        for _ in 0..records {
            log.append(&BODY).await.unwrap();
        }
    };
    assert_nothing_per_record(append_all, "dsync");
    assert_nothing_per_record(append_all, "fdatasync");
}

/// Has tasks on the shard append, first to warm everything up, then counted.
///
/// Not even frames cost allocations of their own: they lie one after the other in buffers that are
/// used again. What is left is the tasks, and a list that grows now and then.
fn assert_nothing_per_record<F>(append_all: F, sync_method: &str)
where
    F: AsyncFn(ShardHandle, Log, usize) + Copy + Send + 'static,
{
    let scratch = tempfile::tempdir().unwrap();
    block_on(async {
        let builder = Engine::builder(scratch.path().join("data")).option("shards", "1").unwrap();
        let builder = builder.option("memory", "16MiB").unwrap();
        let builder = builder.option("sync_method", sync_method).unwrap();
        let engine = builder.open().await.unwrap();
        let log = engine.log("a").create().await.unwrap();
        let program = async move |shard: ShardHandle| {
            append_from_tasks(&shard, &log, append_all).await;
            let before = ALLOCATIONS.get();
            append_from_tasks(&shard, &log, append_all).await;
            ALLOCATIONS.get() - before
        };
        let allocations = engine.spawn_on(ShardId(0), program).await.unwrap();
        assert!(allocations >= TASKS as u64, "{allocations}: nothing is counted");
        assert!(allocations < ALLOCATIONS_MAX, "{allocations} for {RECORDS} records");
        engine.close().await.unwrap();
    });
}

async fn append_from_tasks<F>(shard: &ShardHandle, log: &Log, append_all: F)
where
    F: AsyncFn(ShardHandle, Log, usize) + Copy + 'static,
{
    let start = |_| {
        let (shard, log) = (shard.clone(), log.clone());
        shard.clone().spawn(async move { append_all(shard, log, RECORDS / TASKS).await })
    };
    let tasks: Vec<_> = (0..TASKS).map(start).collect();
    for task in tasks {
        task.await;
    }
}

/// The system's allocator, counting per thread: a shard's thread runs nothing but the shard.
struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came.
#[expect(unsafe_code, reason = "only an allocator can count allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are those the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; `pointer` is from the system's allocator, like all of them.
        unsafe { System.dealloc(pointer, layout) }
    }
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

const RECORDS: usize = 50_000;
/// For a whole run.
const ALLOCATIONS_MAX: u64 = RECORDS as u64 / 100;
const TASKS: usize = 16;
const BODY: [u8; 100] = [b'x'; 100];
