//! A program for the kernel that chooses, of the sockets that share an address, the one whose shard a
//! QUIC datagram belongs to (`SO_ATTACH_REUSEPORT_CBPF`, classic BPF). Needs no privilege.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::op::Errno;

/// One instruction as the kernel reads it (`struct sock_filter`).
type Instruction = libc::sock_filter;

/// Attaches the program to the whole group that the socket belongs to; replaces the one before.
pub(super) fn attach(fd: BorrowedFd<'_>, places: &[Option<u16>]) -> Result<(), Errno> {
    let mut program = program(places);
    let length = program.len().try_into().map_err(|_| Errno::INVAL)?;
    let described = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies, during the call, the structure whose size is given and the
    // instructions it points to, of which there are as many as it says.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const described).cast(),
            size_of_val(&described) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(super::blocking::errno(&std::io::Error::last_os_error())) }
}

/// Reads the first byte of the destination connection ID, which lies at one of two places (RFC 8999
/// section 5), takes it modulo the number of shards, and looks the shard's place up.
fn program(places: &[Option<u16>]) -> Vec<Instruction> {
    let shards = places.len() as u32;
    let mut program = vec![
        load_byte(0),
        branch(libc::BPF_JSET, LONG_HEADER_BIT, 2, 0),
        load_byte(SHORT_HEADER_ID_AT),
        branch(libc::BPF_JA, 1, 0, 0),
        load_byte(LONG_HEADER_ID_AT),
        instruction(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, shards, 0, 0),
    ];
    for (shard, place) in (0..shards).zip(places) {
        program.push(branch(libc::BPF_JEQ, shard, 0, 1));
        program.push(choose(place.map_or(NO_SOCKET, u32::from)));
    }
    program.push(choose(NO_SOCKET));
    program
}

fn load_byte(at: u32) -> Instruction {
    instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, at, 0, 0)
}

/// Skips `if_so` instructions if the comparison holds, else `if_not`; a jump skips `operand`.
fn branch(comparison: u32, operand: u32, if_so: u8, if_not: u8) -> Instruction {
    instruction(libc::BPF_JMP | comparison | libc::BPF_K, operand, if_so, if_not)
}

fn choose(place: u32) -> Instruction {
    instruction(libc::BPF_RET | libc::BPF_K, place, 0, 0)
}

fn instruction(code: u32, operand: u32, if_so: u8, if_not: u8) -> Instruction {
    Instruction { code: code as u16, jt: if_so, jf: if_not, k: operand }
}

const LONG_HEADER_BIT: u32 = 0x80;
const SHORT_HEADER_ID_AT: u32 = 1;
const LONG_HEADER_ID_AT: u32 = 6;
/// No socket has this place: the kernel then chooses by the addresses, as without a program.
const NO_SOCKET: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;
    use crate::socket::{SocketKind, SocketOptions};
    use crate::uring::socket_setup;

    fn bind(local: std::net::SocketAddr) -> UdpSocket {
        let options = SocketOptions {
            kind: SocketKind::Datagram,
            local,
            reuse_port: true,
            receive_buffer_bytes: None,
            send_buffer_bytes: None,
        };
        let socket = UdpSocket::from(socket_setup::open(&options).unwrap());
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    /// What it says is also what `quic::connection_id` writes.
    #[test]
    fn both_header_forms_reach_the_socket_of_their_shard_whatever_order_they_were_bound_in() {
        let first = bind(([127, 0, 0, 1], 0).into());
        let to = first.local_addr().unwrap();
        let sockets = [first, bind(to), bind(to)];
        // Of shards 0 to 3, the last one has no socket.
        let places = [Some(2), Some(0), Some(1), None];
        attach(sockets[1].as_fd(), &places).unwrap();
        let client = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let mut buffer = [0; 64];
        for id in 0..=255_u8 {
            let Some(place) = places[usize::from(id) % places.len()] else { continue };
            for datagram in [&[0x40, id, 9][..], &[0xc0, 0, 0, 0, 1, 8, id, 9]] {
                client.send_to(datagram, to).unwrap();
                let received = sockets[usize::from(place)].recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..received], datagram);
            }
        }
    }
}
