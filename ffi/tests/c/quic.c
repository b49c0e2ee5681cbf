/* QUIC: what each function promises. */
#include "sockets.h"

static rh_error error;

/* Both ends of connections, on endpoints of their own. */
struct ends {
    const rh_engine *engine;
    rh_queue *queue;
    rh_quic *server, *client;
    rh_tls_client *tls;
    rh_address address;
};

static rh_quic *open_quic(const rh_engine *engine, const rh_queue *queue, const rh_tls_server *tls)
{
    rh_address local = loopback();
    CHECK_OK(rh_quic_open(engine, queue, 0, &local, tls, NULL, 1, &error));
    return take_handle(queue, RH_OP_QUIC_OPEN, 1);
}

static void connect_both(const struct ends *ends, rh_connection **ours, rh_connection **theirs)
{
    void *accepted = NULL, *connected = NULL;
    CHECK_OK(rh_quic_accept(ends->server, ends->queue, RH_ONCE, 1, &error));
    CHECK_OK(rh_quic_connect(ends->client, ends->queue, &ends->address, ends->tls, "localhost", 0, 2, &error));
    take_both(ends->queue, RH_OP_QUIC_CONNECT, &connected, RH_OP_QUIC_ACCEPT, &accepted);
    *ours = connected;
    *theirs = accepted;
}

static rh_stream *open_stream(const rh_connection *connection, const rh_queue *queue, uint32_t direction)
{
    CHECK_OK(rh_connection_open_stream(connection, queue, direction, 3, &error));
    return take_handle(queue, RH_OP_STREAM_OPEN, 3);
}

static rh_stream *accept_stream(const rh_connection *connection, const rh_queue *queue, uint32_t direction)
{
    CHECK_OK(rh_connection_accept_stream(connection, queue, direction, RH_ONCE, 4, &error));
    return take_handle(queue, RH_OP_STREAM_ACCEPT, 4);
}

static void streams_go_both_ways_or_one(const struct ends *ends)
{
    const rh_queue *queue = ends->queue;
    rh_connection *ours, *theirs;
    rh_stream *asked, *answering;
    rh_stream_info info = RH_STREAM_INFO_INIT;
    rh_slice bytes = slice("x"), certificate;
    char protocol[8];
    connect_both(ends, &ours, &theirs);
    CHECK_OK(rh_connection_protocol(theirs, protocol, sizeof protocol, NULL, &error));
    CHECK(strcmp(protocol, "test") == 0);
    CHECK_OK(rh_connection_certificate(ours, 0, &certificate, &error));
    CHECK(certificate.len > 100);
    asked = open_stream(ours, queue, RH_BIDIRECTIONAL);
    CHECK_OK(rh_stream_set_priority(asked, 7, &error));
    send_text(asked, queue, "question", RH_FINISH);
    answering = accept_stream(theirs, queue, RH_BIDIRECTIONAL);
    receive_text(answering, queue, "question");
    receive_end(answering, queue);
    send_text(answering, queue, "answer", RH_FINISH);
    receive_text(asked, queue, "answer");
    receive_end(asked, queue);
    CHECK_OK(rh_stream_wait_acknowledged(asked, queue, 5, &error));
    take_ok(queue, RH_OP_STREAM_ACKNOWLEDGED, 5);
    CHECK_OK(rh_stream_close(asked, &error));
    CHECK_OK(rh_stream_close(answering, &error));
    /* One way. */
    asked = open_stream(ours, queue, RH_UNIDIRECTIONAL);
    send_text(asked, queue, "told", 0);
    answering = accept_stream(theirs, queue, RH_UNIDIRECTIONAL);
    CHECK_OK(rh_stream_get_info(answering, &info, &error));
    CHECK(info.kind == RH_STREAM_QUIC && !info.can_send && info.can_receive && info.number == 2);
    CHECK_OK(rh_stream_send(answering, queue, &bytes, 1, 0, 6, &error));
    take_failed(queue, RH_OP_STREAM_SEND, 6, RH_E_UNSUPPORTED, "does not go that way");
    receive_text(answering, queue, "told");
    /* The reader stops, the writer learns why; the writer resets, the reader learns why. */
    CHECK_OK(rh_stream_receive(answering, queue, RH_ONCE, 7, &error));
    CHECK_OK(rh_stream_reset(asked, 77, &error));
    take_failed(queue, RH_OP_STREAM_RECEIVE, 7, RH_E_PEER, "code 77");
    CHECK_OK(rh_stream_close(asked, &error));
    CHECK_OK(rh_stream_close(answering, &error));
    asked = open_stream(ours, queue, RH_BIDIRECTIONAL);
    send_text(asked, queue, "a", RH_FINISH);
    answering = accept_stream(theirs, queue, RH_BIDIRECTIONAL);
    CHECK_OK(rh_stream_stop(answering, 78, &error));
    CHECK_OK(rh_stream_wait_acknowledged(asked, queue, 8, &error));
    /* It may have been acknowledged before it was stopped. */
    CHECK(take(queue, RH_OP_STREAM_ACKNOWLEDGED, 8).result <= 0);
    CHECK_FAILS(rh_stream_stop(answering, (uint64_t)1 << 62, &error), RH_E_INVALID, "below 2^62");
    CHECK_OK(rh_stream_close(asked, &error));
    CHECK_OK(rh_stream_close(answering, &error));
    CHECK_OK(rh_connection_release(theirs, &error));
    CHECK_OK(rh_connection_close(ours, 0, NULL, &error));
}

static void datagrams_and_ends(const struct ends *ends)
{
    const rh_queue *queue = ends->queue;
    static uint8_t much[4096];
    rh_connection *ours, *theirs;
    rh_connection_info info = RH_CONNECTION_INFO_INIT;
    rh_slice bytes = slice("datagram");
    rh_completion completion;
    rh_origin origin;
    connect_both(ends, &ours, &theirs);
    CHECK_OK(rh_connection_send_datagram(ours, queue, bytes, 0, 1, &error));
    take_ok(queue, RH_OP_DATAGRAM_SEND, 1);
    CHECK_OK(rh_connection_receive_datagram(theirs, queue, RH_ONCE, 2, &error));
    completion = take(queue, RH_OP_DATAGRAM_RECEIVE, 2);
    CHECK(completion.len == 8 && memcmp(completion.data, "datagram", 8) == 0);
    CHECK_FAILS(rh_buffer_origin(completion.handle, &origin, &error), RH_E_INVALID, "no datagrams of a UDP");
    CHECK_OK(rh_buffer_free(completion.handle, &error));
    bytes.data = much;
    bytes.len = sizeof much;
    CHECK_OK(rh_connection_send_datagram(ours, queue, bytes, RH_COPY, 3, &error));
    take_failed(queue, RH_OP_DATAGRAM_SEND, 3, RH_E_SIZE, "at most");
    CHECK_OK(rh_connection_get_info(ours, queue, &info, 4, &error));
    take_ok(queue, RH_OP_CONNECTION_INFO, 4);
    CHECK(info.peer.port == ends->address.port && info.packets_sent > 0 && info.datagram_bytes_max > 1000);
    /* Whoever waits for the end learns the code, whoever waits for anything else that it came. */
    CHECK_OK(rh_connection_wait_end(theirs, queue, 5, &error));
    CHECK_OK(rh_connection_close(ours, 99, "enough", &error));
    completion = take(queue, RH_OP_CONNECTION_END, 5);
    CHECK(completion.result == RH_E_PEER);
    CHECK_OK(rh_queue_error(queue, &completion, &error));
    CHECK(error.detail == 99 && strstr(error.message, "enough") != NULL);
    CHECK_OK(rh_connection_accept_stream(theirs, queue, RH_BIDIRECTIONAL, 3, 6, &error));
    take_failed(queue, RH_OP_STREAM_ACCEPT, 6, RH_E_PEER, "99");
    CHECK_OK(rh_connection_close(theirs, 0, NULL, &error));
    CHECK_FAILS(rh_connection_open_stream(theirs, queue, 0, 7, &error), RH_E_CLOSED, "the connection is closed");
}

static void a_known_server_is_sent_early_data(const struct ends *ends)
{
    const rh_queue *queue = ends->queue;
    rh_completion completion;
    rh_connection *ours;
    rh_connection *theirs;
    rh_stream *stream;
    CHECK_OK(rh_quic_connect(ends->client, queue, &ends->address, ends->tls, "localhost", RH_EARLY, 1, &error));
    completion = take(queue, RH_OP_QUIC_CONNECT, 1);
    CHECK(completion.result == 1);
    ours = completion.handle;
    stream = open_stream(ours, queue, RH_BIDIRECTIONAL);
    send_text(stream, queue, "early", RH_FINISH);
    CHECK_OK(rh_connection_wait_handshake(ours, queue, 2, &error));
    CHECK(take_ok(queue, RH_OP_HANDSHAKE, 2) == 1);
    CHECK_OK(rh_quic_accept(ends->server, queue, RH_ONCE, 3, &error));
    theirs = take_handle(queue, RH_OP_QUIC_ACCEPT, 3);
    CHECK_OK(rh_stream_close(stream, &error));
    stream = accept_stream(theirs, queue, RH_BIDIRECTIONAL);
    receive_text(stream, queue, "early");
    CHECK_OK(rh_stream_close(stream, &error));
    CHECK_OK(rh_connection_release(theirs, &error));
    CHECK_OK(rh_connection_release(ours, &error));
}

/* A peer that says nothing, and takes nothing. */
static void waiting_ends_in_time(const struct ends *ends)
{
    const rh_queue *queue = ends->queue;
    static uint8_t much[4 << 20];
    struct ends impatient = *ends;
    rh_quic_settings settings = RH_QUIC_SETTINGS_INIT;
    rh_address local = loopback();
    rh_connection *ours, *theirs;
    rh_stream *stream;
    rh_slice bytes;
    settings.read_timeout_ns = settings.write_timeout_ns = 20 * 1000 * 1000;
    CHECK_OK(rh_quic_open(ends->engine, queue, 0, &local, NULL, &settings, 1, &error));
    impatient.client = take_handle(queue, RH_OP_QUIC_OPEN, 1);
    connect_both(&impatient, &ours, &theirs);
    stream = open_stream(ours, queue, RH_BIDIRECTIONAL);
    CHECK_OK(rh_stream_receive(stream, queue, RH_ONCE, 2, &error));
    take_failed(queue, RH_OP_STREAM_RECEIVE, 2, RH_E_TIMEOUT, "");
    bytes.data = much;
    bytes.len = sizeof much;
    CHECK_OK(rh_stream_send(stream, queue, &bytes, 1, 0, 3, &error));
    take_failed(queue, RH_OP_STREAM_SEND, 3, RH_E_TIMEOUT, "");
    CHECK_OK(rh_stream_close(stream, &error));
    CHECK_OK(rh_connection_release(theirs, &error));
    CHECK_OK(rh_connection_close(ours, 0, NULL, &error));
    CHECK_OK(rh_quic_close(impatient.client, queue, 0, NULL, 4, &error));
    take_ok(queue, RH_OP_QUIC_CLOSE, 4);
}

static void a_pool_gives_the_same_connection_again(const struct ends *ends)
{
    const rh_queue *queue = ends->queue;
    rh_pool_settings settings = RH_POOL_SETTINGS_INIT;
    rh_connection *first;
    rh_pool *pool;
    int i;
    settings.connections_per_host = 1;
    CHECK_OK(rh_pool_open(ends->client, queue, ends->tls, &settings, 1, &error));
    pool = take_handle(queue, RH_OP_POOL_OPEN, 1);
    CHECK_OK(rh_pool_warm_up(pool, queue, &ends->address, "localhost", 1, 2, &error));
    take_ok(queue, RH_OP_POOL_WARM_UP, 2);
    for (i = 0; i < 2; i++) {
        rh_stream *stream;
        rh_stream_info info = RH_STREAM_INFO_INIT;
        CHECK_OK(rh_pool_connection(pool, queue, &ends->address, "localhost", 3, &error));
        first = take_handle(queue, RH_OP_POOL_CONNECTION, 3);
        stream = open_stream(first, queue, RH_UNIDIRECTIONAL);
        CHECK_OK(rh_stream_get_info(stream, &info, &error));
        CHECK(info.number == 2 + 4 * (uint64_t)i);
        CHECK_OK(rh_stream_close(stream, &error));
        CHECK_OK(rh_connection_release(first, &error));
    }
    CHECK_OK(rh_pool_connection(pool, queue, &ends->address, "elsewhere", 4, &error));
    take_failed(queue, RH_OP_POOL_CONNECTION, 4, RH_E_PEER, "");
    CHECK_OK(rh_pool_close(pool, &error));
}

int main(int argc, char **argv)
{
    struct ends ends;
    rh_engine *engine;
    rh_tls_server *tls;
    CHECK(argc == 3);
    ends.engine = engine = open_engine(argv[1]);
    ends.queue = open_queue(64);
    tls = make_server(argv[2]);
    ends.tls = make_client(argv[2]);
    ends.server = open_quic(engine, ends.queue, tls);
    ends.client = open_quic(engine, ends.queue, NULL);
    CHECK_OK(rh_quic_address(ends.server, &ends.address, &error));
    streams_go_both_ways_or_one(&ends);
    datagrams_and_ends(&ends);
    a_known_server_is_sent_early_data(&ends);
    waiting_ends_in_time(&ends);
    a_pool_gives_the_same_connection_again(&ends);
    CHECK_OK(rh_quic_accept(ends.client, ends.queue, RH_ONCE, 1, &error));
    take_failed(ends.queue, RH_OP_QUIC_ACCEPT, 1, RH_E_INVALID, "lets no clients in");
    CHECK_OK(rh_quic_close(ends.client, ends.queue, 5, "bye", 2, &error));
    take_ok(ends.queue, RH_OP_QUIC_CLOSE, 2);
    CHECK_FAILS(rh_quic_close(ends.client, NULL, 0, NULL, 0, &error), RH_E_CLOSED, "the QUIC endpoint is closed");
    CHECK_OK(rh_quic_close(ends.server, ends.queue, 0, NULL, 3, &error));
    take_ok(ends.queue, RH_OP_QUIC_CLOSE, 3);
    CHECK_OK(rh_tls_server_free(tls, &error));
    CHECK_OK(rh_tls_client_free(ends.tls, &error));
    close_engine(engine, ends.queue);
    CHECK_OK(rh_queue_close(ends.queue, &error));
    return 0;
}
