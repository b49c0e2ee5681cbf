//! The same for sockets, which are the crate `roundhouse-net`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::parity::{check_lists, public_methods};

/// Its public methods, each with its function in C.
const IN_C: &[(&str, &str)] = &[
    ("Certificates::new", "rh_tls_server_new"),
    ("Certificates::replace", "rh_tls_server_replace"),
    ("ClientConfig::new", "rh_tls_client_new"),
    ("ClientTls::new", "rh_tls_client_new"),
    ("Connecting::into_early", "rh_quic_connect"),
    ("Connection::accept_bidirectional", "rh_connection_accept_stream"),
    ("Connection::accept_unidirectional", "rh_connection_accept_stream"),
    ("Connection::close", "rh_connection_close"),
    ("Connection::closed", "rh_connection_wait_end"),
    ("Connection::datagram_bytes_max", "rh_connection_get_info"),
    ("Connection::handshaken", "rh_connection_wait_handshake"),
    ("Connection::open_bidirectional", "rh_connection_open_stream"),
    ("Connection::open_unidirectional", "rh_connection_open_stream"),
    ("Connection::peer_certificates", "rh_connection_certificate"),
    ("Connection::protocol", "rh_connection_protocol"),
    ("Connection::receive_datagram", "rh_connection_receive_datagram"),
    ("Connection::remote_address", "rh_connection_get_info"),
    ("Connection::send_datagram", "rh_connection_send_datagram"),
    ("Connection::stats", "rh_connection_get_info"),
    ("Endpoint::close", "rh_quic_close"),
    ("Endpoint::connect", "rh_quic_connect"),
    ("Endpoint::drained", "rh_quic_close"),
    ("Endpoint::listen", "rh_quic_open"),
    ("Endpoint::local_address", "rh_quic_address"),
    ("Endpoint::open", "rh_quic_open"),
    ("EndpointOptions::new", "rh_quic_open"),
    ("Identity::from_pem", "rh_tls_server_new"),
    ("Listener::accept", "rh_quic_accept"),
    ("ListenerOptions::new", "rh_tcp_listen"),
    ("Pool::connection", "rh_pool_connection"),
    ("Pool::new", "rh_pool_open"),
    ("Pool::warm_up", "rh_pool_warm_up"),
    ("RecvStream::id", "rh_stream_get_info"),
    ("RecvStream::read_chunk", "rh_stream_receive"),
    ("RecvStream::stop", "rh_stream_stop"),
    ("SendStream::finish", "rh_stream_send"),
    ("SendStream::finished", "rh_stream_wait_acknowledged"),
    ("SendStream::id", "rh_stream_get_info"),
    ("SendStream::reset", "rh_stream_reset"),
    ("SendStream::set_priority", "rh_stream_set_priority"),
    ("SendStream::write_all", "rh_stream_send"),
    ("ServerConfig::new", "rh_tls_server_new"),
    ("ServerTls::new", "rh_tls_server_new"),
    ("Shared::new", "rh_quic_open"),
    ("SharedAddresses::new", "rh_udp_open"),
    ("TcpConnector::connect", "rh_tcp_connect"),
    ("TcpConnector::new", "rh_tcp_connect"),
    ("TcpListener::accept", "rh_listener_accept"),
    ("TcpListener::bind", "rh_tcp_listen"),
    ("TcpListener::local_address", "rh_listener_address"),
    ("TcpStream::peer_address", "rh_stream_get_info"),
    ("TcpStream::read", "rh_stream_receive"),
    ("TcpStream::reset", "rh_stream_reset"),
    ("TcpStream::shut_down", "rh_stream_send"),
    ("TcpStream::write", "rh_stream_send"),
    ("TlsAcceptor::accept", "rh_listener_accept"),
    ("TlsAcceptor::new", "rh_tcp_listen"),
    ("TlsConnector::connect", "rh_tcp_connect"),
    ("TlsConnector::new", "rh_tcp_connect"),
    ("TlsStream::is_resumed", "rh_stream_get_info"),
    ("TlsStream::peer_address", "rh_stream_get_info"),
    ("TlsStream::peer_certificates", "rh_stream_certificate"),
    ("TlsStream::protocol", "rh_stream_protocol"),
    ("TlsStream::read", "rh_stream_receive"),
    ("TlsStream::shut_down", "rh_stream_send"),
    ("TlsStream::write", "rh_stream_send"),
    ("UdpOptions::new", "rh_udp_open"),
    ("UdpSocket::bind", "rh_udp_open"),
    ("UdpSocket::bind_shared", "rh_udp_open"),
    ("UdpSocket::local_address", "rh_udp_address"),
    ("UdpSocket::receive", "rh_udp_receive"),
    ("UdpSocket::send", "rh_udp_send"),
];

/// Those that have none, with the reason.
const RUST_ONLY: &[(&str, &str)] = &[
    ("Code::new", "a code is a number in C"),
    ("Code::value", "a code is a number in C"),
    ("Connecting::remote_address", "whoever connects gave it"),
    ("Connection::error", "rh_connection_wait_end tells it"),
    ("Connection::local_address", "left out: an endpoint's is rh_quic_address"),
    ("Connection::ping", "the setting keep_alive_ns sends them"),
    ("Connection::send_datagram_in_turn", "rh_connection_send_datagram waits its turn"),
    ("Connection::server_name", "left out: the server's certificate does not depend on it"),
    ("Connection::update_keys", "left out: the keys change by themselves"),
    ("Endpoint::address_changed", "left out: a client whose network changed connects again"),
    ("Endpoint::connections", "rh_engine_metrics counts them"),
    ("Endpoint::is_shared", "the program said so itself"),
    ("Endpoint::join", "rh_quic_open with RH_SHARE_ADDRESS does it"),
    ("Endpoint::metrics", "rh_engine_metrics has them"),
    ("Identity::from_der", "PEM is what rh_tls_settings takes"),
    ("KeyLog::new", "secrets for packet analysers are left to programs in Rust"),
    ("Pool::counters", "rh_engine_metrics has those of the connections"),
    (
        "Pooled::discard",
        "left out: rh_connection_close ends a connection that misbehaves, for everybody",
    ),
    ("QlogSink::new", "a Rust writer takes the events"),
    ("RecvStream::read", "rh_stream_receive gives the memory itself"),
    ("RecvStream::read_to_end", "receiving until the end does it"),
    ("Secrets::new", "the field `secret` of the settings"),
    ("SendStream::stopped", "a send that the peer stopped fails with its code"),
    ("SendStream::write", "rh_stream_send sends all of it"),
    ("StreamId::direction", "a number in C"),
    ("StreamId::value", "a number in C"),
    ("TcpConnector::counters", "rh_engine_metrics has them"),
    ("TcpListener::counters", "rh_engine_metrics has them"),
    ("TcpStream::consume", "rh_buffer_free does it"),
    ("TcpStream::flush", "rh_stream_send completes when it is flushed"),
    (
        "TcpStream::local_address",
        "the listener's is rh_listener_address; the kernel chose a client's",
    ),
    ("TcpStream::shard", "the program chose it"),
    ("UdpSocket::counters", "rh_engine_metrics has them"),
    ("UdpSocket::has_room", "the queue bounds what waits to be sent"),
    ("UdpSocket::is_shared", "the program said so itself"),
    ("UdpSocket::send_ready", "the queue bounds what waits to be sent"),
    ("UdpSocket::steer", "rh_quic_open with RH_SHARE_ADDRESS does it"),
    ("UdpSocket::train_datagrams", "rh_udp_send cuts trains as the kernel takes them"),
    ("UdpSocket::try_send", "rh_udp_send waits its turn"),
];

/// Types none of whose methods are for hosts in C.
const RUST_ONLY_TYPES: &[(&str, &str)] = &[
    ("Exchange", "hyper's side of a Rust program"),
    (
        "Machine",
        "QUIC without I/O, for whoever brings their own sockets and clock, as the simulator does",
    ),
    ("ShardTimer", "hyper's timer"),
    ("Train", "what the machine without I/O sends"),
    ("WallClock", "the simulator sets it; a program's is the system's"),
];

#[test]
fn every_socket_operation_in_rust_is_one_in_c_or_says_why_not() {
    let is_for_c = |method: &String| {
        let (subject, name) = method.split_once("::").unwrap();
        // What is polled is for those who write futures.
        !RUST_ONLY_TYPES.iter().any(|(subject_only, _)| *subject_only == subject)
            && !name.starts_with("poll_")
    };
    let public = public_methods(Path::new("../engine/net/src"));
    let public: BTreeSet<String> = public.into_iter().filter(is_for_c).collect();
    check_lists(&public, IN_C, RUST_ONLY);
}
