//! A connection whose handshake is not done.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::connection::Connection;
use super::error::ConnectionError;
use super::link::{Link, Wait};

/// A connection whose handshake is under way. Awaiting it gives the connection; dropping it ends
/// it.
///
/// # Errors
/// [`ConnectionError`]: why there is no connection.
#[must_use = "dropping it ends the connection"]
pub struct Connecting(Rc<Link>);

impl Connecting {
    pub(super) fn new(link: Rc<Link>) -> Connecting {
        Connecting(link)
    }

    /// Where the peer is.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.0.hub.look(|machine| machine.remote_address(self.0.key))
    }

    /// Does not wait for the handshake.
    ///
    /// For a client that knows the server (0-RTT): what is sent now can be replayed by whoever is
    /// on the path, so it must do no harm twice; and the server may not take it, see
    /// [`Connection::handshaken`]. For a server: what is sent now may go to someone who only claims
    /// to be the client, and what is read now may be a replay.
    ///
    /// # Errors
    /// Gives it back to a client that has nothing to send early data with: it never spoke to the
    /// server, or the server takes none.
    pub fn into_early(self) -> Result<Connection, Connecting> {
        let can = self.0.hub.look(|machine| machine.can_send_early(self.0.key));
        if can { Ok(Connection::new(self.0)) } else { Err(self) }
    }
}

impl Future for Connecting {
    type Output = Result<Connection, ConnectionError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let link = &self.0;
        link.poll_with(Wait::Connected, context, || {
            link.is_connected().then(|| Connection::new(link.clone()))
        })
    }
}

impl std::fmt::Debug for Connecting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connecting({:?})", self.remote_address())
    }
}
