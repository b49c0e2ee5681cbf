//! How long a task may wait for a stream.

use std::task::{Context, Poll};
use std::time::Duration;

use roundhouse_base::Monotonic;

use super::hub::Hub;
use super::options::TransportOptions;
use crate::deadline::Deadline;

/// How long reads and writes of an endpoint's streams may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamTimeouts {
    pub(super) read: Option<Duration>,
    pub(super) write: Option<Duration>,
}

impl StreamTimeouts {
    pub(super) fn of(options: &TransportOptions) -> StreamTimeouts {
        StreamTimeouts { read: options.read_timeout, write: options.write_timeout }
    }
}

/// The time limit of one half of a stream. A timer is set only where there is a limit, and stays for the
/// next wait, since most of them end long before it.
#[derive(Default)]
pub(super) struct Patience {
    waiting_since: Option<Monotonic>,
    deadline: Deadline,
}

impl Patience {
    /// Ready, and counted, once the wait that goes on has taken `timeout`; `None` never does.
    pub(super) fn poll(
        &mut self,
        hub: &Hub,
        timeout: Option<Duration>,
        context: &Context<'_>,
    ) -> Poll<()> {
        let Some(timeout) = timeout else { return Poll::Pending };
        let since = *self.waiting_since.get_or_insert_with(|| hub.shard.turn_now());
        let mut context = Context::from_waker(context.waker());
        let is_over = self.deadline.poll(&hub.shard, Some(since + timeout), &mut context);
        if is_over.is_ready() {
            hub.look(|machine| machine.metrics().streams_timed_out.add(1));
        }
        is_over
    }

    /// The wait is over.
    pub(super) fn rest(&mut self) {
        self.waiting_since = None;
    }
}
