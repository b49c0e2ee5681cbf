//! Opening and closing sockets.

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::socket::{SocketId, SocketKind, SocketOp};

/// Options for a socket on a free port of the loopback address.
pub(super) fn on_loopback(kind: SocketKind) -> SocketOptions {
    SocketOptions {
        kind,
        local: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        reuse_port: false,
        receive_buffer_bytes: None,
        send_buffer_bytes: None,
    }
}

/// A socket on a free port, and its address.
pub(super) fn open_socket(driver: &mut UringDriver, kind: SocketKind) -> (SocketId, SocketAddr) {
    let socket = driver.open_socket(&on_loopback(kind)).unwrap();
    (socket, driver.local_address(socket).unwrap())
}

#[test]
fn a_socket_has_an_address_until_it_is_closed() {
    let mut driver = driver(DriveMode::Thread);
    for kind in [SocketKind::Datagram, SocketKind::Listener { backlog: 8 }] {
        let (socket, address) = open_socket(&mut driver, kind);
        assert!(address.ip().is_loopback() && address.port() != 0);
        assert_eq!(driver.peer_address(socket), Err(Errno::NOTCONN));

        let taken = driver.open_socket(&SocketOptions { local: address, ..on_loopback(kind) });
        assert_eq!(taken, Err(Errno::ADDRINUSE));

        let close = run(&mut driver, Op::Socket(SocketOp::Close { socket }));
        assert_eq!(close.result, Ok(0));
        assert_eq!(driver.local_address(socket), Err(Errno::BADF));
        let again = run(&mut driver, Op::Socket(SocketOp::Close { socket }));
        assert_eq!(again.result, Err(Errno::BADF));
    }
    assert_eq!(driver.open_sockets(), 0);
}

#[test]
fn sockets_that_ask_for_it_share_a_port() {
    let mut driver = driver(DriveMode::Thread);
    let options = SocketOptions { reuse_port: true, ..on_loopback(SocketKind::Datagram) };
    let first = driver.open_socket(&options).unwrap();
    let local = driver.local_address(first).unwrap();

    let second = driver.open_socket(&SocketOptions { local, ..options.clone() }).unwrap();
    assert_eq!(driver.local_address(second), Ok(local));
    let alone = SocketOptions { local, reuse_port: false, ..options };
    assert_eq!(driver.open_socket(&alone), Err(Errno::ADDRINUSE));
}

#[test]
fn a_close_is_beyond_recall() {
    let mut driver = driver(DriveMode::Thread);
    let (socket, _) = open_socket(&mut driver, SocketKind::Stream);
    let id = driver.submit(Op::Socket(SocketOp::Close { socket }));
    driver.cancel(id);
    assert_eq!(reap(&mut driver, 1).remove(0).result, Ok(0));
    assert_eq!(driver.open_sockets(), 0);
}
