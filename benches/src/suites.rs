//! All suites with everybody in them.

use roundhouse_measure::{Suite, mailbox, store};

use crate::{broker, one, peers, quic, sockets};

/// In the order they run.
pub(crate) fn all() -> Vec<Suite> {
    let mut suites = vec![
        store::wal(),
        store::latency(),
        store::read(),
        store::recovery(one::appender),
        mailbox::mailbox(),
        sockets::udp(),
        sockets::tcp(),
        quic::quic(),
        broker::broker(),
    ];
    peers::join(&mut suites);
    suites
}
