//! Where clients are let in.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::connecting::Connecting;
use super::endpoint::Handle;

/// Takes the connections that clients begin. Dropping it lets no more in and ends those that were
/// not accepted.
pub struct Listener(Rc<Handle>);

impl Listener {
    pub(super) fn new(endpoint: Rc<Handle>) -> Listener {
        Listener(endpoint)
    }

    /// The next connection, whose handshake is under way or done. `None`: the endpoint was closed.
    ///
    /// Await its handshake in a task of its own: in the loop that accepts, each client that begins and
    /// never answers would keep all others waiting for
    /// [`handshake_timeout`](super::Limits::handshake_timeout).
    pub async fn accept(&self) -> Option<Connecting> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// The next connection, or a wake-up when there is one.
    pub fn poll_accept(&self, context: &Context<'_>) -> Poll<Option<Connecting>> {
        let hub = self.0.hub();
        let next = hub.backlog.borrow_mut().pop_front();
        if let Some(link) = next {
            hub.look(|machine| machine.accepted(link.key));
            return Poll::Ready(Some(Connecting::new(link)));
        }
        if !hub.is_listening.get() {
            return Poll::Ready(None);
        }
        hub.accepting.borrow_mut().push(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.hub().stop_listening();
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}
