//! Addresses.

use std::ffi::c_char;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::entry::{Out, enter, give_text};
use crate::error::rh_error;
use crate::failure::Failure;
use crate::handle::{self, Handle};
use crate::queue::rh_queue;
use crate::status::rh_status;

/// Where a socket or a peer is. 24 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct rh_address {
    /// The IP address in the order of the network; of an IPv4 address the first four bytes count.
    pub ip: [u8; 16],
    /// The scope of an IPv6 address that is of one link only; otherwise 0.
    pub scope: u32,
    /// The port; 0 for one that is free.
    pub port: u16,
    /// 4 or 6; 0 where there is no address.
    pub version: u8,
    /// 0.
    pub reserved: u8,
}

impl rh_address {
    pub(super) fn of_ip(ip: IpAddr) -> rh_address {
        rh_address::from(SocketAddr::new(ip, 0))
    }

    /// `None` for no address.
    pub(super) fn known(&self) -> Result<Option<SocketAddr>, Failure> {
        match self.version {
            0 => Ok(None),
            4 => {
                let [a, b, c, d, ..] = self.ip;
                Ok(Some(SocketAddr::from((Ipv4Addr::new(a, b, c, d), self.port))))
            }
            6 => {
                let ip = Ipv6Addr::from(self.ip);
                Ok(Some(SocketAddrV6::new(ip, self.port, 0, self.scope).into()))
            }
            other => Err(Failure::invalid(format!("an address has version 4 or 6, not {other}"))),
        }
    }
}

impl From<SocketAddr> for rh_address {
    fn from(address: SocketAddr) -> rh_address {
        let mut made = rh_address { port: address.port(), ..rh_address::default() };
        match address {
            SocketAddr::V4(v4) => {
                made.version = 4;
                made.ip[..4].copy_from_slice(&v4.ip().octets());
            }
            SocketAddr::V6(v6) => {
                made.version = 6;
                made.ip = v6.ip().octets();
                made.scope = v6.scope_id();
            }
        }
        made
    }
}

/// An address argument, which must be there.
///
/// # Safety
/// `address` is NULL or can be read.
pub(super) unsafe fn read_address(
    address: *const rh_address,
    name: &str,
) -> Result<SocketAddr, Failure> {
    // SAFETY: the caller's promise.
    let address = unsafe { address.as_ref() }.ok_or_else(|| Failure::null(name))?;
    address
        .known()?
        .ok_or_else(|| Failure::invalid(format!("{name} is no address: its version is 0")))
}

/// What every function is that gives the address of something: `local_of` says it of what the handle stands for.
///
/// # Safety
/// `out` and `error` are NULL or may be written.
pub(super) unsafe fn give_address<H: Handle>(
    object: *const H,
    out: *mut rh_address,
    error: *mut rh_error,
    local_of: impl FnOnce(&H::Object) -> SocketAddr,
) -> rh_status {
    let give = || {
        let object = handle::get(object)?;
        // SAFETY: the caller's promise.
        unsafe { Out::new(out, "out") }?.write(local_of(&object).into());
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { enter(object, error, give) }
}

/// Reads an address such as `127.0.0.1:4433` or `[::1]:4433`. Names are not looked up.
///
/// Errors: `RH_E_INVALID`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_address_parse(
    text: *const c_char,
    out: *mut rh_address,
    error: *mut rh_error,
) -> rh_status {
    let parse = || {
        // SAFETY: texts of the program's are NULL or end with a NUL, and an out-parameter may be written; the
        // header says so.
        let (text, out) = unsafe { (crate::entry::text(text, "text")?, Out::new(out, "out")?) };
        let parsed: Result<SocketAddr, _> = text.parse();
        let wrong =
            |_| Failure::invalid(format!("{text:?} is no address with a port, as 127.0.0.1:80 is"));
        out.write(parsed.map_err(wrong)?.into());
        Ok(())
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_queue>(std::ptr::null(), error, parse) }
}

/// Gives an address as a text that `rh_address_parse` reads, as `rh_options_get` gives a value. `RH_ADDRESS_BYTES`
/// are enough for every one.
///
/// Errors: `RH_E_SIZE`, `RH_E_INVALID`. Any thread.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rh_address_format(
    address: *const rh_address,
    buffer: *mut c_char,
    cap: usize,
    len: *mut usize,
    error: *mut rh_error,
) -> rh_status {
    let format = || {
        // SAFETY: NULL or readable; the header says so.
        let address = unsafe { read_address(address, "address") }?;
        // SAFETY: the buffer has room for `cap` bytes; the header says so.
        unsafe { give_text(&address.to_string(), buffer, cap, len) }
    };
    // SAFETY: `error` is NULL or may be written; the header says so.
    unsafe { enter::<rh_queue>(std::ptr::null(), error, format) }
}

/// Room for the text of any address, with its NUL.
pub const RH_ADDRESS_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_way_through_c() {
        for text in ["127.0.0.1:80", "[::1]:65535", "[fe80::1%7]:1", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(rh_address::from(address).known().unwrap(), Some(address));
        }
    }
}
