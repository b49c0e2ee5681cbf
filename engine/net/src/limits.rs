//! Bounds of the network in one place. Those that a program may want to move are options with these
//! as defaults.

/// Bytes the kernel is asked to hold for a datagram socket, each way. It may allow less.
pub const UDP_KERNEL_BYTES: u32 = 4 << 20;
/// Transmissions (datagrams or trains) of one socket on their way to the kernel; at this bound
/// sending waits, or is refused.
pub const UDP_SEND_QUEUE: usize = 1024;
/// Arrivals (datagrams or trains) of one socket that nobody has taken yet; at this bound they stay
/// in the kernel, which drops what its own buffer can't hold.
pub const UDP_RECEIVE_QUEUE: usize = 256;
/// Datagrams of one train: what every kernel with GSO takes (`UDP_MAX_SEGMENTS`).
pub const UDP_TRAIN_DATAGRAMS: usize = 64;
/// Bytes of one train: the longest IP packet, less the headers of IPv6 and UDP.
pub const UDP_TRAIN_BYTES: usize = 65_535 - 40 - 8;

/// Connections of one listener that are open at once; at this bound new ones are reset at once.
pub const TCP_CONNECTIONS: usize = 10_000;
/// Connections the kernel completes before the listener sees them; at this bound it ignores
/// attempts, which their senders repeat.
pub const TCP_BACKLOG: u32 = 1024;
/// Connections a listener holds that nobody has taken yet; at this bound they stay in the backlog.
pub const TCP_ACCEPT_QUEUE: usize = 64;
/// Bytes that the streams of one listener hold together; while they hold as much, new connections
/// are reset. The default is what 1024 streams hold whose peers take nothing.
pub const TCP_HELD_BYTES: u64 = 256 << 20;
/// Bytes one stream holds that the kernel has not taken; at this bound writing waits.
pub const TCP_WRITE_BYTES: usize = 256 * 1024;

/// Arrivals (datagrams or trains) that a QUIC endpoint takes in one pass, before it sends what they
/// led to; the others wait in the socket's queue.
pub const QUIC_ARRIVALS_PER_PASS: usize = 64;
/// Datagrams in one train of a QUIC connection. The kernel takes more; longer bursts gain nothing
/// and fill the buffers of what lies on the way.
pub const QUIC_TRAIN_DATAGRAMS: usize = 32;
/// Datagrams a QUIC connection sends before others have their turn.
pub const QUIC_DATAGRAMS_PER_TURN: usize = 2 * QUIC_TRAIN_DATAGRAMS;
/// Datagrams that small writes on a QUIC connection fill before they are sent without waiting for
/// the end of the pass, so that the peer works on them while this side works on the rest. With one,
/// what it costs to send a datagram alone eats the gain; with more, calls of which some dozens are
/// outstanding take turns at working instead of overlapping (measured).
pub const QUIC_EARLY_DATAGRAMS: usize = 2;
/// Times that the task which sends for a QUIC endpoint lets others run first, so that an answer by a
/// task that another one spawned leaves together with the acknowledgement of the question.
pub const QUIC_ROUNDS_BEFORE_SENDING: u8 = 2;
/// Long trains whose memory a QUIC endpoint keeps for later ones, up to 64 KiB each; beyond it memory
/// is asked for and given back. More are rarely on their way at once.
pub const QUIC_TRAINS_KEPT: usize = 16;
/// First packets of new clients looked at in one pass. Each costs the derivation of keys before it
/// is known to be worth anything, so a flood of them would starve connections that stand. At this
/// bound they are dropped, and clients send again.
pub const QUIC_INITIALS_PER_PASS: usize = 64;
/// Answers to datagrams that belong to no QUIC connection (retries, refusals, resets, version
/// negotiation) that wait to be sent; at this bound they are dropped, like any datagram may be.
pub const QUIC_ANSWERS: usize = 256;
/// Datagrams that wait to be forwarded to the shard of their QUIC connection, and again that wait
/// there to be taken in; at this bound they are dropped.
pub const QUIC_MISFITS: usize = 1024;
/// Bytes written in small pieces on a QUIC connection's streams at which they are handed over
/// without waiting for the end of the pass; and bytes that the peer does not allow yet at which
/// nothing more is gathered.
pub const QUIC_STAGED_BYTES: usize = 64 * 1024;

/// TLS handshakes of one acceptor in progress, on all shards together; at this bound new
/// connections are reset.
pub const TLS_HANDSHAKES: usize = 1024;
/// Bytes of one write that are encrypted at once; a longer one is written in parts.
pub const TLS_WRITE_BYTES: usize = 64 * 1024;
