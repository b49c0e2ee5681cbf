//! Calls on QUIC: endpoints, pools and connections.

use std::ffi::c_char;
use std::mem::zeroed;
use std::ptr::{null, null_mut};

use roundhouse_ffi::*;

use super::sockets::pointer;
use super::{CONNECTIONS, Program};

impl Program<'_> {
    pub(super) fn use_endpoints(&mut self, queue: *const rh_queue, user_data: u64) -> (usize, i32) {
        let quic: *mut rh_quic = self.made(&[RH_OP_QUIC_OPEN]);
        let (address, name, no_error) = (self.address(RH_OP_QUIC_OPEN), self.name(), null_mut());
        let address = self.or_null(&address);
        // SAFETY: handles may be anything, texts end with a NUL, and the rest is NULL or there.
        let status = unsafe {
            match self.choices.below(12) {
                0 | 1 => self.open_quic(queue, user_data),
                2 => {
                    let mut address = rh_address::default();
                    return (0, rh_quic_address(self.handle(), &raw mut address, no_error));
                }
                3 | 4 => rh_quic_accept(quic, queue, self.credits(), user_data, no_error),
                5 | 6 => {
                    let (tls, flags) = (self.client(), self.choices.one_of(&[0, RH_EARLY, 2]));
                    rh_quic_connect(quic, queue, address, tls, name, flags, user_data, no_error)
                }
                7 => {
                    let queue = if self.choices.below(2) > 0 { queue } else { null() };
                    let (code, reason) = (self.number(), self.text());
                    let status = rh_quic_close(quic, queue, code, reason, user_data, no_error);
                    let completes = status == RH_OK && !quic.is_null() && !queue.is_null();
                    return (usize::from(completes), status);
                }
                _ => self.use_pool(queue, user_data, address, name),
            }
        };
        (usize::from(status == RH_OK), status)
    }

    fn open_quic(&mut self, queue: *const rh_queue, user_data: u64) -> i32 {
        let (engine, shard, local) = (self.engine(), self.shard(), self.local());
        let tls = if self.choices.below(3) > 0 { self.server() } else { null() };
        let (settings, local) = (self.quic_settings(), self.or_null(&local));
        let settings = pointer(settings.as_ref());
        // SAFETY: handles may be anything; the rest is NULL or there.
        unsafe { rh_quic_open(engine, queue, shard, local, tls, settings, user_data, null_mut()) }
    }

    fn quic_settings(&mut self) -> Option<rh_quic_settings> {
        (!self.is_default()).then(|| rh_quic_settings {
            struct_size: self.size_of::<rh_quic_settings>(),
            flags: self.choices.below(17) as u32,
            congestion: self.choices.below(4) as u32,
            retry: self.choices.below(4) as u32,
            bidirectional_streams: self.number() as u32,
            stream_bytes: self.number() as u32,
            connection_bytes_initial: self.number() as u32,
            connection_bytes_max: self.number() as u32,
            datagram_bytes: self.number() as u32,
            mtu_initial: self.number() as u16,
            mtu_max: self.number() as u16,
            connections: self.number(),
            handshakes: self.number(),
            accept_backlog: self.number(),
            idle_timeout_ns: self.number(),
            read_timeout_ns: self.number(),
            write_timeout_ns: self.number(),
            keep_alive_ns: self.number(),
            rtt_initial_ns: self.number(),
            secret: self.data(),
            // SAFETY: numbers may be 0.
            ..unsafe { zeroed() }
        })
    }

    fn use_pool(
        &mut self,
        queue: *const rh_queue,
        user_data: u64,
        address: *const rh_address,
        name: *const c_char,
    ) -> i32 {
        let (pool, no_error): (*mut rh_pool, _) = (self.made(&[RH_OP_POOL_OPEN]), null_mut());
        // SAFETY: handles may be anything, the text ends with a NUL, and the rest is NULL or there.
        unsafe {
            match self.choices.below(4) {
                0 => {
                    let settings = (!self.is_default()).then(|| rh_pool_settings {
                        struct_size: self.size_of::<rh_pool_settings>(),
                        connections_per_host: self.number(),
                        hosts: self.number(),
                        idle_time_ns: self.number(),
                        probe_after_ns: self.number(),
                        probe_time_ns: self.number(),
                    });
                    let (quic, tls) = (self.made(&[RH_OP_QUIC_OPEN]), self.client());
                    rh_pool_open(quic, queue, tls, pointer(settings.as_ref()), user_data, no_error)
                }
                1 => {
                    let count = self.choices.below(4) as u32;
                    rh_pool_warm_up(pool, queue, address, name, count, user_data, no_error)
                }
                _ => rh_pool_connection(pool, queue, address, name, user_data, no_error),
            }
        }
    }

    pub(super) fn use_connections(
        &mut self,
        queue: *const rh_queue,
        user_data: u64,
    ) -> (usize, i32) {
        let (connection, no_error): (*mut rh_connection, _) = (self.made(CONNECTIONS), null_mut());
        let direction = self.choices.one_of(&[RH_BIDIRECTIONAL, RH_UNIDIRECTIONAL, 2]);
        // SAFETY: handles may be anything, what is borrowed is static or names nothing, and what is filled is lent.
        let status = unsafe {
            match self.choices.below(14) {
                0..=2 => {
                    rh_connection_open_stream(connection, queue, direction, user_data, no_error)
                }
                3..=5 => {
                    let credits = self.credits();
                    rh_connection_accept_stream(
                        connection, queue, direction, credits, user_data, no_error,
                    )
                }
                6 => {
                    let (datagram, flags) = (self.data(), self.choices.one_of(&[0, RH_COPY, 8]));
                    rh_connection_send_datagram(
                        connection, queue, datagram, flags, user_data, no_error,
                    )
                }
                7 => {
                    let credits = self.credits();
                    rh_connection_receive_datagram(connection, queue, credits, user_data, no_error)
                }
                8 => {
                    let struct_size = self.size_of::<rh_connection_info>();
                    let info = self.lend(rh_connection_info { struct_size, ..zeroed() });
                    rh_connection_get_info(connection, queue, info, user_data, no_error)
                }
                9 => rh_connection_wait_handshake(connection, queue, user_data, no_error),
                10 => rh_connection_wait_end(connection, queue, user_data, no_error),
                _ => return (0, self.look_at_connection(connection)),
            }
        };
        (usize::from(status == RH_OK), status)
    }

    fn look_at_connection(&mut self, connection: *mut rh_connection) -> i32 {
        let (number, no_error) = (self.number(), null_mut());
        let (mut room, mut certificate) = ([0; 16], rh_slice { data: null(), len: 0 });
        let (buffer, cap) = (room.as_mut_ptr(), self.choices.one_of(&[0, 1, room.len()]));
        // SAFETY: handles may be anything, texts end with a NUL, and the room is as long as is said.
        unsafe {
            match self.choices.below(5) {
                0 => rh_connection_protocol(connection, buffer, cap, null_mut(), no_error),
                1 => {
                    let certificate = &raw mut certificate;
                    rh_connection_certificate(connection, number as u32, certificate, no_error)
                }
                2 => rh_connection_close(connection, number, self.text(), no_error),
                3 => rh_connection_release(connection, no_error),
                _ => {
                    let mut address = rh_address::default();
                    rh_address_parse(self.text(), &raw mut address, no_error)
                }
            }
        }
    }
}
