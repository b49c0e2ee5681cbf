//! The text of a failure, in memory of the caller's.

use std::ffi::c_char;

use crate::failure::Failure;
use crate::status::rh_status;

/// Why a call failed, in memory of the caller's: there is nothing to free. Written only by calls and
/// operations that fail.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_error {
    /// What the call returned.
    pub status: rh_status,
    /// What the system said; 0 when no system call was the cause.
    pub sys_errno: i32,
    /// A number that belongs to the status, such as the first offset there is; otherwise 0.
    pub detail: u64,
    /// Cause and remedy in UTF-8, ended by a NUL; cut off where the room ends.
    pub message: [c_char; RH_MESSAGE_BYTES],
}

/// Room for the message of an `rh_error`, with its NUL.
pub const RH_MESSAGE_BYTES: usize = 240;

impl rh_error {
    pub(crate) fn new(failure: &Failure) -> rh_error {
        let mut message = [0; RH_MESSAGE_BYTES];
        let text = &failure.message;
        let end = text.floor_char_boundary(RH_MESSAGE_BYTES - 1);
        for (to, from) in message.iter_mut().zip(text[..end].bytes()) {
            *to = from as c_char;
        }
        let Failure { status, errno, detail, .. } = *failure;
        rh_error { status, sys_errno: errno, detail, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters_and_ends() {
        let failure = Failure::invalid("ä".repeat(RH_MESSAGE_BYTES));
        let error = rh_error::new(&failure);
        let bytes: Vec<u8> = error.message.iter().map(|byte| *byte as u8).collect();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        assert_eq!(end, RH_MESSAGE_BYTES - 2);
        assert_eq!(str::from_utf8(&bytes[..end]).unwrap(), "ä".repeat(end / 2));
    }
}
