//! Connections that clients share and keep.

use std::ffi::c_char;
use std::rc::Rc;
use std::sync::Arc;

use roundhouse::Shard;
use roundhouse::net::quic::pool::{Pool, PoolOptions};

use super::connection::{self, Held};
use super::endpoint::{Home as EndpointHome, rh_quic};
use crate::entry::{Growable, enter, read_growable, text};
use crate::error::rh_error;
use crate::handle::{self, Handle, Kind, Latch};
use crate::net::address::{read_address, rh_address};
use crate::net::remote::Remote;
use crate::net::tcp::{bytes_or, or};
use crate::net::tls::{ClientObject, rh_tls_client};
use crate::queue::{
    Once, RH_OP_POOL_CONNECTION, RH_OP_POOL_OPEN, RH_OP_POOL_WARM_UP, Success, rh_queue,
};
use crate::status::rh_status;

/// Connections to servers, opened when they are needed and closed when nobody used them for long.
pub struct rh_pool;

impl Handle for rh_pool {
    type Object = PoolObject;
    const KIND: Kind = Kind::Pool;
}

/// A pool behind its handle.
pub(crate) struct PoolObject {
    remote: Remote<Home>,
    latch: Latch,
}

/// A pool where it lives.
struct Home {
    shard: Shard,
    pool: Pool,
    tls: Arc<ClientObject>,
}

/// What a pool may hold, and for how long. Start from `RH_POOL_SETTINGS_INIT`; 0 is the default of every field.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct rh_pool_settings {
    /// The size of this structure.
    pub struct_size: usize,
    /// Connections to one server; at this bound they are shared.
    pub connections_per_host: u64,
    /// Servers with connections; at this bound requests for others fail.
    pub hosts: u64,
    /// A connection that nobody used for this long is closed.
    pub idle_time_ns: u64,
    /// Whether the server of one that nobody used for this long still answers is found out first.
    pub probe_after_ns: u64,
    /// How long it may take to answer.
    pub probe_time_ns: u64,
}

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_pool_settings {
    const NAME: &'static str = "rh_pool_settings";
    const SIZE_MIN: usize = 48;
}

impl rh_pool_settings {
    fn options(&self) -> PoolOptions {
        let defaults = PoolOptions::default();
        PoolOptions {
            connections_per_host: bytes_or(
                self.connections_per_host,
                defaults.connections_per_host,
            ),
            hosts: bytes_or(self.hosts, defaults.hosts),
            idle_time: or(self.idle_time_ns, defaults.idle_time),
            probe_after: or(self.probe_after_ns, defaults.probe_after),
            probe_time: or(self.probe_time_ns, defaults.probe_time),
        }
    }
}

/// Makes a pool of connections from an endpoint. `settings` may be NULL.
///
/// Completes as `RH_OP_POOL_OPEN` with the `rh_pool` as `handle`, or `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_pool_open(
    quic: *const rh_quic,
    queue: *const rh_queue,
    tls: *const rh_tls_client,
    settings: *const rh_pool_settings,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let open = || {
        let (quic, queue) = (handle::get(quic)?, handle::get(queue)?);
        let tls = handle::get(tls)?;
        // SAFETY: NULL or as long as its size says; the header says so.
        let options = unsafe { read_growable(settings) }?.unwrap_or_default().options();
        let latch = quic.latch.clone();
        queue.submit(RH_OP_POOL_OPEN, user_data, || {
            let opened = quic.remote.call(move |home: Rc<EndpointHome>| async move {
                let shard = home.shard.clone();
                let pool = Pool::new(&shard, home.endpoint.clone(), tls.quic.clone(), options);
                Ok(Remote::settle(&shard, Home { shard: shard.clone(), pool, tls }))
            });
            Ok(Box::pin(async move {
                let object = PoolObject { remote: opened.await?, latch: latch.clone() };
                Ok(Success::made(handle::insert::<rh_pool>(Arc::new(object), latch)?))
            }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(quic, error, open) }
}

/// Takes a connection to the server at `address` that has a certificate for `name`: one that nobody uses, else a
/// new one, or, with as many as there may be, the one with the fewest users.
///
/// Completes as `RH_OP_POOL_CONNECTION` with the `rh_connection` as `handle`; `rh_connection_release` gives it
/// back. Or: `RH_E_NOMEM` (the pool has its servers), and what `rh_quic_connect` fails with.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_pool_connection(
    pool: *const rh_pool,
    queue: *const rh_queue,
    address: *const rh_address,
    name: *const c_char,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let take = || {
        let (pool, queue) = (handle::get(pool)?, handle::get(queue)?);
        // SAFETY: NULL or readable, and texts end with a NUL; the header says so.
        let (address, name) = unsafe { (read_address(address, "address")?, text(name, "name")?) };
        let name = name.to_owned();
        let latch = pool.latch.clone();
        queue.submit(RH_OP_POOL_CONNECTION, user_data, || {
            let taken = pool.remote.call(move |home: Rc<Home>| async move {
                home.tls.shared.wall.set(home.shard.wall());
                let pooled = home.pool.connection(address, &name).await?;
                Ok(connection::settle(&home.shard, Held::Pooled(pooled)))
            });
            Ok(Box::pin(async move { taken.await?.give(latch) }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(pool, error, take) }
}

/// Opens connections to a server until `count` stand, or as many as there may be.
///
/// Completes as `RH_OP_POOL_WARM_UP`, or with what `rh_pool_connection` fails with.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_pool_warm_up(
    pool: *const rh_pool,
    queue: *const rh_queue,
    address: *const rh_address,
    name: *const c_char,
    count: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let warm_up = || {
        let (pool, queue) = (handle::get(pool)?, handle::get(queue)?);
        // SAFETY: NULL or readable, and texts end with a NUL; the header says so.
        let (address, name) = unsafe { (read_address(address, "address")?, text(name, "name")?) };
        let name = name.to_owned();
        queue.submit(RH_OP_POOL_WARM_UP, user_data, || {
            let warmed = pool.remote.call(move |home: Rc<Home>| async move {
                home.tls.shared.wall.set(home.shard.wall());
                Ok(home.pool.warm_up(address, &name, count as usize).await?)
            });
            Ok(Box::pin(async move { warmed.await.map(|()| Success::DONE) }) as Once)
        })
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(pool, error, warm_up) }
}

/// Ends a pool: connections that nobody uses are closed, others go on. Operations under way complete. Never waits.
/// NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_pool_close(pool: *mut rh_pool, error: *mut rh_error) -> rh_status {
    let close = || {
        if !pool.is_null() {
            handle::remove(pool.cast_const())?.remote.close();
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(pool, error, close) }
}
