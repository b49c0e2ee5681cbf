//! Calls on streams, on what was received from sockets, and on what TLS is configured with.

use std::mem::zeroed;
use std::ptr::{null, null_mut, without_provenance_mut};
use std::sync::LazyLock;

use roundhouse_ffi::*;

use super::{BUFFERS, Program, STREAMS, TLS_CLIENT, TLS_SERVER};

impl Program<'_> {
    pub(super) fn use_streams(&mut self, queue: *const rh_queue, user_data: u64) -> (usize, i32) {
        let (stream, no_error): (*mut rh_stream, _) = (self.made(STREAMS), null_mut());
        // SAFETY: handles may be anything, and what is borrowed is static or names nothing.
        let status = unsafe {
            match self.choices.below(12) {
                0..=3 => {
                    let (slices, count) = ([self.data(); 3], self.choices.below(4) as u32);
                    let flags =
                        self.choices.one_of(&[0, RH_COPY, RH_FINISH, RH_COPY | RH_FINISH, 64]);
                    let first = self.or_null(&slices).cast();
                    rh_stream_send(stream, queue, first, count, flags, user_data, no_error)
                }
                4..=6 => rh_stream_receive(stream, queue, self.credits(), user_data, no_error),
                7 => rh_stream_wait_acknowledged(stream, queue, user_data, no_error),
                _ => return (0, self.look_at_stream(stream)),
            }
        };
        (usize::from(status == RH_OK), status)
    }

    fn look_at_stream(&mut self, stream: *mut rh_stream) -> i32 {
        let (number, no_error) = (self.number(), null_mut());
        let (mut room, mut certificate) = ([0; 16], rh_slice { data: null(), len: 0 });
        let (buffer, cap) = (room.as_mut_ptr(), self.choices.one_of(&[0, 1, room.len()]));
        // SAFETY: handles may be anything, and the room is as long as is said.
        unsafe {
            match self.choices.below(6) {
                0 => rh_stream_reset(stream, number, no_error),
                1 => rh_stream_stop(stream, number, no_error),
                2 => rh_stream_set_priority(stream, number as i32, no_error),
                3 => {
                    let struct_size = self.size_of::<rh_stream_info>();
                    let mut info = rh_stream_info { struct_size, ..zeroed() };
                    rh_stream_get_info(stream, &raw mut info, no_error)
                }
                4 => rh_stream_protocol(stream, buffer, cap, null_mut(), no_error),
                _ => rh_stream_certificate(stream, number as u32, &raw mut certificate, no_error),
            }
        }
    }

    pub(super) fn use_buffers_and_tls(&mut self) -> i32 {
        let (buffer, no_error): (*mut rh_buffer, _) = (self.made(BUFFERS), null_mut());
        // SAFETY: handles may be anything, and what is filled is a variable.
        unsafe {
            match self.choices.below(10) {
                0..=4 => rh_buffer_free(buffer, no_error),
                5 => {
                    let mut origin = zeroed();
                    rh_buffer_origin(buffer, &raw mut origin, no_error)
                }
                6 => self.new_tls(),
                7 => {
                    let (certificates, key) = (self.pem(0), self.pem(1));
                    rh_tls_server_replace(self.server(), certificates, key, no_error)
                }
                8 => rh_tls_server_free(self.handle(), no_error),
                _ => rh_tls_client_free(self.handle(), no_error),
            }
        }
    }

    /// Certificates (0) or a key (1), or what is none.
    fn pem(&mut self, which: usize) -> rh_slice {
        let none = rh_slice { data: null(), len: 0 };
        let (good, other) = (slice(&PEM[which]), slice(&PEM[1 - which]));
        self.choices.one_of(&[
            good,
            good,
            good,
            other,
            slice("none"),
            none,
            rh_slice { len: 1, ..none },
        ])
    }

    fn new_tls(&mut self) -> i32 {
        let (mut server, mut client, no_error) = (null_mut(), null_mut(), null_mut());
        let settings = rh_tls_settings {
            struct_size: self.size_of::<rh_tls_settings>(),
            certificates: self.pem(0),
            key: self.pem(1),
            roots: self.pem(0),
            protocols: self.text(),
            client_certificates: self.choices.below(4) as u32,
            resumption: self.choices.below(4) as u32,
            sessions: self.number(),
            early_data: self.choices.below(2) as u32,
            reserved: 0,
            secret: self.data(),
        };
        let settings = self.or_null(&settings);
        // SAFETY: the settings are whole or NULL, and their texts static.
        let status = unsafe {
            if self.choices.below(2) > 0 {
                rh_tls_server_new(settings, &raw mut server, no_error)
            } else {
                rh_tls_client_new(settings, &raw mut client, no_error)
            }
        };
        self.keep(TLS_SERVER, server.addr());
        self.keep(TLS_CLIENT, client.addr());
        status
    }

    /// What both sides of TLS need, good for handshakes with each other.
    pub(super) fn make_tls(&mut self) {
        let [certificate, key] = &*PEM;
        let (mut server, mut client, no_error) = (null_mut(), null_mut(), null_mut());
        // SAFETY: the settings are whole, and their texts static.
        unsafe {
            let settings = rh_tls_settings {
                struct_size: size_of::<rh_tls_settings>(),
                certificates: slice(certificate),
                key: slice(key),
                early_data: 1,
                ..zeroed()
            };
            assert_eq!(rh_tls_server_new(&raw const settings, &raw mut server, no_error), RH_OK);
            let no_key = rh_slice { data: null(), len: 0 };
            let roots = slice(certificate);
            let settings = rh_tls_settings { certificates: no_key, key: no_key, roots, ..settings };
            assert_eq!(rh_tls_client_new(&raw const settings, &raw mut client, no_error), RH_OK);
        }
        self.keep(TLS_SERVER, server.addr());
        self.keep(TLS_CLIENT, client.addr());
    }

    /// Ends any socket, or frees what was received.
    pub(super) fn close_socket(&mut self) -> i32 {
        let no_error = null_mut();
        // SAFETY: handles may be anything, and texts end with a NUL.
        unsafe {
            match self.choices.below(7) {
                0 => rh_udp_close(self.handle(), no_error),
                1 => rh_listener_close(self.made(&[RH_OP_TCP_LISTEN]), no_error),
                2 | 3 => rh_stream_close(self.made(STREAMS), no_error),
                4 => rh_connection_close(self.handle(), self.number(), self.text(), no_error),
                5 => rh_connection_release(self.handle(), no_error),
                _ => rh_pool_close(self.handle(), no_error),
            }
        }
    }

    pub(super) fn close_sockets(&self) {
        let no_error = null_mut();
        for handle in &self.handles {
            // SAFETY: handles of another kind are an error of no consequence.
            unsafe {
                rh_udp_close(without_provenance_mut(*handle), no_error);
                rh_listener_close(without_provenance_mut(*handle), no_error);
                rh_stream_close(without_provenance_mut(*handle), no_error);
                rh_connection_release(without_provenance_mut(*handle), no_error);
                rh_pool_close(without_provenance_mut(*handle), no_error);
                rh_quic_close(without_provenance_mut(*handle), null(), 0, null(), 0, no_error);
                rh_buffer_free(without_provenance_mut(*handle), no_error);
                rh_tls_server_free(without_provenance_mut(*handle), no_error);
                rh_tls_client_free(without_provenance_mut(*handle), no_error);
            }
        }
    }
}

fn slice(text: &str) -> rh_slice {
    rh_slice { data: text.as_ptr(), len: text.len() }
}

/// A certificate of localhost that signed itself, and its key.
static PEM: LazyLock<[String; 2]> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["localhost".into()]).expect("the name is good");
    [made.cert.pem(), made.signing_key.serialize_pem()]
});
