//! Where connections begin.

use std::ffi::c_char;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use roundhouse::net::quic::{Connecting, Connection, Endpoint, Listener, MASTER_SECRET_BYTES};
use roundhouse::{Shard, ShardHandle};

use super::connection::{self, Held, Settled};
use super::settings::rh_quic_settings;
use crate::engine::rh_engine;
use crate::entry::{enter, read_growable, text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind, Latch};
use crate::net::address::{give_address, read_address, rh_address};
use crate::net::inbox::{Inbox, Receiving};
use crate::net::incoming::Incoming;
use crate::net::open::Opening;
use crate::net::remote::{Remote, closed};
use crate::net::stream::code_of;
use crate::net::tls::{read_secret, rh_tls_client, rh_tls_server, shared_of};
use crate::queue::{
    Once, RH_OP_QUIC_ACCEPT, RH_OP_QUIC_CLOSE, RH_OP_QUIC_CONNECT, RH_OP_QUIC_OPEN, Success,
    rh_queue,
};
use crate::status::rh_status;

/// A UDP socket of a shard with any number of QUIC connections, of clients, servers or both.
pub struct rh_quic;

impl Handle for rh_quic {
    type Object = EndpointObject;
    const KIND: Kind = Kind::Endpoint;
}

/// An endpoint behind its handle.
pub(crate) struct EndpointObject {
    pub(super) remote: Remote<Home>,
    arrivals: Arc<Inbox<Home, Settled>>,
    local: SocketAddr,
    pub(super) latch: Latch,
}

/// The endpoint where it lives.
pub(super) struct Home {
    pub(super) shard: Shard,
    pub(super) endpoint: Endpoint,
    /// If it lets clients in.
    listener: Option<Listener>,
    incoming: Rc<Incoming<Connection>>,
}

/// A flag of `rh_quic_connect`: do not wait for the handshake if the server was spoken to before and takes early
/// data. What is sent then can be replayed by others, so it must do no harm twice.
pub const RH_EARLY: u32 = 1;

/// Opens a QUIC endpoint on a shard, at `local`; port 0 is one that is free. With `tls` it lets clients in;
/// otherwise it is NULL. `settings` may be NULL.
///
/// Completes as `RH_OP_QUIC_OPEN` with the `rh_quic` as `handle`, or: `RH_E_IO` (`sys_errno` says why, such as an
/// address in use), `RH_E_OPTION` (a setting is out of its range), `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_quic_open(
    engine: *const rh_engine,
    queue: *const rh_queue,
    shard: u32,
    local: *const rh_address,
    tls: *const rh_tls_server,
    settings: *const rh_quic_settings,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let open = || {
        // SAFETY: NULL or readable, the settings for as long as their size says; the header says so.
        let (local, settings) =
            unsafe { (read_address(local, "local")?, read_growable(settings)?) };
        let settings = settings.unwrap_or_default();
        // SAFETY: slices can be read; the header says so.
        let secret = unsafe { read_secret(&settings.secret) }?;
        settings.check(secret.is_some())?;
        let tls = if tls.is_null() { None } else { Some(handle::get(tls)?) };
        let shards = handle::get(engine)?.engine.shards();
        let socket = settings.socket(local);
        let mut options = settings.endpoint()?;
        let make = async move |shard: ShardHandle| {
            let socket = shard.udp_socket(&socket)?;
            let secret = secret.unwrap_or_else(|| draw(&shard));
            options.shard = shard.id();
            options.shared = shared_of(tls.as_deref(), &secret, shards);
            let endpoint = shard.quic_endpoint(socket, options)?;
            let local = endpoint.local_address();
            let listener = tls.map(|tls| endpoint.listen(&tls.quic));
            let shard = shard.runtime().clone();
            let home = Home { shard: shard.clone(), endpoint, listener, incoming: Incoming::new() };
            Ok((Remote::settle(&shard, home), local))
        };
        Opening { engine, queue, shard, op: RH_OP_QUIC_OPEN, user_data }.submit(
            make,
            |(remote, local), latch| {
                let arrivals = Inbox::new(&remote, CONNECTIONS_AHEAD, accept);
                let object = EndpointObject { remote, arrivals, local, latch: latch.clone() };
                Ok(Success::made(handle::insert::<rh_quic>(Arc::new(object), latch)?))
            },
        )
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, open) }
}

/// A secret of nobody else's.
fn draw(shard: &ShardHandle) -> [u8; MASTER_SECRET_BYTES] {
    let mut secret = [0; MASTER_SECRET_BYTES];
    for bytes in secret.as_chunks_mut().0 {
        *bytes = shard.runtime().random().to_le_bytes();
    }
    secret
}

fn accept(home: Rc<Home>) -> Receiving<Settled> {
    Box::pin(async move {
        let connection = poll_fn(|context| home.poll_accept(context)).await?;
        Ok(Some(connection::settle(&home.shard, Held::Own(connection))))
    })
}

impl Home {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<Result<Connection, Failure>> {
        let Some(listener) = &self.listener else {
            return Poll::Ready(Err(Failure::invalid(
                "the endpoint lets no clients in: it has no TLS",
            )));
        };
        loop {
            if let Poll::Ready(connection) = self.incoming.poll(context) {
                return Poll::Ready(Ok(connection));
            }
            match listener.poll_accept(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Err(closed())),
                Poll::Ready(Some(connecting)) => {
                    self.incoming.begin(&self.shard, async move { connecting.await.ok() });
                }
            }
        }
    }
}

/// Gives the address of an endpoint, with its port.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_quic_address(
    quic: *const rh_quic,
    out: *mut rh_address,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: an out-parameter may be written, and `error` is NULL or may be; the header says so.
    unsafe { give_address(quic, out, error, |quic| quic.local) }
}

/// Takes connections of clients, their handshake done: once with `credits` `RH_ONCE`, otherwise as many times as
/// credits are given, as `rh_log_follow` does.
///
/// Each completes as `RH_OP_QUIC_ACCEPT` with an `rh_connection` as `handle`, or: `RH_E_INVALID` (the endpoint was
/// opened without TLS), `RH_E_CLOSED`. Handshakes that fail are only counted.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_quic_accept(
    quic: *const rh_quic,
    queue: *const rh_queue,
    credits: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let accept = || {
        let (quic, queue) = (handle::get(quic)?, handle::get(queue)?);
        let latch = quic.latch.clone();
        let give = move |settled: Settled| settled.give(latch.clone());
        quic.arrivals.submit(&queue, RH_OP_QUIC_ACCEPT, credits, user_data, give)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(quic, error, accept) }
}

/// Connects to `address`, to a server that has a certificate for `name`, a DNS name or an address. `flags` is 0 or
/// `RH_EARLY`.
///
/// Completes as `RH_OP_QUIC_CONNECT` with the `rh_connection` as `handle`; `result` is 1 if the handshake is still
/// under way, which only `RH_EARLY` brings about (`rh_connection_wait_handshake` then says what became of it). Or:
/// `RH_E_PEER` (it refused, or its certificate is not trusted), `RH_E_TIMEOUT`, `RH_E_NOMEM` (a bound of the
/// endpoint is reached), `RH_E_INVALID` (no such name or address can be), `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_quic_connect(
    quic: *const rh_quic,
    queue: *const rh_queue,
    address: *const rh_address,
    tls: *const rh_tls_client,
    name: *const c_char,
    flags: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let connect = || {
        let (quic, queue) = (handle::get(quic)?, handle::get(queue)?);
        let tls = handle::get(tls)?;
        // SAFETY: NULL or readable, and texts end with a NUL; the header says so.
        let (address, name) = unsafe { (read_address(address, "address")?, text(name, "name")?) };
        if flags & !RH_EARLY != 0 {
            return Err(Failure::invalid(format!("there are no such flags: {flags:#x}")));
        }
        let name = name.to_owned();
        let latch = quic.latch.clone();
        queue.submit(RH_OP_QUIC_CONNECT, user_data, || {
            let connected = quic.remote.call(move |home: Rc<Home>| async move {
                tls.shared.wall.set(home.shard.wall());
                let connecting = home.endpoint.connect(&tls.quic, address, &name)?;
                let (connection, is_early) = establish(connecting, flags & RH_EARLY != 0).await?;
                Ok((connection::settle(&home.shard, Held::Own(connection)), is_early))
            });
            Ok(Box::pin(async move {
                let (settled, is_early) = connected.await?;
                Ok(settled.give(latch)?.with(u64::from(is_early), 0))
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(quic, error, connect) }
}

/// Waits for the handshake, unless it may be early and can.
async fn establish(
    connecting: Connecting,
    may_be_early: bool,
) -> Result<(Connection, bool), Failure> {
    let connecting = if may_be_early {
        match connecting.into_early() {
            Ok(connection) => return Ok((connection, true)),
            Err(connecting) => connecting,
        }
    } else {
        connecting
    };
    Ok((connecting.await?, false))
}

/// Closes an endpoint with all of its connections, whose peers are told `code`, below 2^62, and `reason`, which may
/// be NULL. Its handle is closed at once; operations under way complete. With `queue` NULL nobody is told when it
/// is over. NULL is fine, and does nothing.
///
/// Completes as `RH_OP_QUIC_CLOSE` when no connection is left, which takes a few round trips: close the engine
/// after that, or peers may not hear of the end. Or `RH_E_CLOSED`, if the engine was.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`; the endpoint goes on then. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_quic_close(
    quic: *mut rh_quic,
    queue: *const rh_queue,
    code: u64,
    reason: *const c_char,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let close = || {
        if quic.is_null() {
            return Ok(());
        }
        let code = code_of(code)?;
        // SAFETY: texts of the program's are NULL or end with a NUL; the header says so.
        let reason = if reason.is_null() { "" } else { unsafe { text(reason, "reason") }? };
        let reason = Bytes::copy_from_slice(reason.as_bytes());
        let end = async move |home: Rc<Home>| {
            home.endpoint.close(code, &reason);
            home.endpoint.drained().await;
            Ok(())
        };
        if queue.is_null() {
            let object = handle::remove(quic.cast_const())?;
            // Goes on after the endpoint's own tasks are given up.
            let told = object.remote.start(move |home| {
                let shard = home.shard.clone();
                shard.spawn(async move { _ = end(home).await }).detach();
                std::future::ready(())
            });
            object.remote.close();
            return told;
        }
        let queue = handle::get(queue)?;
        queue.submit(RH_OP_QUIC_CLOSE, user_data, || {
            let object = handle::remove(quic.cast_const())?;
            let ended = object.remote.call(end);
            Ok(Box::pin(async move {
                let ended = ended.await;
                object.remote.close();
                ended.map(|()| Success::DONE)
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(quic, error, close) }
}

/// Connections that are taken ahead of the completions that will have them.
const CONNECTIONS_AHEAD: usize = 7;
