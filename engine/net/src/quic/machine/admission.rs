//! Whether a client that knocks is let in.

use crate::quic::options::{Limits, Retry};

/// What the endpoint is busy with when a client knocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    /// Connections of every state.
    pub(super) connections: usize,
    /// Connections from clients whose handshake is not done.
    pub(super) handshakes: usize,
    /// Connections that the application did not accept yet.
    pub(super) waiting: usize,
    /// Whether a connection's buffers can be promised.
    pub(super) has_buffers: bool,
}

/// The answer to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Go on with the handshake.
    Accept,
    /// Prove your address first; costs this side nothing to remember.
    Retry,
    /// Not now.
    Refuse,
}

/// Decides about a client whose address is proven or not.
///
/// A full endpoint refuses rather than keeps silent, so that the client can go elsewhere at once.
pub(super) fn admit(load: Load, limits: &Limits, retry: Retry, is_proven: bool) -> Admission {
    let is_full = load.connections >= limits.connections
        || load.handshakes >= limits.handshakes
        || load.waiting >= limits.accept_backlog
        || !load.has_buffers;
    let must_prove = match retry {
        Retry::Never => false,
        Retry::UnderLoad => 2 * load.handshakes >= limits.handshakes,
        Retry::Always => true,
    };
    match (is_proven, is_full) {
        // Handshakes that never end, from forged addresses, must not keep honest clients out: the
        // answer to an unproven address is a retry, also when it will be a refusal in the end.
        (false, _) if must_prove => Admission::Retry,
        (_, true) => Admission::Refuse,
        _ => Admission::Accept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Load = Load { connections: 0, handshakes: 0, waiting: 0, has_buffers: true };

    fn limits() -> Limits {
        Limits { connections: 10, handshakes: 4, accept_backlog: 3, ..Limits::default() }
    }

    #[test]
    fn each_limit_refuses_by_itself() {
        let admit = |load| admit(load, &limits(), Retry::Never, true);
        assert_eq!(admit(FREE), Admission::Accept);
        for full in [
            Load { connections: 10, ..FREE },
            Load { handshakes: 4, ..FREE },
            Load { waiting: 3, ..FREE },
            Load { has_buffers: false, ..FREE },
        ] {
            assert_eq!(admit(full), Admission::Refuse, "{full:?}");
        }
    }

    #[test]
    fn addresses_are_to_be_proven_from_half_of_the_handshakes_on() {
        let admit = |handshakes, is_proven| {
            admit(Load { handshakes, ..FREE }, &limits(), Retry::UnderLoad, is_proven)
        };
        assert_eq!(admit(1, false), Admission::Accept);
        assert_eq!(admit(2, false), Admission::Retry);
        assert_eq!(admit(2, true), Admission::Accept);
        assert_eq!(admit(4, false), Admission::Retry);
    }
}
