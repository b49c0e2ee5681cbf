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
