//! What can be set at a stream, or at a listener for the streams it makes.

use std::time::Duration;

use crate::op::Errno;
use crate::socket::{KeepAlive, SocketOption, SocketOptions};

/// The options in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim::net) struct StreamOptions {
    pub(super) no_delay: bool,
    pub(super) keep_alive: Option<KeepAlive>,
    pub(super) reset_on_close: bool,
    pub(super) user_timeout: Duration,
    pub(super) receive_bytes: usize,
    pub(super) send_bytes: usize,
}

/// How long the other end may be silent while something is not acknowledged: what Linux's 15 repeats
/// take (`tcp_retries2`).
const USER_TIMEOUT: Duration = Duration::from_secs(924);
/// What a socket holds each way if it was opened without saying.
const BUFFER_BYTES: u32 = 256 << 10;

impl StreamOptions {
    pub(in crate::sim::net) fn new(options: &SocketOptions) -> StreamOptions {
        StreamOptions {
            no_delay: false,
            keep_alive: None,
            reset_on_close: false,
            user_timeout: USER_TIMEOUT,
            receive_bytes: options.receive_buffer_bytes.unwrap_or(BUFFER_BYTES).max(1) as usize,
            send_bytes: options.send_buffer_bytes.unwrap_or(BUFFER_BYTES).max(1) as usize,
        }
    }

    /// Changes one of them. `EINVAL`: out of range.
    pub(in crate::sim::net) fn set(&mut self, option: SocketOption) -> Result<(), Errno> {
        match option {
            SocketOption::NoDelay(on) => self.no_delay = on,
            SocketOption::KeepAlive(Some(keep_alive)) => {
                let KeepAlive { idle, interval, probes } = keep_alive;
                if idle.as_secs() == 0 || interval.as_secs() == 0 || probes == 0 {
                    return Err(Errno::INVAL);
                }
                self.keep_alive = Some(keep_alive);
            }
            SocketOption::KeepAlive(None) => self.keep_alive = None,
            SocketOption::ResetOnClose(on) => self.reset_on_close = on,
            SocketOption::UserTimeout(timeout) => {
                self.user_timeout = timeout.unwrap_or(USER_TIMEOUT);
            }
        }
        Ok(())
    }
}
