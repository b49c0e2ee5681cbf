//! An engine without work takes no time at all.

use std::fs;
use std::thread;
use std::time::Duration;

use roundhouse::{Engine, ShardHandle, block_on};

use crate::scratch::{Scratch, until};

#[test]
fn an_idle_engine_makes_no_turn() {
    let scratch = Scratch::new();
    let engine = block_on(scratch.builder(2).option("spin", "adaptive:50us").unwrap().open());
    let engine = engine.unwrap();
    let log = block_on(engine.log("a").create()).unwrap();
    block_on(log.append("x")).unwrap();
    let threads = threads_of(&engine);
    // Whatever was left to do (an anchor, a slot to prepare) is done at some time; from then on
    // there is no sleep that ends.
    until(|| {
        let before = sleeps(&threads);
        thread::sleep(Duration::from_millis(300));
        sleeps(&threads) == before
    });
    block_on(log.append("y")).unwrap();
}

/// The numbers of the shards' threads.
fn threads_of(engine: &Engine) -> Vec<i32> {
    let number = async |_: ShardHandle| rustix::thread::gettid().as_raw_nonzero().get();
    block_on(engine.spawn_on_each_shard(number)).unwrap()
}

/// How often each thread went to sleep so far. A turn that finds nothing ends in a sleep, and the
/// kernel counts them without waking the thread, as asking the engine would.
fn sleeps(threads: &[i32]) -> Vec<String> {
    let count = |thread| {
        let status = fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        line.expect("Linux counts them").to_owned()
    };
    threads.iter().map(count).collect()
}
