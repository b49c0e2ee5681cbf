//! Where streams over TCP come from.

use std::ffi::c_char;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use roundhouse::net::tcp::KeepAlive;
use roundhouse::net::{
    ListenerOptions, TcpListener, TcpOptions, TcpStream, TlsAcceptor, TlsStream,
};
use roundhouse::{Shard, ShardHandle};

use super::RH_SHARE_ADDRESS;
use super::address::{give_address, read_address, rh_address};
use super::carrier::Carrier;
use super::failure::of_stream;
use super::inbox::{Inbox, Receiving};
use super::incoming::Incoming;
use super::open::Opening;
use super::remote::Remote;
use super::stream::{self, Facts, Peer, RH_STREAM_TCP, RH_STREAM_TLS, Settled};
use super::tls::{rh_tls_client, rh_tls_server};
use crate::engine::rh_engine;
use crate::entry::{Growable, enter, read_growable, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::queue::{
    RH_FOREVER, RH_OP_TCP_ACCEPT, RH_OP_TCP_CONNECT, RH_OP_TCP_LISTEN, Success, rh_queue,
};
use crate::status::rh_status;

/// Where TCP connections come in.
pub struct rh_listener;

impl Handle for rh_listener {
    type Object = ListenerObject;
    const KIND: Kind = Kind::Listener;
}

/// A listener behind its handle.
pub(crate) struct ListenerObject {
    remote: Remote<Home>,
    arrivals: Arc<Inbox<Home, Settled>>,
    local: SocketAddr,
    latch: Latch,
}

/// The listener where it lives.
struct Home {
    shard: Shard,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    incoming: Rc<Incoming<TlsStream>>,
}

/// How TCP connections are opened and behave. Start from `RH_TCP_SETTINGS_INIT`; 0 is the default of every field.
/// Times may be `RH_FOREVER`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct rh_tcp_settings {
    /// The size of this structure.
    pub struct_size: usize,
    /// 0, or some of `RH_SHARE_ADDRESS`, `RH_TCP_DELAY` and `RH_TCP_NO_KEEP_ALIVE`.
    pub flags: u32,
    /// A listener's: connections the kernel completes ahead; beyond them it ignores attempts.
    pub backlog: u32,
    /// A listener's: connections open at once; beyond them new ones are reset.
    pub connections: u64,
    /// A listener's: bytes that its streams may hold together; while they do, new ones are reset.
    pub held_bytes: u64,
    /// Bytes of one write, the only one that a stream holds until the kernel has taken it.
    pub write_bytes: u64,
    /// How long connecting may take.
    pub connect_timeout_ns: u64,
    /// How long a TLS handshake may take.
    pub handshake_timeout_ns: u64,
    /// How long one receive may wait; then the stream fails. By default for ever.
    pub read_timeout_ns: u64,
    /// How long the peer may take for what was given to the kernel at once; then the stream fails. By default for
    /// ever.
    pub write_timeout_ns: u64,
    /// How long a stream that is received from may go without anything sent or received; then it fails. By default
    /// for ever.
    pub idle_timeout_ns: u64,
    /// How long a closed stream goes on trying to send what was written.
    pub linger_ns: u64,
    /// Silence before the peer is asked whether it is still there.
    pub keep_alive_idle_ns: u64,
    /// Time between such questions.
    pub keep_alive_interval_ns: u64,
    /// Questions without an answer after which the connection fails.
    pub keep_alive_probes: u32,
    /// A listener's: TLS handshakes in progress at once; beyond them new connections are reset.
    pub handshakes: u32,
}

/// A flag of TCP: gather small writes while an acknowledgement is awaited.
pub const RH_TCP_DELAY: u32 = 2;
/// A flag of TCP: never ask a silent peer whether it is still there.
pub const RH_TCP_NO_KEEP_ALIVE: u32 = 4;

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_tcp_settings {
    const NAME: &'static str = "rh_tcp_settings";
    const SIZE_MIN: usize = 112;
}

impl rh_tcp_settings {
    fn check(&self) -> Result<(), Failure> {
        if self.flags & !(RH_SHARE_ADDRESS | RH_TCP_DELAY | RH_TCP_NO_KEEP_ALIVE) == 0 {
            return Ok(());
        }
        Err(Failure::invalid(format!("there are no such flags: {:#x}", self.flags)))
    }

    fn stream(&self) -> TcpOptions {
        let defaults = TcpOptions::default();
        let alive = defaults.keep_alive.map(|alive| KeepAlive {
            idle: or(self.keep_alive_idle_ns, alive.idle),
            interval: or(self.keep_alive_interval_ns, alive.interval),
            probes: if self.keep_alive_probes > 0 { self.keep_alive_probes } else { alive.probes },
        });
        TcpOptions {
            no_delay: self.flags & RH_TCP_DELAY == 0,
            keep_alive: alive.filter(|_| self.flags & RH_TCP_NO_KEEP_ALIVE == 0),
            write_bytes: bytes_or(self.write_bytes, defaults.write_bytes),
            connect_timeout: or(self.connect_timeout_ns, defaults.connect_timeout),
            read_timeout: limit(self.read_timeout_ns),
            write_timeout: limit(self.write_timeout_ns),
            idle_timeout: limit(self.idle_timeout_ns),
            linger: or(self.linger_ns, defaults.linger),
        }
    }

    fn listener(&self, local: SocketAddr) -> ListenerOptions {
        let defaults = ListenerOptions::new(local);
        ListenerOptions {
            local,
            reuse_port: self.flags & RH_SHARE_ADDRESS != 0,
            backlog: if self.backlog > 0 { self.backlog } else { defaults.backlog },
            connections: bytes_or(self.connections, defaults.connections),
            held_bytes: if self.held_bytes > 0 { self.held_bytes } else { defaults.held_bytes },
            stream: self.stream(),
        }
    }

    fn acceptor(&self, acceptor: &TlsAcceptor) -> TlsAcceptor {
        let mut acceptor = acceptor.clone();
        acceptor.handshake_timeout = or(self.handshake_timeout_ns, acceptor.handshake_timeout);
        acceptor.handshakes_max = bytes_or(self.handshakes.into(), acceptor.handshakes_max);
        acceptor
    }
}

/// Accepts TCP connections at `local`, on a shard; port 0 is one that is free. With `tls` their streams are TLS
/// streams whose handshake is done; otherwise it is NULL. `settings` may be NULL.
///
/// Completes as `RH_OP_TCP_LISTEN` with the `rh_listener` as `handle`, or: `RH_E_IO` (`sys_errno` says why, such as
/// an address in use), `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_tcp_listen(
    engine: *const rh_engine,
    queue: *const rh_queue,
    shard: u32,
    local: *const rh_address,
    tls: *const rh_tls_server,
    settings: *const rh_tcp_settings,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let listen = || {
        // SAFETY: NULL or readable, the settings for as long as their size says; the header says so.
        let (local, settings) =
            unsafe { (read_address(local, "local")?, read_growable(settings)?) };
        let settings = settings.unwrap_or_default();
        settings.check()?;
        let tls = if tls.is_null() { None } else { Some(handle::get(tls)?) };
        let tls = tls.map(|tls| settings.acceptor(&tls.acceptor));
        let options = settings.listener(local);
        let make = async move |shard: ShardHandle| {
            let listener = shard.tcp_listener(&options)?;
            let local = listener.local_address();
            let shard = shard.runtime().clone();
            let home = Home { shard: shard.clone(), listener, tls, incoming: Incoming::new() };
            Ok((Remote::settle(&shard, home), local))
        };
        Opening { engine, queue, shard, op: RH_OP_TCP_LISTEN, user_data }.submit(
            make,
            |(remote, local), latch| {
                let arrivals = Inbox::new(&remote, STREAMS_AHEAD, accept);
                let object = ListenerObject { remote, arrivals, local, latch: latch.clone() };
                Ok(Success::made(handle::insert::<rh_listener>(Arc::new(object), latch)?))
            },
        )
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, listen) }
}

fn accept(home: Rc<Home>) -> Receiving<Settled> {
    Box::pin(async move { Ok(Some(poll_fn(|context| home.poll_accept(context)).await)) })
}

impl Home {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Settled> {
        loop {
            if let Poll::Ready(stream) = self.incoming.poll(context) {
                return Poll::Ready(settle_tls(&self.shard, stream));
            }
            let Poll::Ready(stream) = self.listener.poll_accept(context) else {
                return Poll::Pending;
            };
            match self.tls.clone() {
                None => return Poll::Ready(settle_tcp(&self.shard, stream)),
                Some(tls) => {
                    let handshake = async move { tls.accept(stream).await.ok() };
                    self.incoming.begin(&self.shard, handshake);
                }
            }
        }
    }
}

/// Gives the address of a listener, with its port.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_listener_address(
    listener: *const rh_listener,
    out: *mut rh_address,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: an out-parameter may be written, and `error` is NULL or may be; the header says so.
    unsafe { give_address(listener, out, error, |listener| listener.local) }
}

/// Takes connections: once with `credits` `RH_ONCE`, otherwise as many times as credits are given, as
/// `rh_log_follow` does. Those that nobody takes wait in the kernel.
///
/// Each completes as `RH_OP_TCP_ACCEPT` with an `rh_stream` as `handle`, or `RH_E_CLOSED`. Connections whose TLS
/// handshake fails are only counted.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_listener_accept(
    listener: *const rh_listener,
    queue: *const rh_queue,
    credits: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let accept = || {
        let (listener, queue) = (handle::get(listener)?, handle::get(queue)?);
        let latch = listener.latch.clone();
        let give = move |settled: Settled| settled.give(latch.clone());
        listener.arrivals.submit(&queue, RH_OP_TCP_ACCEPT, credits, user_data, give)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(listener, error, accept) }
}

/// Closes a listener. Its streams go on; connections that nobody took are reset, operations under way complete with
/// `RH_E_CLOSED`. Never waits. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_listener_close(
    listener: *mut rh_listener,
    error: *mut rh_error,
) -> rh_status {
    let close = || {
        if !listener.is_null() {
            handle::remove(listener.cast_const())?.remote.close();
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(listener, error, close) }
}

/// Connects to `address` from a shard. With `tls` the stream is a TLS stream to a server that has a certificate for
/// `name`, a DNS name or an address; otherwise it is NULL, and the name does not count. `settings` may be NULL.
///
/// Completes as `RH_OP_TCP_CONNECT` with the `rh_stream` as `handle`, or: `RH_E_PEER` (it refused, or its
/// certificate is not trusted), `RH_E_TIMEOUT`, `RH_E_IO`, `RH_E_INVALID` (no such name can be), `RH_E_CLOSED`.
/// Nothing is left of it then, also when it is canceled.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_tcp_connect(
    engine: *const rh_engine,
    queue: *const rh_queue,
    shard: u32,
    address: *const rh_address,
    tls: *const rh_tls_client,
    name: *const c_char,
    settings: *const rh_tcp_settings,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let connect = || {
        // SAFETY: NULL or readable, the settings for as long as their size says; the header says so.
        let (address, settings) =
            unsafe { (read_address(address, "address")?, read_growable(settings)?) };
        let settings = settings.unwrap_or_default();
        settings.check()?;
        let tls = if tls.is_null() {
            None
        } else {
            let mut connector = handle::get(tls)?.connector.clone();
            connector.handshake_timeout =
                or(settings.handshake_timeout_ns, connector.handshake_timeout);
            // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
            Some((connector, unsafe { text(name, "name") }?.to_owned()))
        };
        let options = settings.stream();
        let make = async move |shard: ShardHandle| {
            let stream = shard.tcp_connector(options).connect(address).await;
            let stream = stream.map_err(|error| of_stream(&error))?;
            Ok(match tls {
                None => settle_tcp(shard.runtime(), stream),
                Some((tls, name)) => settle_tls(shard.runtime(), tls.connect(stream, &name).await?),
            })
        };
        Opening { engine, queue, shard, op: RH_OP_TCP_CONNECT, user_data }
            .submit(make, Settled::give)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, connect) }
}

fn settle_tcp(shard: &Shard, stream: TcpStream) -> Settled {
    let peer = Peer { address: stream.peer_address().ok(), ..Peer::default() };
    stream::settle(shard, Carrier::Tcp(Box::new(stream)), both_ways(RH_STREAM_TCP, peer))
}

fn settle_tls(shard: &Shard, stream: TlsStream) -> Settled {
    let certificates = stream.peer_certificates().unwrap_or_default();
    let peer = Peer {
        address: stream.peer_address().ok(),
        protocol: stream.protocol().unwrap_or_default().to_vec(),
        certificates: certificates.iter().map(|certificate| certificate.to_vec()).collect(),
        is_resumed: stream.is_resumed(),
    };
    stream::settle(shard, Carrier::Tls(Box::new(stream)), both_ways(RH_STREAM_TLS, peer))
}

fn both_ways(kind: u32, peer: Peer) -> Facts {
    Facts { kind, number: 0, can_send: true, can_receive: true, peer }
}

/// A time, or its default.
pub(super) fn or(nanoseconds: u64, default: Duration) -> Duration {
    if nanoseconds > 0 { Duration::from_nanos(nanoseconds.min(CENTURY_NS)) } else { default }
}

/// A number, or its default.
pub(super) fn bytes_or(number: u64, default: usize) -> usize {
    if number > 0 { usize::try_from(number).unwrap_or(usize::MAX) } else { default }
}

/// A time limit that there need not be.
pub(super) fn limit(nanoseconds: u64) -> Option<Duration> {
    (1..RH_FOREVER).contains(&nanoseconds).then(|| or(nanoseconds, Duration::ZERO))
}

/// Long enough for ever, and short enough to be added to any time.
const CENTURY_NS: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000_000;

/// Streams that are taken ahead of the completions that will have them.
const STREAMS_AHEAD: usize = 7;
