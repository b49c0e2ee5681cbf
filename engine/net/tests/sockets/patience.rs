//! Waiting for what must come.

use std::time::Duration;

use roundhouse_runtime::Shard;

/// Waits until it holds; what never does fails the test after a while that no machine needs.
pub(crate) async fn until(shard: &Shard, mut is_reached: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if is_reached() {
            return;
        }
        shard.sleep(Duration::from_millis(5)).await;
    }
    panic!("it takes too long");
}
