/*
 * roundhouse.h - the C ABI of Roundhouse, an embeddable io_uring storage-and-transport engine.
 *
 * Generated from ffi/src; change it there. docs/c-abi.md says how to link the library and what it promises;
 * examples/c has programs.
 *
 * What holds for every function unless it says otherwise:
 *
 *  - A function that can fail returns an rh_status: RH_OK, which is 0, or a negative RH_E_ number. The last
 *    parameter may be NULL or an rh_error of the caller's, which is written only by a failure.
 *  - Results go to the parameters called `out` or behind it, which are written only by a success.
 *  - A handle is a number that looks like a pointer: never look behind it. One that is NULL, closed, of another
 *    kind or made up is an error, not a crash. What X_open or X_new or a completion made, X_close or X_free ends.
 *  - "Any thread": any, also several at once. What is not const is changed or ended by the call.
 *  - Operations are submitted to a queue and complete there exactly once each, or, where flags have RH_CQ_MORE,
 *    several times, the last without it. Submitting never waits. `user_data` comes back with the completion.
 *  - Memory given to an operation is borrowed until its completion was taken, or is copied where RH_COPY says so.
 *    Memory that is handed out is borrowed until its handle is freed.
 *  - Texts are UTF-8 and end with a NUL. Times are in nanoseconds.
 *  - Structures with a struct_size begin as their ..._INIT says; zero is the default of every field. A field that is
 *    set but unknown to the library is refused with RH_E_VERSION.
 *  - The library prints nothing, installs no signal handlers, reads no environment unless told to, ends no
 *    process, and calls nothing of the program's but what it was given for that.
 */

#ifndef ROUNDHOUSE_H
#define ROUNDHOUSE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define RH_NODISCARD __attribute__((warn_unused_result))
#else
#define RH_NODISCARD
#endif
#ifndef RH_API
#define RH_API extern
#endif

/* The version of this header, in the form of rh_version_number(). */
#define RH_VERSION_NUMBER (RH_VERSION_MAJOR * 1000000u + RH_VERSION_MINOR * 1000u + RH_VERSION_PATCH)

// Something is broken.
#define RH_LEVEL_ERROR 1

// Something is odd.
#define RH_LEVEL_WARN 2

// Something that happens seldom happened.
#define RH_LEVEL_INFO 3

// For those who look for a defect.
#define RH_LEVEL_DEBUG 4

// Open a store that is there; create none.
#define RH_OPEN_EXISTING 1

// Room for the message of an `rh_error`, with its NUL.
#define RH_MESSAGE_BYTES 240

// Copy the records before returning, instead of borrowing them until the completion.
#define RH_COPY 1

// Records of a batch at most.
#define RH_BATCH_MAX (1 << 20)

// Open the log of the name, and create it if there is none.
#define RH_LOG_OPEN_OR_CREATE 0

// Open the log of the name, which must be there.
#define RH_LOG_OPEN 1

// Create a log, whose name must be free.
#define RH_LOG_CREATE 2

// The engine's option `durability`, if a log is created; as it was, if one is configured.
#define RH_DURABILITY_DEFAULT 0

// When the record would survive a power failure.
#define RH_DURABILITY_ALWAYS 1

// At once; a power failure loses at most what was appended in the interval.
#define RH_DURABILITY_INTERVAL 2

// At once; the record is made durable when that is convenient.
#define RH_DURABILITY_NEVER 3

// All shards together, where the number of a shard is expected.
#define RH_ALL_SHARDS UINT32_MAX

// Where an operation takes a number of credits: complete once, and be done.
#define RH_ONCE 0

// A flag of sockets: others, such as those of the other shards, may have the same address. The kernel spreads
// peers over them.
#define RH_SHARE_ADDRESS 1

// Room for the text of any address, with its NUL.
#define RH_ADDRESS_BYTES 64

// The sender does not use explicit congestion notification (RFC 3168).
#define RH_ECN_NOT_CAPABLE 0

// ECT(1): the sender uses it.
#define RH_ECN_ECT1 1

// ECT(0): the sender uses it.
#define RH_ECN_ECT0 2

// A router on the way was congested.
#define RH_ECN_CONGESTION 3

// Slices that can be sent at once.
#define RH_SLICES_MAX 1024

// Both sides send on the stream.
#define RH_BIDIRECTIONAL 0

// Only the side that opened it sends.
#define RH_UNIDIRECTIONAL 1

// A flag of `rh_quic_connect`: do not wait for the handshake if the server was spoken to before and takes early
// data. What is sent then can be replayed by others, so it must do no harm twice.
#define RH_EARLY 1

// A flag of QUIC: the kernel is not asked to give each datagram to its shard; the shards hand them on.
#define RH_QUIC_NO_STEERING 2

// A flag of QUIC: the server does not follow clients to new addresses.
#define RH_QUIC_NO_MIGRATION 4

// A flag of QUIC: no datagrams.
#define RH_QUIC_NO_DATAGRAMS 8

// CUBIC (RFC 9438).
#define RH_CONGESTION_CUBIC 0

// NewReno (RFC 9002).
#define RH_CONGESTION_NEW_RENO 1

// BBR version 1, experimental.
#define RH_CONGESTION_BBR 2

// Clients prove their address while half of the handshakes that may be are in progress.
#define RH_RETRY_UNDER_LOAD 0

// They never do.
#define RH_RETRY_NEVER 1

// They always do, but for those that were here before.
#define RH_RETRY_ALWAYS 2

// A TCP connection.
#define RH_STREAM_TCP 1

// A TCP connection with TLS.
#define RH_STREAM_TLS 2

// A stream of a QUIC connection.
#define RH_STREAM_QUIC 3

// A flag of sending: nothing follows. The peer finds the end behind what was sent; receiving goes on.
#define RH_FINISH 2

// A flag of TCP: gather small writes while an acknowledgement is awaited.
#define RH_TCP_DELAY 2

// A flag of TCP: never ask a silent peer whether it is still there.
#define RH_TCP_NO_KEEP_ALIVE 4

// Clients are not asked.
#define RH_CLIENT_CERTIFICATES_NOT_ASKED 0

// Clients may have none, but one they show must be valid.
#define RH_CLIENT_CERTIFICATES_OPTIONAL 1

// Clients without a valid one are refused.
#define RH_CLIENT_CERTIFICATES_REQUIRED 2

// Clients resume by sessions that the server keeps in memory.
#define RH_RESUME_SESSIONS 0

// They resume by tickets that they keep.
#define RH_RESUME_TICKETS 1

// They do not resume.
#define RH_RESUME_NEVER 2

// Everything fits.
#define RH_VERDICT_CLEAN 0

// Everything that was acknowledged fits; behind it is the rest of a write that a crash interrupted.
#define RH_VERDICT_TORN_TAIL 1

// Acknowledged data is damaged.
#define RH_VERDICT_CORRUPT 2

// Nothing is damaged; nothing was changed.
#define RH_REPAIR_NOTHING_TO_DO 0

// The log was cut at the first damage, or would be.
#define RH_REPAIR_DONE 1

// There is nothing before the damage that could be kept; nothing was changed. Salvage what is behind it.
#define RH_REPAIR_NOTHING_TO_KEEP 2

// Change nothing, and say what would be done.
#define RH_DRY_RUN 1

// Go on behind damage.
#define RH_SALVAGE_ALL 1

// The operation goes on: more completions with the same `user_data` follow.
#define RH_CQ_MORE 1

// `rh_log_append` and its like: `result` is the first offset.
#define RH_OP_APPEND 1

// `rh_log_read`: `handle` is the `rh_records`, `result` how many records, `detail` the offset to go on from.
#define RH_OP_READ 2

// `rh_log_follow`: the same, with `RH_CQ_MORE` but for the last.
#define RH_OP_FOLLOW 3

// `rh_log_sync`: `result` is where the log ended.
#define RH_OP_SYNC 4

// `rh_log_trim`.
#define RH_OP_TRIM 5

// `rh_log_truncate`.
#define RH_OP_TRUNCATE 6

// `rh_log_configure`.
#define RH_OP_CONFIGURE 7

// `rh_log_delete`.
#define RH_OP_DELETE 8

// `rh_log_open`: `handle` is the `rh_log`.
#define RH_OP_LOG_OPEN 9

// `rh_log_get_info`: the structure given is filled.
#define RH_OP_LOG_INFO 10

// `rh_log_offset_at`: `result` is the offset, or `RH_E_NOT_FOUND` if every record is earlier.
#define RH_OP_OFFSET_AT 11

// `rh_engine_close`: everything that was accepted is durable, and the directory is free.
#define RH_OP_CLOSE 12

// `rh_engine_get_info`: the structure given is filled.
#define RH_OP_STORE_INFO 13

// `rh_engine_open_hosted`: `handle` is the `rh_engine`.
#define RH_OP_OPEN 14

// `rh_engine_metrics`: `handle` is the `rh_metrics`.
#define RH_OP_METRICS 15

// `rh_engine_timer`.
#define RH_OP_TIMER 16

// `rh_udp_open`: `handle` is the `rh_udp`.
#define RH_OP_UDP_OPEN 17

// `rh_udp_send`: `result` is the bytes that were handed over.
#define RH_OP_UDP_SEND 18

// `rh_udp_receive`: `handle` is an `rh_buffer`, `result` how many datagrams are in it, `detail` how many bytes each
// of them has but for the last.
#define RH_OP_UDP_RECEIVE 19

// `rh_tcp_listen`: `handle` is the `rh_listener`.
#define RH_OP_TCP_LISTEN 20

// `rh_listener_accept`: `handle` is the `rh_stream`.
#define RH_OP_TCP_ACCEPT 21

// `rh_tcp_connect`: `handle` is the `rh_stream`.
#define RH_OP_TCP_CONNECT 22

// `rh_stream_send`: `result` is the bytes that were sent.
#define RH_OP_STREAM_SEND 23

// `rh_stream_receive`: `handle` is an `rh_buffer` and `result` how many bytes it has; 0 and NULL at the end.
#define RH_OP_STREAM_RECEIVE 24

// `rh_stream_wait_acknowledged`.
#define RH_OP_STREAM_ACKNOWLEDGED 25

// `rh_quic_open`: `handle` is the `rh_quic`.
#define RH_OP_QUIC_OPEN 26

// `rh_quic_accept`: `handle` is the `rh_connection`.
#define RH_OP_QUIC_ACCEPT 27

// `rh_quic_connect`: `handle` is the `rh_connection`, `result` 1 if its handshake is still under way.
#define RH_OP_QUIC_CONNECT 28

// `rh_quic_close`: no connection is left.
#define RH_OP_QUIC_CLOSE 29

// `rh_connection_open_stream`: `handle` is the `rh_stream`, `detail` its number.
#define RH_OP_STREAM_OPEN 30

// `rh_connection_accept_stream`: the same.
#define RH_OP_STREAM_ACCEPT 31

// `rh_connection_send_datagram`.
#define RH_OP_DATAGRAM_SEND 32

// `rh_connection_receive_datagram`: `handle` is an `rh_buffer` and `result` how many bytes it has.
#define RH_OP_DATAGRAM_RECEIVE 33

// `rh_connection_get_info`: the structure given is filled.
#define RH_OP_CONNECTION_INFO 34

// `rh_connection_wait_handshake`: `result` is 1, or 0 if the server did not take early data.
#define RH_OP_HANDSHAKE 35

// `rh_connection_wait_end`: it never goes well; the failure says why the connection ended.
#define RH_OP_CONNECTION_END 36

// `rh_pool_open`: `handle` is the `rh_pool`.
#define RH_OP_POOL_OPEN 37

// `rh_pool_connection`: `handle` is the `rh_connection`.
#define RH_OP_POOL_CONNECTION 38

// `rh_pool_warm_up`.
#define RH_OP_POOL_WARM_UP 39

// Operations that a queue can be deep at most.
#define RH_QUEUE_DEPTH_MAX (1 << 20)

// No limit on the time to wait.
#define RH_FOREVER UINT64_MAX

// The version of the header, to be compared with `rh_version_number()`.
#define RH_VERSION_MAJOR 0

// The second part of the version of the header.
#define RH_VERSION_MINOR 1

// The third part of the version of the header.
#define RH_VERSION_PATCH 0

// Bytes that arrived, in memory of the library's. The completion that has the handle says where they are.
typedef struct rh_buffer rh_buffer;

// A QUIC connection.
typedef struct rh_connection rh_connection;

// An open engine.
typedef struct rh_engine rh_engine;

// Where TCP connections come in.
typedef struct rh_listener rh_listener;

// A log of an engine.
typedef struct rh_log rh_log;

// A snapshot of what an engine counts and measures.
typedef struct rh_metrics rh_metrics;

// Options of engines to be opened.
typedef struct rh_options rh_options;

// Connections to servers, opened when they are needed and closed when nobody used them for long.
typedef struct rh_pool rh_pool;

// A completion queue, served by whichever thread takes from it.
typedef struct rh_queue rh_queue;

// A UDP socket of a shard with any number of QUIC connections, of clients, servers or both.
typedef struct rh_quic rh_quic;

// Consecutive records of one log, as a read gave them. They keep whole frames in memory: copy what is to
// be kept for long.
typedef struct rh_records rh_records;

// A shard that the program turns.
typedef struct rh_shard rh_shard;

// A TCP connection, plain or with TLS, or a stream of a QUIC connection.
typedef struct rh_stream rh_stream;

// A client's side of TLS 1.3. The connections it is used for share what it remembers of servers.
typedef struct rh_tls_client rh_tls_client;

// A server's side of TLS 1.3. The listeners and endpoints it is given to share its sessions.
typedef struct rh_tls_server rh_tls_server;

// A datagram socket on a shard.
typedef struct rh_udp rh_udp;

// What a call or an operation came to: `RH_OK`, or one of the negative `RH_E_` numbers.
typedef int32_t rh_status;

// Why a call failed, in memory of the caller's: there is nothing to free. Written only by calls and
// operations that fail.
typedef struct rh_error {
    // What the call returned.
    rh_status status;
    // What the system said; 0 when no system call was the cause.
    int32_t sys_errno;
    // A number that belongs to the status, such as the first offset there is; otherwise 0.
    uint64_t detail;
    // Cause and remedy in UTF-8, ended by a NUL; cut off where the room ends.
    char message[RH_MESSAGE_BYTES];
} rh_error;

// What is left to do after a turn.
typedef struct rh_turn {
    // Nanoseconds from now until the shard must be turned even if nothing happens; `RH_FOREVER` for never.
    uint64_t next_deadline_ns;
    // Not 0 if there is more to do at once.
    uint32_t has_work;
    // Not 0 if the engine is closed: the shard may be freed.
    uint32_t is_closed;
} rh_turn;

// What the store of a shard is at one moment. Start from `RH_STORE_INFO_INIT`.
typedef struct rh_store_info {
    // The size of this structure.
    size_t struct_size;
    // The first position of the write-ahead log that is kept.
    uint64_t low_water;
    // Where the next frame goes.
    uint64_t end;
    // Everything below is durable.
    uint64_t durable_upto;
    // Slot files.
    uint64_t slots;
    // Of those, how many hold nothing live.
    uint64_t slots_ready;
    // Segments with live records, and the active one.
    uint64_t segments;
    // Logs.
    uint64_t logs;
    // Bytes kept in memory for readers.
    uint64_t cache_bytes;
    // Bytes of a slot file.
    uint64_t slot_bytes;
    // How often the store was opened for writing.
    uint64_t epoch;
} rh_store_info;

// Bytes of the program's.
typedef struct rh_slice {
    // Where they are; may be NULL if there are none.
    const uint8_t *data;
    // How many.
    size_t len;
} rh_slice;

// One of several appends that are submitted at once.
typedef struct rh_append {
    // Comes back with its completion.
    uint64_t user_data;
    // The record.
    struct rh_slice record;
} rh_append;

// Settings of a log. Start from `RH_LOG_SETTINGS_INIT`.
typedef struct rh_log_settings {
    // The size of this structure.
    size_t struct_size;
    // When appends complete: one of the `RH_DURABILITY_` numbers.
    uint32_t durability;
    // The shard to create the log on, if `on_shard` is not 0; only `rh_log_open` looks at it.
    uint32_t shard;
    // Whether `shard` counts; otherwise the name decides.
    uint32_t on_shard;
    // 0.
    uint32_t reserved;
    // With `RH_DURABILITY_INTERVAL`: nanoseconds of appends that a power failure loses at most.
    uint64_t interval_ns;
    // Nanoseconds after which records may go; 0 keeps them.
    uint64_t retain_age_ns;
    // Bytes beyond which the oldest records may go; 0 keeps them.
    uint64_t retain_bytes;
} rh_log_settings;

// What a log is at one moment. Start from `RH_LOG_INFO_INIT`.
typedef struct rh_log_info {
    // The size of this structure.
    size_t struct_size;
    // Its number within its shard.
    uint32_t id;
    // The shard that it is on.
    uint32_t shard;
    // The first offset that was not trimmed.
    uint64_t start;
    // The offset after the last acknowledged record: what readers see.
    uint64_t end;
    // Bytes of its records, with headers, as far as whole segments of them are kept.
    uint64_t bytes;
    // When appends complete: one of the `RH_DURABILITY_` numbers.
    uint32_t durability;
    // 0.
    uint32_t reserved;
    // As in `rh_log_settings`.
    uint64_t interval_ns;
    // As in `rh_log_settings`.
    uint64_t retain_age_ns;
    // As in `rh_log_settings`.
    uint64_t retain_bytes;
} rh_log_info;

// A record of a log. 40 bytes.
typedef struct rh_record {
    // Its first offset.
    uint64_t offset;
    // The time its writer gave it or that of its arrival, in nanoseconds since 1970.
    uint64_t time_ns;
    // What was appended, borrowed from the `rh_records`.
    const uint8_t *data;
    // Bytes of it.
    size_t len;
    // Offsets it spans; fewer than were appended if the log was truncated within them.
    uint32_t span;
    // 0.
    uint32_t reserved;
} rh_record;

// Where a socket or a peer is. 24 bytes.
typedef struct rh_address {
    // The IP address in the order of the network; of an IPv4 address the first four bytes count.
    uint8_t ip[16];
    // The scope of an IPv6 address that is of one link only; otherwise 0.
    uint32_t scope;
    // The port; 0 for one that is free.
    uint16_t port;
    // 4 or 6; 0 where there is no address.
    uint8_t version;
    // 0.
    uint8_t reserved;
} rh_address;

// Where datagrams came from. 56 bytes.
typedef struct rh_origin {
    // Who sent them; anybody can write anything here.
    struct rh_address source;
    // To which of this machine's addresses, without a port; of version 0 if the system did not tell. Answer from it
    // where there are several.
    struct rh_address destination;
    // The mark of explicit congestion notification: one of the `RH_ECN_` numbers.
    uint32_t ecn;
    // 0.
    uint32_t reserved;
} rh_origin;

// A connection's path and what was sent over it. Start from `RH_CONNECTION_INFO_INIT`.
typedef struct rh_connection_info {
    // The size of this structure.
    size_t struct_size;
    // Where the peer is at the moment.
    struct rh_address peer;
    // The smoothed round-trip time.
    uint64_t round_trip_ns;
    // The smallest one.
    uint64_t round_trip_min_ns;
    // Bytes that may be on their way at once.
    uint64_t congestion_window_bytes;
    // Times the window was made smaller.
    uint64_t congestion_events;
    // Bytes that a UDP datagram may have on the path.
    uint64_t mtu;
    // Bytes that an unreliable datagram may have; 0 if none can be sent.
    uint64_t datagram_bytes_max;
    // Packets sent.
    uint64_t packets_sent;
    // Packets given up as lost.
    uint64_t packets_lost;
    // UDP datagrams sent.
    uint64_t datagrams_sent;
    // Bytes in them.
    uint64_t bytes_sent;
    // UDP datagrams received.
    uint64_t datagrams_received;
    // Bytes in them.
    uint64_t bytes_received;
} rh_connection_info;

// How a QUIC endpoint is opened and behaves. Start from `RH_QUIC_SETTINGS_INIT`; 0 is the default of every field.
typedef struct rh_quic_settings {
    // The size of this structure.
    size_t struct_size;
    // 0, or some of `RH_SHARE_ADDRESS` (which needs a secret) and the `RH_QUIC_` flags.
    uint32_t flags;
    // How fast to send: one of the `RH_CONGESTION_` numbers.
    uint32_t congestion;
    // When clients must prove their address first: one of the `RH_RETRY_` numbers.
    uint32_t retry;
    // Bidirectional streams that a peer may have open at once.
    uint32_t bidirectional_streams;
    // The same for unidirectional streams.
    uint32_t unidirectional_streams;
    // Bidirectional ones of them that it may open from the start; it is allowed more as it uses them.
    uint32_t bidirectional_streams_initial;
    // The same for unidirectional ones.
    uint32_t unidirectional_streams_initial;
    // Unread bytes of one stream; the peer waits.
    uint32_t stream_bytes;
    // Bytes of a connection at its start, unread, and again unacknowledged.
    uint32_t connection_bytes_initial;
    // What these may grow to.
    uint32_t connection_bytes_max;
    // Unread datagrams of a connection in bytes, and as many unsent ones; the oldest are dropped.
    uint32_t datagram_bytes;
    // Bytes of a UDP datagram before discovery.
    uint16_t mtu_initial;
    // What discovery tries at most.
    uint16_t mtu_max;
    // Connections, closing ones included; beyond them new ones are refused.
    uint64_t connections;
    // Connections from clients whose handshake is not done; beyond them new ones are refused.
    uint64_t handshakes;
    // Connections that nobody took; beyond them new ones are refused.
    uint64_t accept_backlog;
    // What all connections are promised together, in bytes; beyond it new ones are refused.
    uint64_t shard_bytes;
    // A handshake that takes longer ends the connection.
    uint64_t handshake_timeout_ns;
    // A connection on which nothing was heard for this long ends; with `RH_FOREVER` only the peer's limit counts.
    uint64_t idle_timeout_ns;
    // How long one receive from a stream may wait; then it fails, and the stream is stopped with code 0. By default
    // for ever.
    uint64_t read_timeout_ns;
    // How long one send to a stream may wait for the peer, or for this side's limits, to allow more; then it fails,
    // and the stream is reset with code 0. By default for ever.
    uint64_t write_timeout_ns;
    // Something is sent when nothing was for this long; by default never.
    uint64_t keep_alive_ns;
    // The round-trip time that is assumed before it was measured.
    uint64_t rtt_initial_ns;
    // 32 random bytes that are kept secret, the same for all shards that share an address; none are drawn by the
    // library. Kept over a restart, they make peers notice it at once.
    struct rh_slice secret;
} rh_quic_settings;

// What a pool may hold, and for how long. Start from `RH_POOL_SETTINGS_INIT`; 0 is the default of every field.
typedef struct rh_pool_settings {
    // The size of this structure.
    size_t struct_size;
    // Connections to one server; at this bound they are shared.
    uint64_t connections_per_host;
    // Servers with connections; at this bound requests for others fail.
    uint64_t hosts;
    // A connection that nobody used for this long is closed.
    uint64_t idle_time_ns;
    // Whether the server of one that nobody used for this long still answers is found out first.
    uint64_t probe_after_ns;
    // How long it may take to answer.
    uint64_t probe_time_ns;
} rh_pool_settings;

// What a stream is. Start from `RH_STREAM_INFO_INIT`.
typedef struct rh_stream_info {
    // The size of this structure.
    size_t struct_size;
    // What carries it: one of the `RH_STREAM_` numbers.
    uint32_t kind;
    // Not 0 if this side may send.
    uint32_t can_send;
    // Not 0 if the peer may.
    uint32_t can_receive;
    // Not 0 if an earlier TLS session was resumed.
    uint32_t is_resumed;
    // Its number within a QUIC connection; otherwise 0.
    uint64_t number;
    // Where the peer was when the stream began; of version 0 if that is not known.
    struct rh_address peer;
} rh_stream_info;

// How TCP connections are opened and behave. Start from `RH_TCP_SETTINGS_INIT`; 0 is the default of every field.
// Times may be `RH_FOREVER`.
typedef struct rh_tcp_settings {
    // The size of this structure.
    size_t struct_size;
    // 0, or some of `RH_SHARE_ADDRESS`, `RH_TCP_DELAY` and `RH_TCP_NO_KEEP_ALIVE`.
    uint32_t flags;
    // A listener's: connections the kernel completes ahead; beyond them it ignores attempts.
    uint32_t backlog;
    // A listener's: connections open at once; beyond them new ones are reset.
    uint64_t connections;
    // A listener's: bytes that its streams may hold together; while they do, new ones are reset.
    uint64_t held_bytes;
    // Bytes of one write, the only one that a stream holds until the kernel has taken it.
    uint64_t write_bytes;
    // How long connecting may take.
    uint64_t connect_timeout_ns;
    // How long a TLS handshake may take.
    uint64_t handshake_timeout_ns;
    // How long one receive may wait; then the stream fails. By default for ever.
    uint64_t read_timeout_ns;
    // How long the peer may take for what was given to the kernel at once; then the stream fails. By default for
    // ever.
    uint64_t write_timeout_ns;
    // How long a stream that is received from may go without anything sent or received; then it fails. By default
    // for ever.
    uint64_t idle_timeout_ns;
    // How long a closed stream goes on trying to send what was written.
    uint64_t linger_ns;
    // Silence before the peer is asked whether it is still there.
    uint64_t keep_alive_idle_ns;
    // Time between such questions.
    uint64_t keep_alive_interval_ns;
    // Questions without an answer after which the connection fails.
    uint32_t keep_alive_probes;
    // A listener's: TLS handshakes in progress at once; beyond them new connections are reset.
    uint32_t handshakes;
} rh_tcp_settings;

// How a server or a client presents itself. Start from `RH_TLS_SETTINGS_INIT`. Everything is copied.
typedef struct rh_tls_settings {
    // The size of this structure.
    size_t struct_size;
    // Its certificates in PEM, its own first. A server must have one; a client shows it to servers that ask.
    struct rh_slice certificates;
    // The private key of the first certificate in PEM.
    struct rh_slice key;
    // Whose certificates count, in PEM. A client must have them; a server, if it asks clients for certificates.
    struct rh_slice roots;
    // The protocols it speaks (ALPN), best first, with commas between, such as `h3,h2`. NULL for none, which for
    // QUIC is refused by most peers.
    const char *protocols;
    // A server's: whether clients show certificates; one of the `RH_CLIENT_CERTIFICATES_` numbers.
    uint32_t client_certificates;
    // A server's: how it recognises returning clients; one of the `RH_RESUME_` numbers.
    uint32_t resumption;
    // Sessions that are remembered at most; 0 is the default.
    uint64_t sessions;
    // Not 0: a server takes early data over QUIC from sessions it remembers, once each; a client may send it. See
    // RFC 8446 section 8 before using it.
    uint32_t early_data;
    // 0.
    uint32_t reserved;
    // A server's with `RH_RESUME_TICKETS`: 32 random bytes that are kept secret; whoever has the same recognises the
    // tickets, also after a restart.
    struct rh_slice secret;
} rh_tls_settings;

// How a datagram socket is opened. Start from `RH_UDP_SETTINGS_INIT`; 0 is the default of every bound.
typedef struct rh_udp_settings {
    // The size of this structure.
    size_t struct_size;
    // 0 or `RH_SHARE_ADDRESS`.
    uint32_t flags;
    // Bytes the kernel may hold of what arrived.
    uint32_t receive_bytes;
    // Bytes the kernel may hold of what is to be sent.
    uint32_t send_bytes;
    // Transmissions on their way to the kernel; at this bound sending waits.
    uint32_t send_queue;
    // Arrivals that nobody has taken yet; at this bound they stay in the kernel.
    uint32_t receive_queue;
    // 0.
    uint32_t reserved;
} rh_udp_settings;

// A datagram to send, or several to the same peer. 80 bytes.
typedef struct rh_transmit {
    // Comes back with its completion.
    uint64_t user_data;
    // What to send.
    struct rh_slice data;
    // Where to.
    struct rh_address destination;
    // Which of this machine's addresses to send from; of version 0 to let the system choose. Its port does not
    // count.
    struct rh_address source;
    // Not 0 cuts `data` into datagrams of so many bytes, the last of which may be shorter: cheaper than one by one.
    uint32_t segment_bytes;
    // The mark of explicit congestion notification: one of the `RH_ECN_` numbers.
    uint32_t ecn;
} rh_transmit;

// Is told how far a check is: bytes done, and bytes that it may come to.
typedef void (*rh_progress_fn)(void *user, uint64_t done, uint64_t total);

// Is told one thing that was found, as a line of `len` bytes without an end; no NUL follows.
typedef void (*rh_note_fn)(void *user, const char *text, size_t len);

// What a check of a shard found. Start from `RH_VERIFICATION_INIT`.
typedef struct rh_verification {
    // The size of this structure.
    size_t struct_size;
    // One of the `RH_VERDICT_` numbers.
    uint32_t verdict;
    // 0.
    uint32_t reserved;
    // Intact frames.
    uint64_t frames;
    // Intact records, with those of the catalogue.
    uint64_t records;
    // Bytes of the intact frames.
    uint64_t bytes;
    // Places that are damaged.
    uint64_t damaged;
    // The first live position.
    uint64_t low_water;
    // Everything below is proven to have been durable.
    uint64_t durable_upto;
    // Where the write-ahead log ends.
    uint64_t end;
} rh_verification;

// What a repair did. Start from `RH_REPAIR_INIT`.
typedef struct rh_repair {
    // The size of this structure.
    size_t struct_size;
    // One of the `RH_REPAIR_` numbers.
    uint32_t outcome;
    // 0.
    uint32_t reserved;
    // Intact records behind the cut, which are lost with it.
    uint64_t lost_records;
    // Bytes of intact frames behind the cut.
    uint64_t lost_bytes;
    // Files in quarantine.
    uint64_t quarantined;
    // Slot files that were missing and are empty ones now.
    uint64_t recreated;
} rh_repair;

// Is given a record that was salvaged. `name` is that of its log, `name_len` bytes, or NULL if it is not known;
// both it and the record are borrowed until the function returns.
typedef void (*rh_salvage_fn)(void *user,
                              uint32_t log,
                              const char *name,
                              size_t name_len,
                              const struct rh_record *record);

// Is told what the engine does: `level` is one of the `RH_LEVEL_` numbers, `text` a line without an end, which has
// `len` bytes and ends with a NUL. Called on the threads of the engine's shards, several at once, and on those that
// open it: it must not block or throw, and call nothing of the library's.
typedef void (*rh_diagnostics_fn)(void *user, int level, const char *text, size_t len);

// An operation of a queue completed, or got one step further. 64 bytes.
typedef struct rh_completion {
    // What the operation was submitted with.
    uint64_t user_data;
    // What it came to: `RH_OK` or more as the operation documents, or an `RH_E_` number;
    // `rh_queue_error` then gives the message.
    int64_t result;
    // Which operation: one of the `RH_OP_` numbers.
    uint32_t op;
    // `RH_CQ_MORE` if the operation goes on and completes again, otherwise 0.
    uint32_t flags;
    // The handle that the operation made, for the program to end; otherwise NULL.
    void *handle;
    // A second number, as the operation documents; after a failure, the number of its message.
    uint64_t detail;
    // Bytes that came with it, borrowed from `handle`; otherwise NULL.
    const uint8_t *data;
    // How many.
    size_t len;
    // 0.
    uint64_t reserved;
} rh_completion;

// It went well.
#define RH_OK 0

// The caller broke the contract: an argument is NULL, out of bounds or of another kind. Nothing happened.
#define RH_E_INVALID -1

// A limit on memory, threads or file descriptors is reached; the message names it and the remedy.
#define RH_E_NOMEM -2

// The queue has as many operations as its depth, or appends hold what may wait: take completions, submit again.
#define RH_E_FULL -3

// There is no such thing.
#define RH_E_NOT_FOUND -4

// The handle, or the engine behind it, is closed.
#define RH_E_CLOSED -5

// The operation was canceled by `rh_queue_cancel`.
#define RH_E_CANCELED -6

// The time given for it passed.
#define RH_E_TIMEOUT -7

// The system refused something; `sys_errno` says what.
#define RH_E_IO -8

// Data that was acknowledged is damaged; see `rh_store_verify`. Nothing was changed.
#define RH_E_CORRUPT -9

// Header, library or format on disk do not fit one another.
#define RH_E_VERSION -10

// Somebody else uses it: another process the directory, operations the queue.
#define RH_E_BUSY -11

// The kernel lacks or forbids what is needed; the message says what and the remedy.
#define RH_E_UNSUPPORTED -12

// The peer of a connection caused it.
#define RH_E_PEER -13

// A defect of the library. What was used is unusable from now on; the process goes on.
#define RH_E_PANIC -14

// There is one of that name already.
#define RH_E_EXISTS -15

// The store is full. Trim logs or give it more room, then append again; reopening is not needed.
#define RH_E_NO_SPACE -16

// An offset lies beyond the end of the log or outside of it; `detail` is the nearest valid one.
#define RH_E_RANGE -17

// The offset was trimmed; `detail` is the first there is.
#define RH_E_TRIMMED -18

// A record, batch or buffer is larger, or smaller, than possible; `detail` is the limit.
#define RH_E_SIZE -19

// The log was deleted.
#define RH_E_DELETED -20

// A durable write failed and the store stopped. What was acknowledged can be read; close and open again.
#define RH_E_FAILED -21

// An option is unknown or has an impossible value, or the document is not TOML. Nothing was changed.
#define RH_E_OPTION -22

// The handle was made before this process was forked off. Only its parent can use it.
#define RH_E_FORKED -23

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Opens the store in `directory`, which is created if it is missing, with threads of the library's own: one
// per shard. `options` may be NULL for the defaults, and are copied. `flags` is 0 or `RH_OPEN_EXISTING`.
//
// This one call blocks, for as long as it takes to read what the store consists of.
//
// Errors: `RH_E_BUSY` if another process or engine has the directory, `RH_E_UNSUPPORTED` or `RH_E_NOMEM` if
// there can be no ring (the message has the remedy), `RH_E_NOT_FOUND` with `RH_OPEN_EXISTING`,
// `RH_E_CORRUPT`, `RH_E_VERSION`, `RH_E_OPTION`, `RH_E_IO`, `RH_E_INVALID`; nothing is left running.
// Ended by `rh_engine_close`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_engine_open(const char *directory,
                         const struct rh_options *options,
                         uint32_t flags,
                         struct rh_engine **out,
                         struct rh_error *error);

// Closes an engine, without waiting: its handle is closed at once, what was accepted before is still made durable
// and completes, later operations on its logs fail with `RH_E_CLOSED`. When all that is done and the directory free,
// an `RH_OP_CLOSE` completes in `queue`, with the first error if a shard could not be closed in order.
// Handles of its logs are closed by `rh_log_close`, before or after. NULL is fine, and does nothing.
//
// With `queue` NULL nobody is told; an engine whose shards the program turns needs one, and closes while they are
// turned and completions taken. A program that ends before closing has ended loses what was not yet
// completed.
//
// Errors: `RH_E_FULL` if the queue is, `RH_E_NOMEM` if no thread can be had for it, `RH_E_INVALID`, `RH_E_CLOSED`,
// `RH_E_FORKED`; the engine is open as before then. Any thread.
RH_API
rh_status rh_engine_close(struct rh_engine *engine,
                          const struct rh_queue *queue,
                          uint64_t user_data,
                          struct rh_error *error);

// How many shards the engine has, or an error, which is negative.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API RH_NODISCARD int32_t rh_engine_shards(const struct rh_engine *engine, struct rh_error *error);

// Gives the directory of the engine, as `rh_options_get` gives a value.
//
// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_engine_directory(const struct rh_engine *engine,
                              char *buffer,
                              size_t cap,
                              size_t *len,
                              struct rh_error *error);

// Gives the identity of the store, which it keeps for life: 16 bytes to `out`.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_engine_store_id(const struct rh_engine *engine,
                             uint8_t *out,
                             struct rh_error *error);

// Gives the names of all logs in order, one a line, as `rh_options_get` gives a value.
//
// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_engine_log_names(const struct rh_engine *engine,
                              char *buffer,
                              size_t cap,
                              size_t *len,
                              struct rh_error *error);

// Opens the store in `directory` without threads of the library's: the program turns the shards, which are one
// per processor unless the option `shards` says how many. It gets them in `shards`, an array of `cap`, and how
// many in `count`. Each is started by `rh_shard_start` on the thread that is to turn it, then turned.
//
// Completes as `RH_OP_OPEN`, while the shards are turned, with the `rh_engine` as `handle`, or with what
// `rh_engine_open` fails with. Turn the shards until they are closed then too.
//
// Errors: `RH_E_SIZE` if the array is too short (`detail` says for how many), `RH_E_OPTION`, `RH_E_FULL`,
// `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_engine_open_hosted(const char *directory,
                                const struct rh_options *options,
                                uint32_t flags,
                                const struct rh_queue *queue,
                                uint64_t user_data,
                                struct rh_shard **shards,
                                uint32_t cap,
                                uint32_t *count,
                                struct rh_error *error);

// Starts a shard on this thread, which alone may use it from now on.
//
// Errors: `RH_E_UNSUPPORTED` if it cannot have a ring (the `RH_OP_OPEN` says why), `RH_E_INVALID` if it was started
// before, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`.
RH_API
RH_NODISCARD
rh_status rh_shard_start(struct rh_shard *shard,
                         struct rh_error *error);

// The descriptor to watch, by levels or edges, while the shard need not be turned; or an error, which is
// negative. Do not read from it or close it.
//
// Errors: `RH_E_INVALID` (also on another thread than the one that started it), `RH_E_CLOSED`, `RH_E_FORKED`,
// `RH_E_PANIC`. The shard's thread.
RH_API RH_NODISCARD int rh_shard_fd(struct rh_shard *shard, struct rh_error *error);

// Does what there is to do, at most `budget` turns of the shard's loop, and never sleeps. If `out` says that it
// has work, call again soon; otherwise sleep until the descriptor is readable or the deadline has passed. Call
// it at least once before every sleep, and after operations were submitted on this thread.
//
// Errors: `RH_E_IO` if the ring broke (free the shard), `RH_E_INVALID` (also on another thread, and for a budget of
// 0), `RH_E_BUSY` from within a turn, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. The shard's thread.
RH_API
RH_NODISCARD
rh_status rh_shard_turn(struct rh_shard *shard,
                        uint32_t budget,
                        struct rh_turn *out,
                        struct rh_error *error);

// Ends a shard, which is no longer turned. NULL is fine.
//
// Errors: `RH_E_BUSY` while the engine is open or opening: close it, and turn the shard until it is closed;
// `RH_E_INVALID` (also on another thread), `RH_E_CLOSED`, `RH_E_FORKED`. The shard's thread, if it was started.
RH_API
rh_status rh_shard_free(struct rh_shard *shard,
                        struct rh_error *error);

// Asks what the store of a shard is now. `out`, whose `struct_size` must be set, is borrowed until the
// completion.
//
// Completes as `RH_OP_STORE_INFO` with `out` filled, or `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_engine_get_info(const struct rh_engine *engine,
                             const struct rh_queue *queue,
                             uint32_t shard,
                             struct rh_store_info *out,
                             uint64_t user_data,
                             struct rh_error *error);

// Waits `after_ns` nanoseconds by the clock of a shard.
//
// Completes as `RH_OP_TIMER` when they have passed, or `RH_E_CLOSED`. `rh_queue_cancel` ends it before.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_engine_timer(const struct rh_engine *engine,
                          const struct rh_queue *queue,
                          uint32_t shard,
                          uint64_t after_ns,
                          uint64_t user_data,
                          struct rh_error *error);

// Appends `count` records at consecutive offsets, all or none, behind every earlier append of this thread to
// the log. With `RH_COPY` in `flags` the records are copied; without it their bytes are borrowed until the
// completion, but the array of slices is not.
//
// Completes as `RH_OP_APPEND` with the first offset as `result` when they are as durable as the log asks for,
// or: `RH_E_NO_SPACE`, `RH_E_SIZE`, `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`, or `RH_E_FULL` if appends hold
// the option `append_memory` already. Appends to one log complete in one queue in the order of their submission.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_append(const struct rh_log *log,
                        const struct rh_queue *queue,
                        const struct rh_slice *records,
                        uint32_t count,
                        uint32_t flags,
                        uint64_t user_data,
                        struct rh_error *error);

// Appends one record that spans `span` offsets, such as a batch that the program packed itself. `time_ns` is
// its time in nanoseconds since 1970, or 0 for that of its arrival.
//
// Otherwise as `rh_log_append`; completes with `RH_E_INVALID` if it can't span so many. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_append_spanning(const struct rh_log *log,
                                 const struct rh_queue *queue,
                                 struct rh_slice record,
                                 uint32_t span,
                                 uint64_t time_ns,
                                 uint32_t flags,
                                 uint64_t user_data,
                                 struct rh_error *error);

// Submits up to `count` appends of one record each, every one with a completion of its own, and returns how
// many there was room for, or an error, which is negative. Cheaper than one call for each.
//
// Otherwise as `rh_log_append`; `RH_E_FULL` if there was room for none. Any thread.
RH_API
RH_NODISCARD
int32_t rh_log_append_many(const struct rh_log *log,
                           const struct rh_queue *queue,
                           const struct rh_append *appends,
                           uint32_t count,
                           uint32_t flags,
                           struct rh_error *error);

// Makes everything appended so far durable, whatever the durability of the log.
//
// Completes as `RH_OP_SYNC` with where the log ended as `result`, or: `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_sync(const struct rh_log *log,
                      const struct rh_queue *queue,
                      uint64_t user_data,
                      struct rh_error *error);

// Gives up the records before offset `start`; nothing happens if the log starts there or later. Space comes
// back by whole segments.
//
// Completes as `RH_OP_TRIM` when that is durable, or: `RH_E_RANGE`, `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_trim(const struct rh_log *log,
                      const struct rh_queue *queue,
                      uint64_t start,
                      uint64_t user_data,
                      struct rh_error *error);

// Gives up the records from offset `end` on; the next record gets offset `end`.
//
// Completes as `RH_OP_TRUNCATE` when that is durable, or: `RH_E_RANGE`, `RH_E_NO_SPACE` if the log was truncated
// too often, `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_truncate(const struct rh_log *log,
                          const struct rh_queue *queue,
                          uint64_t end,
                          uint64_t user_data,
                          struct rh_error *error);

// Gives the log other settings: its durability, unless that is `RH_DURABILITY_DEFAULT`, and its retention.
//
// Completes as `RH_OP_CONFIGURE` when they are durable, or: `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_configure(const struct rh_log *log,
                           const struct rh_queue *queue,
                           const struct rh_log_settings *settings,
                           uint64_t user_data,
                           struct rh_error *error);

// Deletes the log with its records. Appends on their way complete with `RH_E_DELETED`. The handle stays, to
// be closed as ever.
//
// Completes as `RH_OP_DELETE` when that is durable, or: `RH_E_DELETED`, `RH_E_CLOSED`, `RH_E_FAILED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_delete(const struct rh_log *log,
                        const struct rh_queue *queue,
                        uint64_t user_data,
                        struct rh_error *error);

// Asks what a log is now. `out`, whose `struct_size` must be set, is borrowed until the completion.
//
// Completes as `RH_OP_LOG_INFO` with `out` filled, or: `RH_E_NOT_FOUND` if it was deleted, `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_get_info(const struct rh_log *log,
                          const struct rh_queue *queue,
                          struct rh_log_info *out,
                          uint64_t user_data,
                          struct rh_error *error);

// Gives the name of a log, as `rh_options_get` gives a value.
//
// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_name(const struct rh_log *log,
                      char *buffer,
                      size_t cap,
                      size_t *len,
                      struct rh_error *error);

// Opens or creates a log, as `mode` says. `settings` count when it is created; NULL is the default.
//
// Completes as `RH_OP_LOG_OPEN` with the `rh_log` as `handle`, or: `RH_E_NOT_FOUND`, `RH_E_EXISTS`, `RH_E_NO_SPACE`,
// `RH_E_INVALID` (a name that can't be), `RH_E_FAILED`, `RH_E_CLOSED`. What it creates is durable then.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_open(const struct rh_engine *engine,
                      const struct rh_queue *queue,
                      const char *name,
                      uint32_t mode,
                      const struct rh_log_settings *settings,
                      uint64_t user_data,
                      struct rh_error *error);

// Ends the handle of a log. Operations under way go on and complete. Never waits. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API rh_status rh_log_close(struct rh_log *log, struct rh_error *error);

// Reads records from offset `from` on, up to `bytes_max` bytes but at least one record; none at the end of
// the log.
//
// Completes as `RH_OP_READ` with the `rh_records` as `handle`, to be freed even if it has none, how many it has
// as `result` and the offset to go on from as `detail`; or: `RH_E_TRIMMED`, `RH_E_RANGE`, `RH_E_DELETED`,
// `RH_E_CORRUPT`, `RH_E_IO`, `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_read(const struct rh_log *log,
                      const struct rh_queue *queue,
                      uint64_t from,
                      size_t bytes_max,
                      uint64_t user_data,
                      struct rh_error *error);

// Reads records from offset `from` on and, at the end of the log, those that are appended later, in batches of
// up to `batch_bytes` bytes but at least one record; 0 is 256 KiB. There are as many completions as `credits`, and as
// `rh_queue_credit` adds; nothing is read ahead but one batch.
//
// Each completes as `RH_OP_FOLLOW` like `rh_log_read`, with `RH_CQ_MORE`. The first error, or `rh_queue_cancel`,
// ends it with a completion without `RH_CQ_MORE`, which takes a credit too unless it is canceled.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_follow(const struct rh_log *log,
                        const struct rh_queue *queue,
                        uint64_t from,
                        size_t batch_bytes,
                        uint32_t credits,
                        uint64_t user_data,
                        struct rh_error *error);

// Finds the first offset of the first record with the time `time_ns`, nanoseconds since 1970, or a later one.
//
// Completes as `RH_OP_OFFSET_AT` with it as `result`, or: `RH_E_NOT_FOUND` if every record is earlier,
// `RH_E_DELETED`, `RH_E_CORRUPT`, `RH_E_IO`, `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_log_offset_at(const struct rh_log *log,
                           const struct rh_queue *queue,
                           uint64_t time_ns,
                           uint64_t user_data,
                           struct rh_error *error);

// Gives the first of the records, which lie one behind the other, and how many there are; both are borrowed
// until `rh_records_free`.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_records_items(const struct rh_records *records,
                           const struct rh_record **first,
                           size_t *count,
                           struct rh_error *error);

// Gives records back. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API rh_status rh_records_free(struct rh_records *records, struct rh_error *error);

// Takes a snapshot of what the shards of an engine count and measure.
//
// Completes as `RH_OP_METRICS` with the `rh_metrics` as `handle`, or `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_engine_metrics(const struct rh_engine *engine,
                            const struct rh_queue *queue,
                            uint64_t user_data,
                            struct rh_error *error);

// Gives back a snapshot. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API rh_status rh_metrics_free(struct rh_metrics *metrics, struct rh_error *error);

// Gives how much the counter `name` came to since the engine was opened, on a shard or with `RH_ALL_SHARDS`.
//
// Errors: `RH_E_NOT_FOUND` if there is no such counter or shard, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any
// thread.
RH_API
RH_NODISCARD
rh_status rh_metrics_counter(const struct rh_metrics *metrics,
                             uint32_t shard,
                             const char *name,
                             uint64_t *out,
                             struct rh_error *error);

// Gives the names of all counters, one a line, as `rh_options_get` gives a value.
//
// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_metrics_counters(const struct rh_metrics *metrics,
                              char *buffer,
                              size_t cap,
                              size_t *len,
                              struct rh_error *error);

// Gives the append latency in nanoseconds, over all shards, that the fraction `quantile` of appends did not
// exceed, such as 0.99: from the first record put into a frame until that is written, and durable if it was to be.
//
// Errors: `RH_E_INVALID` (also for a fraction outside 0 to 1), `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_metrics_append_latency(const struct rh_metrics *metrics,
                                    double quantile,
                                    uint64_t *out,
                                    struct rh_error *error);

// Gives all of it as OpenMetrics text of `len` bytes, borrowed until `rh_metrics_free`; no NUL follows.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_metrics_openmetrics(const struct rh_metrics *metrics,
                                 const char **out,
                                 size_t *len,
                                 struct rh_error *error);

// Reads an address such as `127.0.0.1:4433` or `[::1]:4433`. Names are not looked up.
//
// Errors: `RH_E_INVALID`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_address_parse(const char *text,
                           struct rh_address *out,
                           struct rh_error *error);

// Gives an address as a text that `rh_address_parse` reads, as `rh_options_get` gives a value. `RH_ADDRESS_BYTES`
// are enough for every one.
//
// Errors: `RH_E_SIZE`, `RH_E_INVALID`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_address_format(const struct rh_address *address,
                            char *buffer,
                            size_t cap,
                            size_t *len,
                            struct rh_error *error);

// Gives where the datagrams of a buffer came from.
//
// Errors: `RH_E_INVALID`, also for bytes that are no datagrams of `rh_udp_receive`; `RH_E_CLOSED`, `RH_E_FORKED`.
// Any thread.
RH_API
RH_NODISCARD
rh_status rh_buffer_origin(const struct rh_buffer *buffer,
                           struct rh_origin *out,
                           struct rh_error *error);

// Gives bytes back. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API rh_status rh_buffer_free(struct rh_buffer *buffer, struct rh_error *error);

// Opens a stream; `direction` is `RH_BIDIRECTIONAL` or `RH_UNIDIRECTIONAL`. Waits while the peer allows no more.
// The peer learns of it with the first bytes.
//
// Completes as `RH_OP_STREAM_OPEN` with the `rh_stream` as `handle` and its number as `detail`, or: `RH_E_PEER`,
// `RH_E_TIMEOUT`, `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_open_stream(const struct rh_connection *connection,
                                    const struct rh_queue *queue,
                                    uint32_t direction,
                                    uint64_t user_data,
                                    struct rh_error *error);

// Takes streams that the peer opened, of one direction: once with `credits` `RH_ONCE`, otherwise as many times as
// credits are given, as `rh_log_follow` does.
//
// Each completes as `RH_OP_STREAM_ACCEPT` like `rh_connection_open_stream`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_accept_stream(const struct rh_connection *connection,
                                      const struct rh_queue *queue,
                                      uint32_t direction,
                                      uint32_t credits,
                                      uint64_t user_data,
                                      struct rh_error *error);

// Sends an unreliable datagram (RFC 9221) as soon as there is room for it. Its bytes are borrowed until the
// completion, or copied with `RH_COPY` in `flags`.
//
// Completes as `RH_OP_DATAGRAM_SEND` when it is queued, or: `RH_E_SIZE` (`detail` is how many bytes can be sent at
// the moment), `RH_E_UNSUPPORTED` (the peer takes none), `RH_E_PEER`, `RH_E_TIMEOUT`, `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_send_datagram(const struct rh_connection *connection,
                                      const struct rh_queue *queue,
                                      struct rh_slice datagram,
                                      uint32_t flags,
                                      uint64_t user_data,
                                      struct rh_error *error);

// Receives unreliable datagrams: once with `credits` `RH_ONCE`, otherwise as many times as credits are given, as
// `rh_log_follow` does. When more arrive than are taken, the oldest are dropped.
//
// Each completes as `RH_OP_DATAGRAM_RECEIVE` with an `rh_buffer` as `handle` and how many bytes it has as
// `result`, or: `RH_E_PEER`, `RH_E_TIMEOUT`, `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_receive_datagram(const struct rh_connection *connection,
                                         const struct rh_queue *queue,
                                         uint32_t credits,
                                         uint64_t user_data,
                                         struct rh_error *error);

// Gives the protocol that both sides agreed on (ALPN), as `rh_options_get` gives a value; empty while the
// handshake of an early connection is under way.
//
// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_protocol(const struct rh_connection *connection,
                                 char *buffer,
                                 size_t cap,
                                 size_t *len,
                                 struct rh_error *error);

// Asks what is known of a connection. `out`, whose `struct_size` must be set, is borrowed until the completion.
//
// Completes as `RH_OP_CONNECTION_INFO` with `out` filled, or `RH_E_CLOSED` if it has ended.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_get_info(const struct rh_connection *connection,
                                 const struct rh_queue *queue,
                                 struct rh_connection_info *out,
                                 uint64_t user_data,
                                 struct rh_error *error);

// Gives a certificate that the peer showed, in DER, its own being number 0; borrowed until the handle is ended.
//
// Errors: `RH_E_NOT_FOUND` if there is none of that number, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`,
// `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_certificate(const struct rh_connection *connection,
                                    uint32_t number,
                                    struct rh_slice *out,
                                    struct rh_error *error);

// Waits for the handshake of a connection that was begun with `RH_EARLY`.
//
// Completes as `RH_OP_HANDSHAKE` with 1 as `result`, or with 0 if the server did not take early data: all streams
// opened so far are dead, and what was sent must be sent again. Or: `RH_E_PEER`, `RH_E_TIMEOUT`, `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_wait_handshake(const struct rh_connection *connection,
                                       const struct rh_queue *queue,
                                       uint64_t user_data,
                                       struct rh_error *error);

// Waits for the end of a connection.
//
// Completes as `RH_OP_CONNECTION_END` with the failure that ended it: `RH_E_PEER` (the error's `detail` is the
// code, if the peer closed it), `RH_E_TIMEOUT`, `RH_E_CLOSED` (this side did).
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_connection_wait_end(const struct rh_connection *connection,
                                 const struct rh_queue *queue,
                                 uint64_t user_data,
                                 struct rh_error *error);

// Ends a connection at once, and its handle: the peer is told `code`, below 2^62, and `reason`, which may be NULL,
// and what was not acknowledged may be lost (see `rh_stream_wait_acknowledged`). Operations under way complete.
// One of a pool is not used again. Never waits. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
rh_status rh_connection_close(struct rh_connection *connection,
                              uint64_t code,
                              const char *reason,
                              struct rh_error *error);

// Ends the handle of a connection, which goes on until its streams are ended and is then closed with code 0; one
// of a pool goes back there. Operations on it complete, with `RH_E_CLOSED` if they were not done. Never waits.
// NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
rh_status rh_connection_release(struct rh_connection *connection,
                                struct rh_error *error);

// Opens a QUIC endpoint on a shard, at `local`; port 0 is one that is free. With `tls` it lets clients in;
// otherwise it is NULL. `settings` may be NULL.
//
// Completes as `RH_OP_QUIC_OPEN` with the `rh_quic` as `handle`, or: `RH_E_IO` (`sys_errno` says why, such as an
// address in use), `RH_E_OPTION` (a setting is out of its range), `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_quic_open(const struct rh_engine *engine,
                       const struct rh_queue *queue,
                       uint32_t shard,
                       const struct rh_address *local,
                       const struct rh_tls_server *tls,
                       const struct rh_quic_settings *settings,
                       uint64_t user_data,
                       struct rh_error *error);

// Gives the address of an endpoint, with its port.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_quic_address(const struct rh_quic *quic,
                          struct rh_address *out,
                          struct rh_error *error);

// Takes connections of clients, their handshake done: once with `credits` `RH_ONCE`, otherwise as many times as
// credits are given, as `rh_log_follow` does.
//
// Each completes as `RH_OP_QUIC_ACCEPT` with an `rh_connection` as `handle`, or: `RH_E_INVALID` (the endpoint was
// opened without TLS), `RH_E_CLOSED`. Handshakes that fail are only counted.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_quic_accept(const struct rh_quic *quic,
                         const struct rh_queue *queue,
                         uint32_t credits,
                         uint64_t user_data,
                         struct rh_error *error);

// Connects to `address`, to a server that has a certificate for `name`, a DNS name or an address. `flags` is 0 or
// `RH_EARLY`.
//
// Completes as `RH_OP_QUIC_CONNECT` with the `rh_connection` as `handle`; `result` is 1 if the handshake is still
// under way, which only `RH_EARLY` brings about (`rh_connection_wait_handshake` then says what became of it). Or:
// `RH_E_PEER` (it refused, or its certificate is not trusted), `RH_E_TIMEOUT`, `RH_E_NOMEM` (a bound of the
// endpoint is reached), `RH_E_INVALID` (no such name or address can be), `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_quic_connect(const struct rh_quic *quic,
                          const struct rh_queue *queue,
                          const struct rh_address *address,
                          const struct rh_tls_client *tls,
                          const char *name,
                          uint32_t flags,
                          uint64_t user_data,
                          struct rh_error *error);

// Closes an endpoint with all of its connections, whose peers are told `code`, below 2^62, and `reason`, which may
// be NULL. Its handle is closed at once; operations under way complete. With `queue` NULL nobody is told when it
// is over. NULL is fine, and does nothing.
//
// Completes as `RH_OP_QUIC_CLOSE` when no connection is left, which takes a few round trips: close the engine
// after that, or peers may not hear of the end. Or `RH_E_CLOSED`, if the engine was.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`; the endpoint goes on then. Any thread.
RH_API
rh_status rh_quic_close(struct rh_quic *quic,
                        const struct rh_queue *queue,
                        uint64_t code,
                        const char *reason,
                        uint64_t user_data,
                        struct rh_error *error);

// Makes a pool of connections from an endpoint. `settings` may be NULL.
//
// Completes as `RH_OP_POOL_OPEN` with the `rh_pool` as `handle`, or `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_pool_open(const struct rh_quic *quic,
                       const struct rh_queue *queue,
                       const struct rh_tls_client *tls,
                       const struct rh_pool_settings *settings,
                       uint64_t user_data,
                       struct rh_error *error);

// Takes a connection to the server at `address` that has a certificate for `name`: one that nobody uses, else a
// new one, or, with as many as there may be, the one with the fewest users.
//
// Completes as `RH_OP_POOL_CONNECTION` with the `rh_connection` as `handle`; `rh_connection_release` gives it
// back. Or: `RH_E_NOMEM` (the pool has its servers), and what `rh_quic_connect` fails with.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_pool_connection(const struct rh_pool *pool,
                             const struct rh_queue *queue,
                             const struct rh_address *address,
                             const char *name,
                             uint64_t user_data,
                             struct rh_error *error);

// Opens connections to a server until `count` stand, or as many as there may be.
//
// Completes as `RH_OP_POOL_WARM_UP`, or with what `rh_pool_connection` fails with.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_pool_warm_up(const struct rh_pool *pool,
                          const struct rh_queue *queue,
                          const struct rh_address *address,
                          const char *name,
                          uint32_t count,
                          uint64_t user_data,
                          struct rh_error *error);

// Ends a pool: connections that nobody uses are closed, others go on. Operations under way complete. Never waits.
// NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
rh_status rh_pool_close(struct rh_pool *pool,
                        struct rh_error *error);

// Sends the bytes of `count` slices, at most `RH_SLICES_MAX`, behind those of earlier calls. `flags` is 0, or has
// `RH_COPY` (the bytes are copied instead of borrowed until the completion) or `RH_FINISH`, with which `count` may
// be 0.
//
// Completes as `RH_OP_STREAM_SEND` when the kernel or the QUIC connection has all of them, with how many that were
// as `result`, or: `RH_E_PEER` (it is gone, or stopped reading: `detail` is its code), `RH_E_TIMEOUT`,
// `RH_E_CLOSED` (also after the end), `RH_E_UNSUPPORTED` (only the peer sends here), `RH_E_IO`. A part may have
// been sent then. Not given up by `rh_queue_cancel`: close or reset the stream.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_stream_send(const struct rh_stream *stream,
                         const struct rh_queue *queue,
                         const struct rh_slice *slices,
                         uint32_t count,
                         uint32_t flags,
                         uint64_t user_data,
                         struct rh_error *error);

// Receives the next bytes, as many as there are: once with `credits` `RH_ONCE`, otherwise as many times as credits
// are given, as `rh_log_follow` does. What nobody asks for stays with the peer.
//
// Each completes as `RH_OP_STREAM_RECEIVE` with an `rh_buffer` as `handle` and how many bytes it has as `result`;
// at the end of the stream with 0, without a handle and for the last time; or: `RH_E_PEER` (it is gone, or reset
// the stream: `detail` is its code), `RH_E_TIMEOUT`, `RH_E_CLOSED`, `RH_E_UNSUPPORTED` (only this side sends
// here), `RH_E_IO`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_stream_receive(const struct rh_stream *stream,
                            const struct rh_queue *queue,
                            uint32_t credits,
                            uint64_t user_data,
                            struct rh_error *error);

// Waits until the peer has acknowledged a QUIC stream to the end that was sent with `RH_FINISH`.
//
// Completes as `RH_OP_STREAM_ACKNOWLEDGED`, or: `RH_E_PEER` (it stopped reading: `detail` is its code),
// `RH_E_TIMEOUT`, `RH_E_CLOSED`.
//
// Errors: `RH_E_UNSUPPORTED` for other streams, `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`,
// `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_stream_wait_acknowledged(const struct rh_stream *stream,
                                      const struct rh_queue *queue,
                                      uint64_t user_data,
                                      struct rh_error *error);

// Gives up what was not sent: a TCP connection is reset, the peer of a QUIC stream is told `code`, below 2^62.
//
// Errors: `RH_E_UNSUPPORTED` with TLS, whose streams can only be closed; `RH_E_INVALID`, `RH_E_CLOSED`,
// `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
rh_status rh_stream_reset(const struct rh_stream *stream,
                          uint64_t code,
                          struct rh_error *error);

// Stops receiving from a QUIC stream: what arrived is forgotten, and the peer is told `code`, below 2^62.
//
// Errors: `RH_E_UNSUPPORTED` for other streams, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any
// thread.
RH_API
rh_status rh_stream_stop(const struct rh_stream *stream,
                         uint64_t code,
                         struct rh_error *error);

// Sets the priority of a QUIC stream: those with more send first, equal ones take turns. It begins with 0.
//
// Errors: `RH_E_UNSUPPORTED` for other streams, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any
// thread.
RH_API
rh_status rh_stream_set_priority(const struct rh_stream *stream,
                                 int32_t priority,
                                 struct rh_error *error);

// Gives what a stream is. `out->struct_size` must be set.
//
// Errors: `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_stream_get_info(const struct rh_stream *stream,
                             struct rh_stream_info *out,
                             struct rh_error *error);

// Gives the protocol that both sides of a stream with TLS agreed on (ALPN), as `rh_options_get` gives a value;
// empty if there is none.
//
// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_stream_protocol(const struct rh_stream *stream,
                             char *buffer,
                             size_t cap,
                             size_t *len,
                             struct rh_error *error);

// Gives a certificate that the peer of a stream with TLS showed, in DER, its own being number 0; borrowed until
// `rh_stream_close`.
//
// Errors: `RH_E_NOT_FOUND` if there is none of that number, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`,
// `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_stream_certificate(const struct rh_stream *stream,
                                uint32_t number,
                                struct rh_slice *out,
                                struct rh_error *error);

// Closes a stream: in order if everything was sent, which for a QUIC stream takes `RH_FINISH`, otherwise it is
// reset with code 0. Operations under way complete, with `RH_E_CLOSED` if they were not done; bytes that the
// kernel is just sending it may go on sending for the settings' `linger_ns`, and their operation completes then.
// Never waits. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
rh_status rh_stream_close(struct rh_stream *stream,
                          struct rh_error *error);

// Accepts TCP connections at `local`, on a shard; port 0 is one that is free. With `tls` their streams are TLS
// streams whose handshake is done; otherwise it is NULL. `settings` may be NULL.
//
// Completes as `RH_OP_TCP_LISTEN` with the `rh_listener` as `handle`, or: `RH_E_IO` (`sys_errno` says why, such as
// an address in use), `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_tcp_listen(const struct rh_engine *engine,
                        const struct rh_queue *queue,
                        uint32_t shard,
                        const struct rh_address *local,
                        const struct rh_tls_server *tls,
                        const struct rh_tcp_settings *settings,
                        uint64_t user_data,
                        struct rh_error *error);

// Gives the address of a listener, with its port.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_listener_address(const struct rh_listener *listener,
                              struct rh_address *out,
                              struct rh_error *error);

// Takes connections: once with `credits` `RH_ONCE`, otherwise as many times as credits are given, as
// `rh_log_follow` does. Those that nobody takes wait in the kernel.
//
// Each completes as `RH_OP_TCP_ACCEPT` with an `rh_stream` as `handle`, or `RH_E_CLOSED`. Connections whose TLS
// handshake fails are only counted.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_listener_accept(const struct rh_listener *listener,
                             const struct rh_queue *queue,
                             uint32_t credits,
                             uint64_t user_data,
                             struct rh_error *error);

// Closes a listener. Its streams go on; connections that nobody took are reset, operations under way complete with
// `RH_E_CLOSED`. Never waits. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
rh_status rh_listener_close(struct rh_listener *listener,
                            struct rh_error *error);

// Connects to `address` from a shard. With `tls` the stream is a TLS stream to a server that has a certificate for
// `name`, a DNS name or an address; otherwise it is NULL, and the name does not count. `settings` may be NULL.
//
// Completes as `RH_OP_TCP_CONNECT` with the `rh_stream` as `handle`, or: `RH_E_PEER` (it refused, or its
// certificate is not trusted), `RH_E_TIMEOUT`, `RH_E_IO`, `RH_E_INVALID` (no such name can be), `RH_E_CLOSED`.
// Nothing is left of it then, also when it is canceled.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_tcp_connect(const struct rh_engine *engine,
                         const struct rh_queue *queue,
                         uint32_t shard,
                         const struct rh_address *address,
                         const struct rh_tls_client *tls,
                         const char *name,
                         const struct rh_tcp_settings *settings,
                         uint64_t user_data,
                         struct rh_error *error);

// Makes a server of certificates and their key.
//
// Errors: `RH_E_INVALID` if they cannot be used; the message says why. `RH_E_VERSION`. Ended by
// `rh_tls_server_free`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_tls_server_new(const struct rh_tls_settings *settings,
                            struct rh_tls_server **out,
                            struct rh_error *error);

// Has a server show another certificate from the next handshake on. Connections that stand are not disturbed.
//
// Errors: `RH_E_INVALID` if it cannot be used: the server goes on with the one it has. `RH_E_CLOSED`,
// `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_tls_server_replace(const struct rh_tls_server *server,
                                struct rh_slice certificates,
                                struct rh_slice key,
                                struct rh_error *error);

// Ends the handle of a server; what uses it goes on. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API rh_status rh_tls_server_free(struct rh_tls_server *server, struct rh_error *error);

// Makes a client that trusts roots.
//
// Errors: `RH_E_INVALID` if they cannot be used; the message says why. `RH_E_VERSION`. Ended by
// `rh_tls_client_free`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_tls_client_new(const struct rh_tls_settings *settings,
                            struct rh_tls_client **out,
                            struct rh_error *error);

// Ends the handle of a client; what uses it goes on. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API rh_status rh_tls_client_free(struct rh_tls_client *client, struct rh_error *error);

// Opens a datagram socket on a shard, at `local`; port 0 is one that is free. `settings` may be NULL.
//
// Completes as `RH_OP_UDP_OPEN` with the `rh_udp` as `handle`, or: `RH_E_IO` (`sys_errno` says why, such as an
// address in use), `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_VERSION`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_udp_open(const struct rh_engine *engine,
                      const struct rh_queue *queue,
                      uint32_t shard,
                      const struct rh_address *local,
                      const struct rh_udp_settings *settings,
                      uint64_t user_data,
                      struct rh_error *error);

// Gives the address of a socket, with its port.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_udp_address(const struct rh_udp *udp,
                         struct rh_address *out,
                         struct rh_error *error);

// Sends `count` datagrams, or trains of them, and returns how many there was room for in the queue, or an error,
// which is negative. The bytes are borrowed until the completion, or copied with `RH_COPY` in `flags`.
//
// Each completes as `RH_OP_UDP_SEND` when the kernel has taken it; with `RH_COPY`, when its turn has come. Nobody
// knows whether it arrives: what the network refuses is lost, and counted, like what it loses later. `RH_E_CLOSED`
// if the socket is.
//
// Errors: `RH_E_FULL` if there was room for none, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any
// thread.
RH_API
RH_NODISCARD
int32_t rh_udp_send(const struct rh_udp *udp,
                    const struct rh_queue *queue,
                    const struct rh_transmit *transmits,
                    uint32_t count,
                    uint32_t flags,
                    struct rh_error *error);

// Receives datagrams: once with `credits` `RH_ONCE`, otherwise as many times as credits are given, as
// `rh_log_follow` does. What arrives meanwhile waits, up to the socket's bounds.
//
// Each completes as `RH_OP_UDP_RECEIVE` with an `rh_buffer` as `handle`, of one datagram or a train from the same
// peer: `result` is how many, `detail` how many bytes each has but for the last; or: `RH_E_IO`, `RH_E_CLOSED`.
//
// Errors: `RH_E_FULL`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_udp_receive(const struct rh_udp *udp,
                         const struct rh_queue *queue,
                         uint32_t credits,
                         uint64_t user_data,
                         struct rh_error *error);

// Closes a socket. What was sent before is still sent; operations under way complete, with `RH_E_CLOSED` if they
// were not done. Never waits. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
rh_status rh_udp_close(struct rh_udp *udp,
                       struct rh_error *error);

// Gives to `out` how many shards the store in `directory` has. Like all functions `rh_store_`, this one
// blocks, takes the lock that keeps engines out, and works on this thread.
//
// Errors: `RH_E_NOT_FOUND` if there is no store, `RH_E_BUSY` while an engine has it, `RH_E_CORRUPT` if its
// superblock is unusable, `RH_E_VERSION`, `RH_E_UNSUPPORTED`, `RH_E_NOMEM`, `RH_E_IO`, `RH_E_INVALID`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_store_shards(const char *directory,
                          uint32_t *out,
                          struct rh_error *error);

// Reads everything that is live on a shard and checks it, and changes nothing. Each damaged place is given to
// `note`, the way to `progress`; both may be NULL, and get `user`. Damage is a verdict, no error.
//
// Errors: as `rh_store_shards`; `RH_E_INVALID` if there is no such shard. Any thread.
RH_API
RH_NODISCARD
rh_status rh_store_verify(const char *directory,
                          uint32_t shard,
                          rh_progress_fn progress,
                          rh_note_fn note,
                          void *user,
                          struct rh_verification *out,
                          struct rh_error *error);

// Says what a shard consists of, and changes nothing: each slot file, segment and log is a line for `note`, which
// gets `user`.
//
// Errors: as `rh_store_shards`; `RH_E_INVALID` if there is no such shard or `note` is NULL. Any thread.
RH_API
RH_NODISCARD
rh_status rh_store_inspect(const char *directory,
                           uint32_t shard,
                           rh_note_fn note,
                           void *user,
                           struct rh_error *error);

// Cuts the log of a shard at the first damage, after everything behind it was copied into quarantine; with
// `RH_DRY_RUN` in `flags` only says what it would do. The cut and each file in quarantine is a line for
// `note`, which may be NULL and gets `user`.
//
// Errors: as `rh_store_shards`; `RH_E_INVALID` if there is no such shard. Any thread.
RH_API
RH_NODISCARD
rh_status rh_store_repair(const char *directory,
                          uint32_t shard,
                          uint32_t flags,
                          rh_note_fn note,
                          void *user,
                          struct rh_repair *out,
                          struct rh_error *error);

// Gives every intact record of a shard to `visit`, with `user`, in the order in which they were appended, up to the
// first damage, or with `RH_SALVAGE_ALL` in `flags` behind it too: then what was trimmed, truncated or deleted may be
// among them. Changes nothing. Gives to `out` how many there were.
//
// Errors: as `rh_store_shards`; `RH_E_INVALID` if there is no such shard or `visit` is NULL. Any thread.
RH_API
RH_NODISCARD
rh_status rh_store_salvage(const char *directory,
                           uint32_t shard,
                           uint32_t flags,
                           rh_salvage_fn visit,
                           void *user,
                           uint64_t *out,
                           struct rh_error *error);

// Tries whether a store could live in `directory`, which must exist: creates a file for direct I/O, writes to it
// durably, and removes it.
//
// Errors: `RH_E_UNSUPPORTED` or `RH_E_NOMEM` if there can be no ring, `RH_E_IO` with the kernel's answer, which is
// `EINVAL` if the file system knows no direct I/O, `RH_E_INVALID`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_store_probe(const char *directory,
                         struct rh_error *error);

// Makes options with their defaults; docs/options.md and `rh_options_page` describe each.
//
// Errors: `RH_E_INVALID`, `RH_E_NOMEM`. Ended by `rh_options_free`. Any thread.
RH_API RH_NODISCARD rh_status rh_options_new(struct rh_options **out, struct rh_error *error);

// Ends options. Engines that were opened with them keep what they copied. NULL is fine.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API rh_status rh_options_free(struct rh_options *options, struct rh_error *error);

// Sets the option `key` to the written `value`, such as `"memory"` to `"1GiB"`. The option `preset` sets
// several others, so set it first.
//
// Errors: `RH_E_OPTION` for an unknown key or an impossible value, `RH_E_INVALID`, `RH_E_CLOSED`,
// `RH_E_FORKED`; nothing is changed then. Any thread.
RH_API
RH_NODISCARD
rh_status rh_options_set(struct rh_options *options,
                         const char *key,
                         const char *value,
                         struct rh_error *error);

// Gives the value of the option `key`, written so that `rh_options_set` reads it back, in the way of all texts:
// `len`, which may be NULL, becomes its length without the NUL; if `cap` has no room for both,
// `RH_E_SIZE` is returned and nothing else written.
//
// Errors: `RH_E_OPTION` for an unknown key, `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_options_get(const struct rh_options *options,
                         const char *key,
                         char *buffer,
                         size_t cap,
                         size_t *len,
                         struct rh_error *error);

// Replaces all options by the defaults as a TOML document changes them: lines of `key = value`.
//
// Errors: `RH_E_OPTION` with line and column, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`; nothing is changed
// then. Any thread.
RH_API
RH_NODISCARD
rh_status rh_options_load_toml(struct rh_options *options,
                               const char *toml,
                               struct rh_error *error);

// The same with a document in a file.
//
// Errors: those of `rh_options_load_toml`, and `RH_E_IO` if the file cannot be read. Any thread.
RH_API
RH_NODISCARD
rh_status rh_options_load_file(struct rh_options *options,
                               const char *path,
                               struct rh_error *error);

// Gives all options as a TOML document that `rh_options_load_toml` reads back, as `rh_options_get` gives a value.
//
// Errors: `RH_E_SIZE`, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_options_to_toml(const struct rh_options *options,
                             char *buffer,
                             size_t cap,
                             size_t *len,
                             struct rh_error *error);

// Applies the environment variables whose names start with `ROUNDHOUSE_`, such as `ROUNDHOUSE_MEMORY`.
// Nothing else in the library reads the environment.
//
// Errors: `RH_E_OPTION` for such a variable that sets no option or has an impossible value, `RH_E_INVALID`,
// `RH_E_CLOSED`, `RH_E_FORKED`; nothing is changed then. Any thread, while none sets variables.
RH_API RH_NODISCARD rh_status rh_options_load_environment(struct rh_options *options, struct rh_error *error);

// Says how many shards a store has that is created, if the option `shards` leaves it open; otherwise it is
// one per processor. A store that is there keeps its own number.
//
// Errors: `RH_E_OPTION` for 0, `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_options_set_new_store_shards(struct rh_options *options,
                                          uint16_t shards,
                                          struct rh_error *error);

// Has engines opened with these options tell `function` what they do, down to `level`, one of the `RH_LEVEL_`
// numbers. `user` is handed to it. NULL for nobody, which is the default.
//
// `function` and `user` must stay good until the closing of every such engine has completed.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_options_set_diagnostics(struct rh_options *options,
                                     int level,
                                     rh_diagnostics_fn function,
                                     void *user,
                                     struct rh_error *error);

// Gives the keys of all options, one a line, as `rh_options_get` gives a value.
//
// Errors: `RH_E_SIZE`. Any thread.
RH_API RH_NODISCARD rh_status rh_options_keys(char *buffer, size_t cap, size_t *len, struct rh_error *error);

// Gives the description of all options in Markdown, as `rh_options_get` gives a value.
//
// Errors: `RH_E_SIZE`. Any thread.
RH_API RH_NODISCARD rh_status rh_options_page(char *buffer, size_t cap, size_t *len, struct rh_error *error);

// Makes a completion queue. It belongs to no engine: any number of them may complete into it, and it may
// outlive them.
//
// `depth` is how many operations it takes, from 1 to `RH_QUEUE_DEPTH_MAX`: those that were accepted and
// whose last completion was not taken yet. Beyond it, submitting gives `RH_E_FULL`.
//
// Errors: `RH_E_INVALID`, `RH_E_NOMEM`, `RH_E_IO` (no descriptor left). Ended by `rh_queue_close`. Any thread.
RH_API
RH_NODISCARD
rh_status rh_queue_open(uint32_t depth,
                        struct rh_queue **out,
                        struct rh_error *error);

// Ends a queue, if nothing is in it. Never waits. NULL is fine.
//
// Errors: `RH_E_BUSY` while operations are under way or completions were not taken: their memory is still
// borrowed, so take them first; the queue goes on. `RH_E_INVALID`, `RH_E_CLOSED`. Any thread.
RH_API rh_status rh_queue_close(struct rh_queue *queue, struct rh_error *error);

// The descriptor of a queue, to be watched by `poll`, `epoll` or the like; or an error, which is negative.
//
// It is readable while there may be completions: a hint, so be ready to find none. Whoever waits for edges
// instead of levels takes completions until there are none. Do not read from it or close it. Before this
// is called for the first time, nothing is spent on it.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`. Any thread.
RH_API RH_NODISCARD int rh_queue_fd(const struct rh_queue *queue, struct rh_error *error);

// Takes up to `cap` completions and returns how many, or an error, which is negative. Never waits.
//
// Errors: `RH_E_INVALID`, `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread; each completion is taken once.
RH_API
RH_NODISCARD
int32_t rh_queue_poll(const struct rh_queue *queue,
                      struct rh_completion *out,
                      uint32_t cap,
                      struct rh_error *error);

// The same, but if there are none waits for the first at most `timeout_ns` nanoseconds; `RH_FOREVER` for
// as long as it takes. Returns 0 when the time has passed.
//
// Errors and threads as for `rh_queue_poll`. Not for a thread that turns shards: it would wait for itself.
RH_API
RH_NODISCARD
int32_t rh_queue_wait(const struct rh_queue *queue,
                      struct rh_completion *out,
                      uint32_t cap,
                      uint64_t timeout_ns,
                      struct rh_error *error);

// Gives the message of a completion that failed. The queue keeps as many as it is deep, at least 16.
//
// Errors: `RH_E_INVALID` if the completion is of no failure, `RH_E_NOT_FOUND` if its message is gone,
// `RH_E_CLOSED`, `RH_E_FORKED`; in these cases `out` is about them. Any thread.
RH_API
rh_status rh_queue_error(const struct rh_queue *queue,
                         const struct rh_completion *completion,
                         struct rh_error *out);

// Gives an operation up: it completes with `RH_E_CANCELED`, unless its completion is on its way already.
// What it had begun to change may happen nevertheless. Appends are never given up.
//
// Errors: `RH_E_NOT_FOUND` if no operation that can be given up has this `user_data`; `RH_E_INVALID`,
// `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API rh_status rh_queue_cancel(const struct rh_queue *queue, uint64_t user_data, struct rh_error *error);

// Lets an operation that completes many times, such as `rh_log_follow`, do so `credits` more times; if several
// have this `user_data`, each of them. Without credits an operation does not complete, even if it has come to an
// end: give it one then, or cancel it.
//
// Errors: `RH_E_NOT_FOUND` if there is none with this `user_data`, also because it has ended; `RH_E_INVALID`,
// `RH_E_CLOSED`, `RH_E_FORKED`, `RH_E_PANIC`. Any thread.
RH_API
rh_status rh_queue_credit(const struct rh_queue *queue,
                          uint64_t user_data,
                          uint32_t credits,
                          struct rh_error *error);

// The name of a status, such as `"RH_E_IO"`, and `"RH_E_UNKNOWN"` for a number that is none. The text
// is static. Any thread.
RH_API const char *rh_status_name(rh_status status);

// 1 if the engine has to be closed and opened again before the same can succeed, otherwise 0. Any
// thread.
RH_API int rh_status_is_fatal(rh_status status);

// 1 if the very same call may succeed later without anything being repaired, otherwise 0. Any thread.
RH_API int rh_status_is_retriable(rh_status status);

// The version of the library as `major * 1000000 + minor * 1000 + patch`. Before 1.0, header and library
// fit if major and minor are equal; from then on, if major is. Any thread.
RH_API uint32_t rh_version_number(void);

// The version of the library, such as `"0.1.0"`. The text is static. Any thread.
RH_API const char *rh_version_string(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ROUNDHOUSE_H */

/* What structures begin as. */
#define RH_LOG_SETTINGS_INIT { sizeof(rh_log_settings), 0, 0, 0, 0, 0, 0, 0 }
#define RH_LOG_INFO_INIT { sizeof(rh_log_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define RH_STORE_INFO_INIT { sizeof(rh_store_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define RH_VERIFICATION_INIT { sizeof(rh_verification), 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define RH_REPAIR_INIT { sizeof(rh_repair), 0, 0, 0, 0, 0, 0 }
#define RH_UDP_SETTINGS_INIT { sizeof(rh_udp_settings), 0, 0, 0, 0, 0, 0 }
#define RH_TCP_SETTINGS_INIT { sizeof(rh_tcp_settings), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define RH_TLS_SETTINGS_INIT \
    { sizeof(rh_tls_settings), { NULL, 0 }, { NULL, 0 }, { NULL, 0 }, NULL, 0, 0, 0, 0, 0, { NULL, 0 } }
#define RH_STREAM_INFO_INIT { sizeof(rh_stream_info), 0, 0, 0, 0, 0, { { 0 }, 0, 0, 0, 0 } }
#define RH_QUIC_SETTINGS_INIT \
    { sizeof(rh_quic_settings), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, { NULL, 0 } }
#define RH_CONNECTION_INFO_INIT \
    { sizeof(rh_connection_info), { { 0 }, 0, 0, 0, 0 }, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define RH_POOL_SETTINGS_INIT { sizeof(rh_pool_settings), 0, 0, 0, 0, 0 }
