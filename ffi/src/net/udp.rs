//! Datagrams.

use std::cell::Cell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use roundhouse::net::udp::{Arrival, Ecn, Transmit};
use roundhouse::net::{UdpOptions, UdpSocket};
use roundhouse::{Shard, ShardHandle};

use super::RH_SHARE_ADDRESS;
use super::address::{give_address, read_address, rh_address};
use super::buffer::{self, rh_origin};
use super::inbox::{Inbox, Receiving};
use super::lent;
use super::open::Opening;
use super::remote::Remote;
use super::turns::Turns;
use super::wakers::{Side, Wakers};
use crate::engine::rh_engine;
use crate::entry::{Growable, enter, enter_counting, read_growable};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle, Kind};
use crate::log::{array, check_slice, is_copied, rh_slice};
use crate::queue::{
    Once, Outcome, Queue, RH_OP_UDP_OPEN, RH_OP_UDP_RECEIVE, RH_OP_UDP_SEND, Success, rh_queue,
};
use crate::status::{RH_E_FULL, rh_status};

/// A datagram socket on a shard.
pub struct rh_udp;

impl Handle for rh_udp {
    type Object = UdpObject;
    const KIND: Kind = Kind::Udp;
}

/// A socket behind its handle.
pub(crate) struct UdpObject {
    remote: Remote<Home>,
    arrivals: Arc<Inbox<Home, Arrival>>,
    local: SocketAddr,
}

/// The socket where it lives.
struct Home {
    shard: Shard,
    socket: UdpSocket,
    sends: Rc<Turns>,
    wakers: Arc<Wakers>,
    /// Whether a task sees to it that the memory of what was sent is given back.
    is_giving_back: Cell<bool>,
}

impl Home {
    fn new(shard: &Shard, socket: UdpSocket) -> Home {
        let (sends, wakers, is_giving_back) = (Rc::default(), Arc::default(), Cell::new(false));
        Home { shard: shard.clone(), socket, sends, wakers, is_giving_back }
    }

    /// Queues a transmission as soon as there is room.
    async fn send(&self, transmit: Transmit) -> Result<(), Failure> {
        poll_fn(|context| {
            let waker = self.wakers.register(Side::Sending, context.waker());
            self.socket.poll_send_ready(&mut Context::from_waker(&waker))
        })
        .await;
        self.socket.try_send(transmit).map_err(|_| Failure::new(RH_E_FULL, "there was no room"))
    }

    /// Sees to it that the memory of what was sent is given back, unless a task does already.
    fn give_back(self: &Rc<Self>) {
        if self.is_giving_back.replace(true) {
            return;
        }
        let home = self.clone();
        let giving_back = async move {
            poll_fn(|context| {
                let waker = home.wakers.register(Side::Waiting, context.waker());
                home.socket.poll_sent(&mut Context::from_waker(&waker))
            })
            .await;
            home.is_giving_back.set(false);
        };
        self.shard.spawn(giving_back).detach();
    }
}

/// How a datagram socket is opened. Start from `RH_UDP_SETTINGS_INIT`; 0 is the default of every bound.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct rh_udp_settings {
    /// The size of this structure.
    pub struct_size: usize,
    /// 0 or `RH_SHARE_ADDRESS`.
    pub flags: u32,
    /// Bytes the kernel may hold of what arrived.
    pub receive_bytes: u32,
    /// Bytes the kernel may hold of what is to be sent.
    pub send_bytes: u32,
    /// Transmissions on their way to the kernel; at this bound sending waits.
    pub send_queue: u32,
    /// Arrivals that nobody has taken yet; at this bound they stay in the kernel.
    pub receive_queue: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: `repr(C)`, begins with its size, and integers have no invalid values.
unsafe impl Growable for rh_udp_settings {
    const NAME: &'static str = "rh_udp_settings";
    const SIZE_MIN: usize = 32;
}

impl rh_udp_settings {
    fn options(&self, local: SocketAddr) -> Result<UdpOptions, Failure> {
        if self.flags & !RH_SHARE_ADDRESS != 0 {
            return Err(Failure::invalid(format!("there are no such flags: {:#x}", self.flags)));
        }
        let defaults = UdpOptions::new(local);
        let or = |set: u32, default: usize| if set > 0 { set as usize } else { default };
        Ok(UdpOptions {
            local,
            reuse_port: self.flags & RH_SHARE_ADDRESS != 0,
            receive_bytes: or(self.receive_bytes, defaults.receive_bytes as usize) as u32,
            send_bytes: or(self.send_bytes, defaults.send_bytes as usize) as u32,
            send_queue: or(self.send_queue, defaults.send_queue),
            receive_queue: or(self.receive_queue, defaults.receive_queue),
        })
    }
}

/// A datagram to send, or several to the same peer. 80 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_transmit {
    /// Comes back with its completion.
    pub user_data: u64,
    /// What to send.
    pub data: rh_slice,
    /// Where to.
    pub destination: rh_address,
    /// Which of this machine's addresses to send from; of version 0 to let the system choose. Its port does not
    /// count.
    pub source: rh_address,
    /// Not 0 cuts `data` into datagrams of so many bytes, the last of which may be shorter: cheaper than one by one.
    pub segment_bytes: u32,
    /// The mark of explicit congestion notification: one of the `RH_ECN_` numbers.
    pub ecn: u32,
}

impl rh_transmit {
    fn check(&self) -> Result<(), Failure> {
        check_slice(&self.data)?;
        if self.destination.known()?.is_none() {
            return Err(Failure::invalid("the destination is no address: its version is 0"));
        }
        self.source.known()?;
        if self.segment_bytes > u32::from(u16::MAX) {
            let message = format!("a datagram has no {} bytes", self.segment_bytes);
            return Err(Failure::invalid(message));
        }
        if self.ecn > super::RH_ECN_CONGESTION {
            return Err(Failure::invalid(format!("there is no ECN mark {}", self.ecn)));
        }
        Ok(())
    }

    /// What is to be sent, with `data` as its content.
    fn with(&self, data: Bytes) -> Result<Transmit, Failure> {
        let missing = || Failure::null("the destination");
        Ok(Transmit {
            destination: self.destination.known()?.ok_or_else(missing)?,
            source: self.source.known()?.map(|address| address.ip()),
            ecn: Ecn::from_bits(self.ecn as u8),
            data: data.into(),
            segment_bytes: (self.segment_bytes > 0).then_some(self.segment_bytes as u16),
        })
    }
}

/// Opens a datagram socket on a shard, at `local`; port 0 is one that is free. `settings` may be NULL.
///
/// Completes as `RH_OP_UDP_OPEN` with the `rh_udp` as `handle`, or: `RH_E_IO` (`sys_errno` says why, such as an
/// address in use), `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_udp_open(
    engine: *const rh_engine,
    queue: *const rh_queue,
    shard: u32,
    local: *const rh_address,
    settings: *const rh_udp_settings,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let open = || {
        // SAFETY: NULL or readable, the settings for as long as their size says; the header says so.
        let (local, settings) =
            unsafe { (read_address(local, "local")?, read_growable(settings)?) };
        let options = settings.unwrap_or_default().options(local)?;
        let make = async move |shard: ShardHandle| {
            let socket = shard.udp_socket(&options)?;
            let local = socket.local_address();
            Ok((Remote::settle(shard.runtime(), Home::new(shard.runtime(), socket)), local))
        };
        Opening { engine, queue, shard, op: RH_OP_UDP_OPEN, user_data }.submit(
            make,
            |(remote, local), latch| {
                let arrivals = Inbox::new(&remote, ARRIVALS_AHEAD, receive);
                let object = Arc::new(UdpObject { remote, arrivals, local });
                Ok(Success::made(handle::insert::<rh_udp>(object, latch)?))
            },
        )
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(engine, error, open) }
}

fn receive(home: Rc<Home>) -> Receiving<Arrival> {
    Box::pin(async move { Ok(Some(home.socket.receive().await?)) })
}

/// Gives the address of a socket, with its port.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_udp_address(
    udp: *const rh_udp,
    out: *mut rh_address,
    error: *mut rh_error,
) -> rh_status {
    // SAFETY: an out-parameter may be written, and `error` is NULL or may be; the header says so.
    unsafe { give_address(udp, out, error, |udp| udp.local) }
}

/// Sends `count` datagrams, or trains of them, and returns how many there was room for in the queue, or an error,
/// which is negative. The bytes are borrowed until the completion, or copied with `RH_COPY` in `flags`.
///
/// Each completes as `RH_OP_UDP_SEND` when the kernel has taken it; with `RH_COPY`, when its turn has come. Nobody
/// knows whether it arrives: what the network refuses is lost, and counted, like what it loses later. `RH_E_CLOSED`
/// if the socket is.
///
/// Errors: `RH_E_FULL` if there was room for none, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any
/// thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_udp_send(
    udp: *const rh_udp,
    queue: *const rh_queue,
    transmits: *const rh_transmit,
    count: u32,
    flags: u32,
    error: *mut rh_error,
) -> i32 {
    let send = || {
        let (object, queue) = (handle::get(udp)?, handle::get(queue)?);
        is_copied(flags)?;
        // SAFETY: the program's array has `count` elements; the header says so.
        let transmits = unsafe { array(transmits, count, "transmits") }?;
        transmits.iter().try_for_each(rh_transmit::check)?;
        for (taken, transmit) in transmits.iter().enumerate() {
            // SAFETY: borrowed until the completion, as the header says.
            match unsafe { submit(&object, &queue, transmit, flags) } {
                Err(failure) if failure.status == RH_E_FULL && taken > 0 => return Ok(taken as i32),
                submitted => submitted?,
            }
        }
        Ok(transmits.len() as i32)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter_counting(udp, error, send) }
}

/// # Safety
/// The bytes can be read, and if they are borrowed, stay as they are until the completion.
unsafe fn submit(
    object: &UdpObject,
    queue: &Queue,
    transmit: &rh_transmit,
    flags: u32,
) -> Result<(), Failure> {
    queue.submit_held(RH_OP_UDP_SEND, transmit.user_data, || {
        // SAFETY: the caller's promise.
        let (data, released) = unsafe { lent::take(&raw const transmit.data, 1, flags) }?;
        let bytes = transmit.data.len as u64;
        let transmit = transmit.with(data.into_iter().next().unwrap_or_default())?;
        let sent = object.remote.call(move |home: Rc<Home>| {
            let turn = home.sends.draw();
            async move {
                turn.reached().await;
                home.send(transmit).await?;
                home.give_back();
                Ok(())
            }
        });
        Ok(Box::pin(async move {
            let sent = sent.await;
            released.wait().await;
            sent.map(|()| Success::number(bytes))
        }) as Once)
    })
}

/// Receives datagrams: once with `credits` `RH_ONCE`, otherwise as many times as credits are given, as
/// `rh_log_follow` does. What arrives meanwhile waits, up to the socket's bounds.
///
/// Each completes as `RH_OP_UDP_RECEIVE` with an `rh_buffer` as `handle`, of one datagram or a train from the same
/// peer: `result` is how many, `detail` how many bytes each has but for the last; or: `RH_E_IO`, `RH_E_CLOSED`.
///
/// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_udp_receive(
    udp: *const rh_udp,
    queue: *const rh_queue,
    credits: u32,
    user_data: u64,
    error: *mut rh_error,
) -> rh_status {
    let receive = || {
        let (udp, queue) = (handle::get(udp)?, handle::get(queue)?);
        udp.arrivals.submit(&queue, RH_OP_UDP_RECEIVE, credits, user_data, give)
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(udp, error, receive) }
}

fn give(arrival: Arrival) -> Outcome {
    let Arrival { source, destination, ecn, data, segment_bytes } = arrival;
    let origin = rh_origin {
        source: source.into(),
        destination: destination.map(rh_address::of_ip).unwrap_or_default(),
        ecn: ecn.bits().into(),
        reserved: 0,
    };
    let datagrams = data.len().div_ceil(segment_bytes.max(1)).max(1);
    let success = buffer::give(data.freeze(), Some(origin))?;
    Ok(success.with(datagrams as u64, segment_bytes as u64))
}

/// Closes a socket. What was sent before is still sent; operations under way complete, with `RH_E_CLOSED` if they
/// were not done. Never waits. NULL is fine.
///
/// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_udp_close(udp: *mut rh_udp, error: *mut rh_error) -> rh_status {
    let close = || {
        if !udp.is_null() {
            handle::remove(udp.cast_const())?.remote.close();
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter(udp, error, close) }
}

/// Arrivals that are fetched from the shard ahead of the completions that will have them.
const ARRIVALS_AHEAD: usize = 15;
