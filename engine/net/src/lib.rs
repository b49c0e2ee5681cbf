//! Layer 2 of Roundhouse: the network as code on a shard sees it.
//!
//! Everything here runs on one shard and is driven by its ring, or by the simulator: the same code.
//! Handles are not `Send`. Whatever may grow has a named bound, an option of the socket or a
//! constant in [`limits`], and says what happens at it.

#![forbid(unsafe_code)]

mod deadline;
#[cfg(feature = "hyper")]
pub mod hyper;
pub mod limits;
pub mod quic;
pub mod tcp;
pub mod tls;
pub mod udp;

pub use tcp::{ListenerOptions, TcpConnector, TcpCounters, TcpListener, TcpOptions, TcpStream};
pub use tls::{TlsAcceptor, TlsConnector, TlsError, TlsStream};
pub use udp::{UdpCounters, UdpOptions, UdpSocket};
