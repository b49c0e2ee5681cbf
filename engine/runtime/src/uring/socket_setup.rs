//! The calls on sockets that don't go through the ring: opening, options, addresses. None waits.

use std::ffi::c_int;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use rustix::net::{AddressFamily, SocketAddrAny, SocketFlags, SocketType};

use crate::op::Errno;
use crate::socket::{KeepAlive, Side, SocketKind, SocketOption, SocketOptions};

/// Opens, binds and, for a listener, listens.
///
/// Sockets stay in blocking mode: the ring waits for them by itself, while a non-blocking one would
/// make it answer `EAGAIN`.
pub(super) fn open(options: &SocketOptions) -> Result<OwnedFd, Errno> {
    let family = match options.local {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let (kind, is_stream) = match options.kind {
        SocketKind::Datagram => (SocketType::DGRAM, false),
        SocketKind::Stream | SocketKind::Listener { .. } => (SocketType::STREAM, true),
    };
    let fd = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if options.local.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, true)?;
    }
    if options.reuse_port {
        sockopt::set_socket_reuseport(&fd, true)?;
    }
    // The kernel cuts a size to its limit by itself, and doubles it for its own bookkeeping.
    if let Some(bytes) = options.receive_buffer_bytes {
        sockopt::set_socket_recv_buffer_size(&fd, bytes as usize)?;
    }
    if let Some(bytes) = options.send_buffer_bytes {
        sockopt::set_socket_send_buffer_size(&fd, bytes as usize)?;
    }
    if !is_stream {
        prepare_datagrams(fd.as_fd(), options.local.ip())?;
    }
    bind(&fd, options)?;
    Ok(fd)
}

fn bind(fd: &OwnedFd, options: &SocketOptions) -> Result<(), Errno> {
    let is_anywhere = options.local.ip().is_unspecified() && options.local.port() == 0;
    match options.kind {
        // Bound when it connects: a port chosen before would be taken from all destinations.
        SocketKind::Stream if is_anywhere => Ok(()),
        SocketKind::Datagram | SocketKind::Stream => rustix::net::bind(fd, &options.local),
        SocketKind::Listener { backlog } => {
            // A listener that was just closed leaves connections behind that would keep the port.
            sockopt::set_socket_reuseaddr(fd, true)?;
            rustix::net::bind(fd, &options.local)?;
            rustix::net::listen(fd, i32::try_from(backlog).unwrap_or(i32::MAX))
        }
    }
}

/// Makes a datagram socket tell destination and ECN mark, coalesce, and never fragment.
fn prepare_datagrams(fd: BorrowedFd<'_>, local: IpAddr) -> Result<(), Errno> {
    if local.is_ipv4() {
        sockopt::set_ip_recvtos(fd, true)?;
        sockopt::set_ip_mtu_discover(fd, Ipv4PathMtuDiscovery::PROBE)?;
        set_flag(fd, libc::IPPROTO_IP, libc::IP_PKTINFO)?;
    } else {
        sockopt::set_ipv6_recvtclass(fd, true)?;
        sockopt::set_ipv6_mtu_discover(fd, Ipv6PathMtuDiscovery::PROBE)?;
        set_flag(fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?;
    }
    // Without it (before Linux 5.0) each datagram comes alone, which is slower and as good.
    if let Err(errno) = set_flag(fd, libc::SOL_UDP, libc::UDP_GRO) {
        tracing::debug!(%errno, "datagrams will not be coalesced");
    }
    Ok(())
}

/// Changes an option of a TCP socket.
pub(super) fn set_option(fd: BorrowedFd<'_>, option: SocketOption) -> Result<(), Errno> {
    match option {
        SocketOption::NoDelay(on) => sockopt::set_tcp_nodelay(fd, on),
        SocketOption::KeepAlive(keep_alive) => set_keep_alive(fd, keep_alive),
        SocketOption::ResetOnClose(on) => {
            sockopt::set_socket_linger(fd, on.then_some(Duration::ZERO))
        }
        SocketOption::UserTimeout(timeout) => {
            let millis = timeout.map_or(Ok(0), |timeout| u32::try_from(timeout.as_millis()));
            sockopt::set_tcp_user_timeout(fd, millis.map_err(|_| Errno::INVAL)?)
        }
    }
}

fn set_keep_alive(fd: BorrowedFd<'_>, keep_alive: Option<KeepAlive>) -> Result<(), Errno> {
    if let Some(KeepAlive { idle, interval, probes }) = keep_alive {
        sockopt::set_tcp_keepidle(fd, idle)?;
        sockopt::set_tcp_keepintvl(fd, interval)?;
        sockopt::set_tcp_keepcnt(fd, probes)?;
    }
    sockopt::set_socket_keepalive(fd, keep_alive.is_some())
}

/// The address of the socket's own end.
pub(super) fn local_address(fd: BorrowedFd<'_>) -> Result<SocketAddr, Errno> {
    rustix::net::getsockname(fd).and_then(ip_address)
}

/// The address of the other end.
pub(super) fn peer_address(fd: BorrowedFd<'_>) -> Result<SocketAddr, Errno> {
    // The kernel has no address for a socket whose peer is gone.
    match rustix::net::getpeername(fd)? {
        Some(address) => ip_address(address),
        None => Err(Errno::NOTCONN),
    }
}

fn ip_address(address: SocketAddrAny) -> Result<SocketAddr, Errno> {
    SocketAddr::try_from(address)
}

/// Ends one direction or both.
pub(super) fn shut_down(fd: BorrowedFd<'_>, side: Side) -> Result<u32, Errno> {
    let how = match side {
        Side::Receiving => rustix::net::Shutdown::Read,
        Side::Sending => rustix::net::Shutdown::Write,
        Side::Both => rustix::net::Shutdown::Both,
    };
    rustix::net::shutdown(fd, how).map(|()| 0)
}

/// Switches on an option that `rustix` does not know.
fn set_flag(fd: BorrowedFd<'_>, level: c_int, name: c_int) -> Result<(), Errno> {
    let on: c_int = 1;
    // SAFETY: the kernel reads as many bytes at the address of `on` as it has, during the call.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(super::blocking::errno(&std::io::Error::last_os_error())) }
}
