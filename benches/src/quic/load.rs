//! What clients ask of a server that echoes streams.

/// Bytes of a message.
pub(super) const MESSAGE_BYTES: usize = 64;

/// Bytes of one write of bulk data.
pub(super) const BULK_WRITE_BYTES: usize = 256 * 1024;

/// How requests share streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Messages on one stream of a connection, which come back in order.
    Messages,
    /// Each message on a stream of its own.
    Calls,
    /// As much as goes, on one stream, one way.
    Bulk,
}

/// A load on a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// The case's name.
    pub(super) name: &'static str,
    /// What is done, in a sentence.
    pub(super) about: &'static str,
    pub(super) shape: Shape,
    pub(super) connections: usize,
    /// Messages on their way on each connection.
    pub(super) outstanding: usize,
    /// First packets of other clients that reach the server in a second meanwhile.
    pub(super) strangers_per_second: u32,
}

/// All of them, in the order they run in each round.
pub(super) const LOADS: &[Load] = &[
    Load {
        name: "echo-1",
        about: "64 bytes and their echo on one stream, one at a time.",
        shape: Shape::Messages,
        connections: 1,
        outstanding: 1,
        strangers_per_second: 0,
    },
    Load {
        name: "calls-64",
        about: "64 bytes and their echo, each on a stream of its own, 64 at once.",
        shape: Shape::Calls,
        connections: 1,
        outstanding: 64,
        strangers_per_second: 0,
    },
    Load {
        name: "messages-64",
        about: "64 bytes and their echo on one stream, 64 on their way.",
        shape: Shape::Messages,
        connections: 1,
        outstanding: 64,
        strangers_per_second: 0,
    },
    Load {
        name: "connections-100x10",
        about: "100 connections, 10 messages of 64 bytes on their way on one stream of each.",
        shape: Shape::Messages,
        connections: 100,
        outstanding: 10,
        strangers_per_second: 0,
    },
    Load {
        name: "echo-1-flooded",
        about: "As echo-1, while 10,000 first packets of other clients a second reach the server.",
        shape: Shape::Messages,
        connections: 1,
        outstanding: 1,
        strangers_per_second: 10_000,
    },
    Load {
        name: "bulk",
        about: "One stream, one way, as much as goes.",
        shape: Shape::Bulk,
        connections: 1,
        outstanding: 1,
        strangers_per_second: 0,
    },
];
