//! Streams and datagrams of a connection.

use std::ffi::c_char;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use roundhouse::Shard;
use roundhouse::net::quic::pool::Pooled;
use roundhouse::net::quic::{Connection, RecvStream, SendStream};

use crate::entry::enter;
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::log::rh_slice;
use crate::net::buffer;
use crate::net::carrier::Carrier;
use crate::net::inbox::{Inbox, Receiving};
use crate::net::lent;
use crate::net::remote::Remote;
use crate::net::stream::{self, Facts, Peer, RH_STREAM_QUIC};
use crate::net::turns::Turns;
use crate::queue::{
    Once, Outcome, RH_OP_DATAGRAM_RECEIVE, RH_OP_DATAGRAM_SEND, RH_OP_STREAM_ACCEPT,
    RH_OP_STREAM_OPEN, Success, rh_queue,
};
use crate::status::rh_status;

/// A QUIC connection.
pub struct rh_connection;

impl Handle for rh_connection {
    type Object = ConnectionObject;
    const KIND: Kind = Kind::Connection;
}

/// A connection behind its handle.
pub(crate) struct ConnectionObject {
    pub(super) remote: Remote<Home>,
    streams: [Arc<Inbox<Home, stream::Settled>>; 2],
    datagrams: Arc<Inbox<Home, Bytes>>,
    pub(super) peer: Peer,
    latch: Latch,
}

/// A connection where it lives.
pub(super) struct Home {
    pub(super) shard: Shard,
    pub(super) held: Held,
    /// Datagrams that wait for room.
    sends: Rc<Turns>,
}

/// A connection, or one of a pool.
pub(super) enum Held {
    Own(Connection),
    Pooled(Pooled),
}

impl Deref for Held {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Held::Own(connection) => connection,
            Held::Pooled(pooled) => pooled,
        }
    }
}

/// A connection that settled on its shard, on its way to the program.
pub(super) struct Settled {
    remote: Remote<Home>,
    peer: Peer,
}

/// Settles a connection on the shard that this runs on.
pub(super) fn settle(shard: &Shard, held: Held) -> Settled {
    let certificates = held.peer_certificates().unwrap_or_default();
    let peer = Peer {
        address: held.remote_address(),
        protocol: held.protocol().unwrap_or_default(),
        certificates: certificates.iter().map(|certificate| certificate.to_vec()).collect(),
        is_resumed: false,
    };
    let home = Home { shard: shard.clone(), held, sends: Rc::default() };
    Settled { remote: Remote::settle(shard, home), peer }
}

impl Settled {
    /// Makes its handle.
    pub(super) fn give(self, latch: Latch) -> Outcome {
        let Settled { remote, peer } = self;
        let streams = [
            Inbox::new(&remote, STREAMS_AHEAD, accept_bidirectional),
            Inbox::new(&remote, STREAMS_AHEAD, accept_unidirectional),
        ];
        let datagrams = Inbox::new(&remote, DATAGRAMS_AHEAD, receive_datagram);
        let object = ConnectionObject { remote, streams, datagrams, peer, latch: latch.clone() };
        Ok(Success::made(handle::insert::<rh_connection>(Arc::new(object), latch)?))
    }
}

impl Home {
    fn settle_stream(
        &self,
        send: Option<SendStream>,
        receive: Option<RecvStream>,
    ) -> stream::Settled {
        let number = send.as_ref().map(SendStream::id).or(receive.as_ref().map(RecvStream::id));
        let facts = Facts {
            kind: RH_STREAM_QUIC,
            number: number.map(roundhouse::net::quic::StreamId::value).unwrap_or_default(),
            can_send: send.is_some(),
            can_receive: receive.is_some(),
            peer: Peer { address: self.held.remote_address(), ..Peer::default() },
        };
        stream::settle(&self.shard, Carrier::Quic(send, receive), facts)
    }

    async fn open(&self, direction: u32) -> Result<stream::Settled, Failure> {
        if direction == RH_UNIDIRECTIONAL {
            let send = self.held.open_unidirectional().await?;
            return Ok(self.settle_stream(Some(send), None));
        }
        let (send, receive) = self.held.open_bidirectional().await?;
        Ok(self.settle_stream(Some(send), Some(receive)))
    }
}

fn accept_bidirectional(home: Rc<Home>) -> Receiving<stream::Settled> {
    Box::pin(async move {
        let (send, receive) = home.held.accept_bidirectional().await?;
        Ok(Some(home.settle_stream(Some(send), Some(receive))))
    })
}

fn accept_unidirectional(home: Rc<Home>) -> Receiving<stream::Settled> {
    Box::pin(async move {
        let receive = home.held.accept_unidirectional().await?;
        Ok(Some(home.settle_stream(None, Some(receive))))
    })
}

fn receive_datagram(home: Rc<Home>) -> Receiving<Bytes> {
    Box::pin(async move { Ok(Some(home.held.receive_datagram().await?)) })
}

/// Both sides send on the stream.
pub const RH_BIDIRECTIONAL: u32 = 0;
/// Only the side that opened it sends.
pub const RH_UNIDIRECTIONAL: u32 = 1;

/// Opens a stream; `direction` is `RH_BIDIRECTIONAL` or `RH_UNIDIRECTIONAL`. Waits while the peer allows no more.
/// The peer learns of it with the first bytes.
///
/// Completes as `RH_OP_STREAM_OPEN` with the `rh_stream` as `handle` and its number as `detail`, or: `RH_E_PEER`,
/// `RH_E_TIMEOUT`, `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_open_stream(
    connection: *const rh_connection,
    queue: *const rh_queue,
    direction: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let open = || {
        let (connection, queue) = (handle::get(connection)?, handle::get(queue)?);
        check_direction(direction)?;
        let latch = connection.latch.clone();
        queue.submit(RH_OP_STREAM_OPEN, user_data, || {
            let open = move |home: Rc<Home>| async move { home.open(direction).await };
            let opened = connection.remote.call(open);
            Ok(Box::pin(async move { opened.await?.give(latch) }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, open) }
}

/// Takes streams that the peer opened, of one direction: once with `credits` `RH_ONCE`, otherwise as many times as
/// credits are given, as `rh_log_follow` does.
///
/// Each completes as `RH_OP_STREAM_ACCEPT` like `rh_connection_open_stream`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_accept_stream(
    connection: *const rh_connection,
    queue: *const rh_queue,
    direction: u32,
    credits: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let accept = || {
        let (connection, queue) = (handle::get(connection)?, handle::get(queue)?);
        check_direction(direction)?;
        let latch = connection.latch.clone();
        let give = move |settled: stream::Settled| settled.give(latch.clone());
        let streams = &connection.streams[direction as usize];
        streams.submit(&queue, RH_OP_STREAM_ACCEPT, credits, user_data, give)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, accept) }
}

/// Sends an unreliable datagram (RFC 9221) as soon as there is room for it. Its bytes are borrowed until the
/// completion, or copied with `RH_COPY` in `flags`.
///
/// Completes as `RH_OP_DATAGRAM_SEND` when it is queued, or: `RH_E_SIZE` (`detail` is how many bytes can be sent at
/// the moment), `RH_E_UNSUPPORTED` (the peer takes none), `RH_E_PEER`, `RH_E_TIMEOUT`, `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_send_datagram(
    connection: *const rh_connection,
    queue: *const rh_queue,
    datagram: rh_slice,
    flags: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let send = || {
        let (connection, queue) = (handle::get(connection)?, handle::get(queue)?);
        queue.submit_held(RH_OP_DATAGRAM_SEND, user_data, || {
            // SAFETY: borrowed until the completion, as the header says.
            let (data, released) = unsafe { lent::take(&raw const datagram, 1, flags) }?;
            let data = data.into_iter().next().unwrap_or_default();
            let sent = connection.remote.call(move |home: Rc<Home>| {
                let turn = home.sends.draw();
                async move {
                    turn.reached().await;
                    Ok(home.held.send_datagram_in_turn(data).await?)
                }
            });
            Ok(Box::pin(async move {
                let sent = sent.await;
                released.wait().await;
                sent.map(|()| Success::DONE)
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, send) }
}

/// Receives unreliable datagrams: once with `credits` `RH_ONCE`, otherwise as many times as credits are given, as
/// `rh_log_follow` does. When more arrive than are taken, the oldest are dropped.
///
/// Each completes as `RH_OP_DATAGRAM_RECEIVE` with an `rh_buffer` as `handle` and how many bytes it has as
/// `result`, or: `RH_E_PEER`, `RH_E_TIMEOUT`, `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_receive_datagram(
    connection: *const rh_connection,
    queue: *const rh_queue,
    credits: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let receive = || {
        let (connection, queue) = (handle::get(connection)?, handle::get(queue)?);
        let give = |data| buffer::give(data, None);
        connection.datagrams.submit(&queue, RH_OP_DATAGRAM_RECEIVE, credits, user_data, give)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, receive) }
}

/// Gives the protocol that both sides agreed on (ALPN), as `rh_options_get` gives a value; empty while the
/// handshake of an early connection is under way.
///
/// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_connection_protocol(
    connection: *const rh_connection,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let give = || {
        let connection = handle::get(connection)?;
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { connection.peer.give_protocol(buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(connection, error, give) }
}

fn check_direction(direction: u32) -> Result<(), Failure> {
    if direction <= RH_UNIDIRECTIONAL {
        return Ok(());
    }
    Err(Failure::invalid(format!("there is no direction {direction}")))
}

/// Streams, and datagrams, that are taken ahead of the completions that will have them.
const STREAMS_AHEAD: usize = 7;
const DATAGRAMS_AHEAD: usize = 15;
