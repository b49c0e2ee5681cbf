//! What a service manager is told (sd_notify(3)): datagrams to the socket that it names.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The way to the service manager.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    manager: SocketAddr,
}

/// What can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Clients can connect.
    Ready,
    /// A shutdown has begun.
    Stopping,
    /// It is alive: to be told before the time that [`watchdog_interval`] says.
    Watchdog,
}

impl Notifier {
    /// The way to a manager's socket, as `NOTIFY_SOCKET` names it: a path, or behind an `@` a name in
    /// Linux's abstract space.
    ///
    /// # Errors
    /// The system's; `InvalidInput` for a name that can't be one.
    pub fn new(name: &std::ffi::OsStr) -> io::Result<Notifier> {
        let manager = match name.as_bytes().strip_prefix(b"@") {
            Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        Ok(Notifier { socket: UnixDatagram::unbound()?, manager })
    }

    /// Tells the manager.
    ///
    /// # Errors
    /// The system's, such as for a manager that is gone.
    pub fn tell(&self, state: State) -> io::Result<()> {
        let text: &[u8] = match state {
            State::Ready => b"READY=1\n",
            State::Stopping => b"STOPPING=1\n",
            State::Watchdog => b"WATCHDOG=1\n",
        };
        self.socket.send_to_addr(text, &self.manager).map(drop)
    }
}

/// How often the manager wants to be told that this process is alive: half the time it waits, as
/// `WATCHDOG_USEC` says, if it means this process, as `WATCHDOG_PID` does; never for `None`.
pub fn watchdog_interval(usec: Option<&str>, pid: Option<&str>) -> Option<Duration> {
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(std::process::id()));
    let waits = Duration::from_micros(usec?.parse().ok().filter(|usec| *usec > 0)?);
    is_meant.then_some(waits / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_is_told_by_path_and_by_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("roundhouse-broker-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_path = (UnixDatagram::bind(&path).unwrap(), path.into_os_string());
        let by_name = (UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}").into());
        for (manager, name) in [by_path, by_name] {
            let notifier = Notifier::new(&name).unwrap();
            for (state, text) in [(State::Ready, "READY=1\n"), (State::Stopping, "STOPPING=1\n")] {
                notifier.tell(state).unwrap();
                let mut told = [0; 64];
                let bytes = manager.recv(&mut told).unwrap();
                assert_eq!(&told[..bytes], text.as_bytes());
            }
        }
    }

    #[test]
    fn a_watchdog_is_fed_twice_as_often_as_it_looks_if_it_looks_at_this_process() {
        let mine = std::process::id().to_string();
        let of = watchdog_interval;
        assert_eq!(of(Some("3000000"), Some(&mine)), Some(Duration::from_millis(1500)));
        assert_eq!(of(Some("3000000"), None), Some(Duration::from_millis(1500)));
        assert_eq!(of(Some("3000000"), Some("1")), None);
        assert_eq!([of(None, None), of(Some("0"), None), of(Some("soon"), None)], [None; 3]);
    }
}
