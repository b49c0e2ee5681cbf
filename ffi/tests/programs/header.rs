//! What compilers say about the header, and whether they lay its structures out as Rust does.

use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use roundhouse_ffi::{
    rh_address, rh_append, rh_completion, rh_connection_info, rh_error, rh_log_info,
    rh_log_settings, rh_origin, rh_pool_settings, rh_quic_settings, rh_record, rh_repair, rh_slice,
    rh_store_info, rh_stream_info, rh_tcp_settings, rh_tls_settings, rh_transmit, rh_turn,
    rh_udp_settings, rh_verification,
};

use crate::toolbox::{INCLUDE, WARNINGS, is_there, succeed};

/// Compiles a text without making anything of it.
fn check(compiler: &str, flags: &[&str], language: &str, text: &str, scratch: &Path) {
    let source = scratch.join(format!("check.{language}"));
    std::fs::write(&source, text).unwrap();
    let mut command = Command::new(compiler);
    command.args(flags).args(WARNINGS).args(["-I", INCLUDE, "-fsyntax-only"]);
    succeed(command.arg(&source));
}

#[test]
fn the_headers_compile_alone_and_twice_without_a_warning() {
    let scratch = tempfile::tempdir().unwrap();
    let twice =
        "#include \"roundhouse.h\"\n#include \"roundhouse.h\"\nint main(void) { return 0; }\n";
    let strict = ["-std=c99", "-Wstrict-prototypes", "-Wmissing-prototypes"];
    for compiler in ["gcc", "clang"].into_iter().filter(|name| is_there(name)) {
        check(compiler, &strict, "c", twice, scratch.path());
    }
    let twice =
        "#include \"roundhouse.hpp\"\n#include \"roundhouse.hpp\"\nint main() { return 0; }\n";
    let throwing = format!("#define ROUNDHOUSE_EXCEPTIONS\n{twice}");
    for compiler in ["g++", "clang++"].into_iter().filter(|name| is_there(name)) {
        check(compiler, &["-std=c++17", "-fno-exceptions"], "cpp", twice, scratch.path());
        check(compiler, &["-std=c++17"], "cpp", &throwing, scratch.path());
    }
}

#[test]
fn the_version_of_the_header_is_a_constant_of_the_preprocessor() {
    let scratch = tempfile::tempdir().unwrap();
    let text = "#include \"roundhouse.h\"\n#if RH_VERSION_NUMBER < 1000\n#error version\n#endif\n\
                int main(void) { return 0; }\n";
    check("cc", &["-std=c99"], "c", text, scratch.path());
}

/// Sizes and offsets as they are to stay: each is what Rust has, and what the header has in C.
macro_rules! layouts {
    ($($name:ident: $size:literal { $($field:ident: $offset:literal),* $(,)? })*) => {{
        let mut text = String::from("#include \"roundhouse.h\"\n");
        $(
            assert_eq!(size_of::<$name>(), $size, stringify!($name));
            text += concat!("typedef char size_of_", stringify!($name), "[sizeof(", stringify!($name), ") == ",
                $size, " ? 1 : -1];\n");
            $(
                assert_eq!(offset_of!($name, $field), $offset, concat!(stringify!($name), ".", stringify!($field)));
                text += concat!("typedef char offset_of_", stringify!($name), "_", stringify!($field),
                    "[offsetof(", stringify!($name), ", ", stringify!($field), ") == ", $offset, " ? 1 : -1];\n");
            )*
        )*
        text + "int main(void) { return 0; }\n"
    }};
}

#[test]
fn structures_are_laid_out_alike_in_c_and_in_rust() {
    let text = layouts! {
        rh_error: 256 { status: 0, sys_errno: 4, detail: 8, message: 16 }
        rh_slice: 16 { data: 0, len: 8 }
        rh_append: 24 { user_data: 0, record: 8 }
        rh_completion: 64 {
            user_data: 0, result: 8, op: 16, flags: 20, handle: 24, detail: 32, data: 40, len: 48, reserved: 56,
        }
        rh_record: 40 { offset: 0, time_ns: 8, data: 16, len: 24, span: 32, reserved: 36 }
        rh_turn: 16 { next_deadline_ns: 0, has_work: 8, is_closed: 12 }
        rh_log_settings: 48 {
            struct_size: 0, durability: 8, shard: 12, on_shard: 16, reserved: 20, interval_ns: 24,
            retain_age_ns: 32, retain_bytes: 40,
        }
        rh_log_info: 72 {
            struct_size: 0, id: 8, shard: 12, start: 16, end: 24, bytes: 32, durability: 40, reserved: 44,
            interval_ns: 48, retain_age_ns: 56, retain_bytes: 64,
        }
        rh_store_info: 88 {
            struct_size: 0, low_water: 8, end: 16, durable_upto: 24, slots: 32, slots_ready: 40, segments: 48,
            logs: 56, cache_bytes: 64, slot_bytes: 72, epoch: 80,
        }
        rh_verification: 72 {
            struct_size: 0, verdict: 8, reserved: 12, frames: 16, records: 24, bytes: 32, damaged: 40,
            low_water: 48, durable_upto: 56, end: 64,
        }
        rh_repair: 48 {
            struct_size: 0, outcome: 8, reserved: 12, lost_records: 16, lost_bytes: 24, quarantined: 32,
            recreated: 40,
        }
        rh_address: 24 { ip: 0, scope: 16, port: 20, version: 22, reserved: 23 }
        rh_origin: 56 { source: 0, destination: 24, ecn: 48, reserved: 52 }
        rh_transmit: 80 { user_data: 0, data: 8, destination: 24, source: 48, segment_bytes: 72, ecn: 76 }
        rh_udp_settings: 32 {
            struct_size: 0, flags: 8, receive_bytes: 12, send_bytes: 16, send_queue: 20, receive_queue: 24,
            reserved: 28,
        }
        rh_tcp_settings: 112 {
            struct_size: 0, flags: 8, backlog: 12, connections: 16, held_bytes: 24, write_bytes: 32,
            connect_timeout_ns: 40, handshake_timeout_ns: 48, read_timeout_ns: 56, write_timeout_ns: 64,
            idle_timeout_ns: 72, linger_ns: 80, keep_alive_idle_ns: 88, keep_alive_interval_ns: 96,
            keep_alive_probes: 104, handshakes: 108,
        }
        rh_tls_settings: 104 {
            struct_size: 0, certificates: 8, key: 24, roots: 40, protocols: 56, client_certificates: 64,
            resumption: 68, sessions: 72, early_data: 80, reserved: 84, secret: 88,
        }
        rh_stream_info: 56 {
            struct_size: 0, kind: 8, can_send: 12, can_receive: 16, is_resumed: 20, number: 24, peer: 32,
        }
        rh_quic_settings: 152 {
            struct_size: 0, flags: 8, congestion: 12, retry: 16, bidirectional_streams: 20,
            unidirectional_streams: 24, bidirectional_streams_initial: 28, unidirectional_streams_initial: 32,
            stream_bytes: 36, connection_bytes_initial: 40, connection_bytes_max: 44, datagram_bytes: 48,
            mtu_initial: 52, mtu_max: 54, connections: 56, handshakes: 64, accept_backlog: 72, shard_bytes: 80,
            handshake_timeout_ns: 88, idle_timeout_ns: 96, read_timeout_ns: 104, write_timeout_ns: 112,
            keep_alive_ns: 120, rtt_initial_ns: 128, secret: 136,
        }
        rh_connection_info: 128 {
            struct_size: 0, peer: 8, round_trip_ns: 32, round_trip_min_ns: 40, congestion_window_bytes: 48,
            congestion_events: 56, mtu: 64, datagram_bytes_max: 72, packets_sent: 80, packets_lost: 88,
            datagrams_sent: 96, bytes_sent: 104, datagrams_received: 112, bytes_received: 120,
        }
        rh_pool_settings: 48 {
            struct_size: 0, connections_per_host: 8, hosts: 16, idle_time_ns: 24, probe_after_ns: 32, probe_time_ns: 40,
        }
    };
    let scratch = tempfile::tempdir().unwrap();
    check("cc", &["-std=c99"], "c", &text, scratch.path());
}
