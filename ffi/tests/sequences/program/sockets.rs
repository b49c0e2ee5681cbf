//! Calls on UDP sockets and listeners, and what all calls on sockets choose from: addresses of the loopback network
//! that nobody else on the machine listens at, names and numbers.

use std::ffi::{CStr, c_char};
use std::mem::zeroed;
use std::ptr::{null, null_mut};

use roundhouse_ffi::*;

use super::{Program, RECORD, TLS_CLIENT, TLS_SERVER};

/// Addresses to begin with: a good one, one where nobody listens, one of the other family, and none.
pub(super) fn addresses() -> Vec<(u32, rh_address)> {
    let mut here = rh_address { version: 4, ..rh_address::default() };
    here.ip[..4].copy_from_slice(&[127, 77, 0, 1]);
    let mut other = rh_address { port: 9, version: 6, ..rh_address::default() };
    other.ip[15] = 1;
    let nowhere = [rh_address { port: 9, ..here }, other, rh_address { version: 9, ..here }];
    let nobody = [here].into_iter().chain(nowhere).chain([rh_address::default()]);
    nobody.map(|address| (0, address)).collect()
}

impl Program<'_> {
    /// The last address that an operation of this kind gave a socket, mostly: somebody is there.
    pub(super) fn address(&mut self, opened_by: u32) -> rh_address {
        let known = self.addresses.iter().rev().find(|known| known.0 == opened_by).copied();
        match known {
            Some((_, address)) if self.choices.below(8) > 0 => address,
            _ => self.choices.one_of(&self.addresses).1,
        }
    }

    /// The last address of a socket that an operation of this kind opened, which it did.
    pub(super) fn address_of(&self, opened_by: u32) -> rh_address {
        let known = self.addresses.iter().rev().find(|known| known.0 == opened_by);
        known.expect("one was opened").1
    }

    /// Where a socket is opened.
    pub(super) fn local(&mut self) -> rh_address {
        let is_good = self.choices.below(8) > 0;
        if is_good { self.addresses[0].1 } else { self.choices.one_of(&self.addresses).1 }
    }

    /// Asks for the address of whatever socket a completion brought.
    pub(super) fn learn_address(&mut self, opened: &rh_completion) {
        let (mut address, no_error) = (rh_address::default(), null_mut());
        // SAFETY: the handle is of this kind, or NULL.
        let status = unsafe {
            match opened.op {
                RH_OP_UDP_OPEN => rh_udp_address(opened.handle.cast(), &raw mut address, no_error),
                RH_OP_TCP_LISTEN => {
                    rh_listener_address(opened.handle.cast(), &raw mut address, no_error)
                }
                RH_OP_QUIC_OPEN => {
                    rh_quic_address(opened.handle.cast(), &raw mut address, no_error)
                }
                _ => return,
            }
        };
        if status == RH_OK {
            self.addresses.push((opened.op, address));
        }
    }

    pub(super) fn name(&mut self) -> *const c_char {
        if self.choices.below(4) > 0 { LOCALHOST.as_ptr() } else { self.text() }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.choices.one_of(&[0, 0, 0, 1, 2, 4096, 1 << 20, u32::MAX.into(), RH_FOREVER])
    }

    pub(super) fn credits(&mut self) -> u32 {
        self.choices.one_of(&[RH_ONCE, 1, 3, u32::MAX])
    }

    /// Bytes to send: few, many, none, or none although there should be.
    pub(super) fn data(&mut self) -> rh_slice {
        static MUCH: [u8; 1 << 20] = [b'x'; 1 << 20];
        let much = rh_slice { data: MUCH.as_ptr(), len: MUCH.len() };
        let none = rh_slice { data: null(), len: 0 };
        self.choices.one_of(&[RECORD, RECORD, RECORD, much, none, rh_slice { len: 1, ..none }])
    }

    /// Whether settings are the default, for which NULL stands.
    pub(super) fn is_default(&mut self) -> bool {
        self.choices.below(4) > 0
    }

    /// The shard, or one that is not there.
    pub(super) fn shard(&mut self) -> u32 {
        self.choices.below(16) as u32 / 15
    }

    pub(super) fn server(&mut self) -> *const rh_tls_server {
        self.made(&[TLS_SERVER])
    }

    pub(super) fn client(&mut self) -> *const rh_tls_client {
        self.made(&[TLS_CLIENT])
    }

    pub(super) fn use_datagrams(&mut self, queue: *const rh_queue, user_data: u64) -> (usize, i32) {
        let (udp, no_error): (*mut rh_udp, _) = (self.made(&[RH_OP_UDP_OPEN]), null_mut());
        // SAFETY: handles may be anything, and what is borrowed is static or names nothing.
        let status = unsafe {
            match self.choices.below(6) {
                0 => self.open_udp(queue, user_data),
                1 => {
                    let mut address = rh_address::default();
                    return (0, rh_udp_address(self.handle(), &raw mut address, no_error));
                }
                2 | 3 => {
                    let transmit = rh_transmit {
                        user_data,
                        data: self.data(),
                        destination: self.address(RH_OP_UDP_OPEN),
                        source: self.choices.one_of(&[rh_address::default(), self.addresses[0].1]),
                        segment_bytes: self.choices.below(4) as u32,
                        ecn: self.choices.below(5) as u32,
                    };
                    let (transmits, count) = ([transmit; 3], self.choices.below(4) as u32);
                    let flags = self.choices.one_of(&[0, RH_COPY, 8]);
                    let first = self.or_null(&transmits).cast();
                    let taken = rh_udp_send(udp, queue, first, count, flags, no_error);
                    return (taken.max(0) as usize, taken.min(0));
                }
                _ => rh_udp_receive(udp, queue, self.credits(), user_data, no_error),
            }
        };
        (usize::from(status == RH_OK), status)
    }

    fn open_udp(&mut self, queue: *const rh_queue, user_data: u64) -> i32 {
        let (shard, local, settings) = (self.shard(), self.local(), self.udp_settings());
        let (engine, local) = (self.engine(), self.or_null(&local));
        let settings = pointer(settings.as_ref());
        // SAFETY: handles may be anything; the rest is NULL or there.
        unsafe { rh_udp_open(engine, queue, shard, local, settings, user_data, null_mut()) }
    }

    fn udp_settings(&mut self) -> Option<rh_udp_settings> {
        (!self.is_default()).then(|| rh_udp_settings {
            struct_size: self.size_of::<rh_udp_settings>(),
            flags: self.choices.below(4) as u32 / 2,
            receive_bytes: self.number() as u32,
            send_bytes: self.number() as u32,
            send_queue: self.number() as u32,
            receive_queue: self.number() as u32,
            reserved: 0,
        })
    }

    /// Listens, accepts and connects, with TLS or without.
    pub(super) fn use_listeners(&mut self, queue: *const rh_queue, user_data: u64) -> (usize, i32) {
        let listener: *mut rh_listener = self.made(&[RH_OP_TCP_LISTEN]);
        let (engine, shard, no_error) = (self.engine(), self.shard(), null_mut());
        let settings = self.tcp_settings();
        let settings = pointer(settings.as_ref());
        let is_secure = self.choices.below(2) > 0;
        // SAFETY: handles may be anything, texts end with a NUL, and the rest is NULL or there.
        let status = unsafe {
            match self.choices.below(6) {
                0 => {
                    let local = self.local();
                    let local = self.or_null(&local);
                    let tls = if is_secure { self.server() } else { null() };
                    rh_tcp_listen(engine, queue, shard, local, tls, settings, user_data, no_error)
                }
                1 => {
                    let mut address = rh_address::default();
                    return (0, rh_listener_address(self.handle(), &raw mut address, no_error));
                }
                2 | 3 => rh_listener_accept(listener, queue, self.credits(), user_data, no_error),
                _ => {
                    let to = self.address(RH_OP_TCP_LISTEN);
                    let to = self.or_null(&to);
                    let (tls, name) =
                        if is_secure { (self.client(), self.name()) } else { (null(), null()) };
                    rh_tcp_connect(
                        engine, queue, shard, to, tls, name, settings, user_data, no_error,
                    )
                }
            }
        };
        (usize::from(status == RH_OK), status)
    }

    fn tcp_settings(&mut self) -> Option<rh_tcp_settings> {
        (!self.is_default()).then(|| rh_tcp_settings {
            struct_size: self.size_of::<rh_tcp_settings>(),
            flags: self.choices.below(16) as u32,
            backlog: self.number() as u32,
            connections: self.number(),
            held_bytes: self.number(),
            write_bytes: self.number(),
            read_timeout_ns: self.number(),
            write_timeout_ns: self.number(),
            linger_ns: self.number(),
            // SAFETY: numbers may be 0.
            ..unsafe { zeroed() }
        })
    }
}

/// Settings, or NULL for those that are none.
pub(super) fn pointer<T>(settings: Option<&T>) -> *const T {
    settings.map_or(null(), std::ptr::from_ref)
}

/// What the certificate is for.
const LOCALHOST: &CStr = c"localhost";
