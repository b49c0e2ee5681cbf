//! Unreliable datagrams (RFC 9221).

use bytes::Bytes;
use quinn_proto::SendDatagramError;

use super::Machine;
use super::event::ConnectionKey;
use crate::quic::error::{ConnectionError, DatagramError};

impl Machine {
    /// Queues a datagram. False: there is no room; wait for
    /// [`Event::DatagramsUnblocked`](super::Event::DatagramsUnblocked). With `may_drop`, the oldest
    /// queued ones make room instead.
    ///
    /// # Errors
    /// [`DatagramError`]; nothing was queued then.
    pub fn send_datagram(
        &mut self,
        key: ConnectionKey,
        data: Bytes,
        may_drop: bool,
    ) -> Result<bool, DatagramError> {
        let Some(entry) = self.entry(key) else { return Err(ConnectionError::ClosedHere.into()) };
        let mut datagrams = entry.proto.datagrams();
        let max = datagrams.max_size();
        match datagrams.send(data, may_drop) {
            Ok(()) => {
                self.send_soon(key.index);
                Ok(true)
            }
            Err(SendDatagramError::Blocked(_)) => Ok(false),
            Err(SendDatagramError::TooLarge) => {
                Err(DatagramError::TooLarge { max: max.unwrap_or_default() })
            }
            Err(SendDatagramError::Disabled | SendDatagramError::UnsupportedByPeer) => {
                Err(DatagramError::Unsupported)
            }
        }
    }

    /// The largest datagram that can be sent at the moment; `None` if none can.
    pub fn datagram_bytes_max(&mut self, key: ConnectionKey) -> Option<usize> {
        self.entry(key)?.proto.datagrams().max_size()
    }

    /// Takes out a datagram that arrived.
    pub fn receive_datagram_of(&mut self, key: ConnectionKey) -> Option<Bytes> {
        self.entry(key)?.proto.datagrams().recv()
    }
}
