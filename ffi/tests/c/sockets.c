/* Datagrams and streams over TCP and TLS: what each function promises. */
#include "sockets.h"

static rh_error error;

static rh_udp *open_udp(const rh_engine *engine, const rh_queue *queue)
{
    rh_address local = loopback();
    CHECK_OK(rh_udp_open(engine, queue, 0, &local, NULL, 1, &error));
    return take_handle(queue, RH_OP_UDP_OPEN, 1);
}

static void datagrams_arrive_with_where_they_came_from(const rh_engine *engine, const rh_queue *queue)
{
    rh_udp *one = open_udp(engine, queue), *other = open_udp(engine, queue);
    rh_transmit transmits[2];
    rh_address from, to;
    rh_origin origin;
    size_t datagrams = 0;
    char text[RH_ADDRESS_BYTES];
    memset(transmits, 0, sizeof transmits);
    CHECK_OK(rh_udp_address(one, &from, &error));
    CHECK_OK(rh_udp_address(other, &to, &error));
    CHECK(to.version == 4 && to.port != 0);
    CHECK_OK(rh_address_format(&to, text, sizeof text, NULL, &error));
    CHECK(strncmp(text, "127.0.0.1:", 10) == 0);
    transmits[0].user_data = transmits[1].user_data = 2;
    transmits[0].data = slice("alone");
    transmits[1].data = slice("onetwoi");
    transmits[1].segment_bytes = 3;
    transmits[0].destination = transmits[1].destination = to;
    transmits[0].ecn = transmits[1].ecn = RH_ECN_ECT0;
    CHECK(rh_udp_send(one, queue, transmits, 2, 0, &error) == 2);
    CHECK(take_ok(queue, RH_OP_UDP_SEND, 2) == 5);
    CHECK(take_ok(queue, RH_OP_UDP_SEND, 2) == 7);
    /* Credits for as many arrivals as there can be; a train may arrive in one piece or in three. */
    CHECK_OK(rh_udp_receive(other, queue, 4, 3, &error));
    while (datagrams < 4) {
        rh_completion arrival = take(queue, RH_OP_UDP_RECEIVE, 3);
        CHECK(arrival.result > 0 && arrival.flags == RH_CQ_MORE && arrival.data != NULL);
        CHECK(datagrams > 0 || memcmp(arrival.data, "alone", 5) == 0);
        CHECK(arrival.detail == (datagrams == 0 ? 5 : datagrams == 3 ? 1 : 3));
        datagrams += (size_t)arrival.result;
        CHECK_OK(rh_buffer_origin(arrival.handle, &origin, &error));
        CHECK(memcmp(&origin.source, &from, sizeof from) == 0 && origin.ecn == RH_ECN_ECT0);
        CHECK(origin.destination.version == 4 && origin.destination.ip[0] == 127);
        CHECK_OK(rh_buffer_free(arrival.handle, &error));
    }
    /* What a canceled receive would have had is there for the next. */
    CHECK_OK(rh_queue_cancel(queue, 3, &error));
    take_failed(queue, RH_OP_UDP_RECEIVE, 3, RH_E_CANCELED, "canceled");
    CHECK(rh_udp_send(one, queue, transmits, 1, RH_COPY, &error) == 1);
    CHECK(take_ok(queue, RH_OP_UDP_SEND, 2) == 5);
    CHECK_OK(rh_udp_receive(other, queue, RH_ONCE, 4, &error));
    CHECK_OK(rh_buffer_free(take_handle(queue, RH_OP_UDP_RECEIVE, 4), &error));
    /* Closing completes what waits. */
    CHECK_OK(rh_udp_receive(other, queue, RH_ONCE, 5, &error));
    CHECK_OK(rh_udp_close(other, &error));
    take_failed(queue, RH_OP_UDP_RECEIVE, 5, RH_E_CLOSED, "closed");
    CHECK_OK(rh_udp_close(one, &error));
    CHECK_FAILS(rh_udp_close(one, &error), RH_E_CLOSED, "the UDP socket is closed");
}

/* Connects to a listener and takes both ends. */
static void connect_both(const rh_engine *engine, const rh_queue *queue, const rh_listener *listener,
                         const rh_tls_client *tls, rh_stream **ours, rh_stream **theirs)
{
    void *accepted = NULL, *connected = NULL;
    rh_address address;
    CHECK_OK(rh_listener_address(listener, &address, &error));
    CHECK_OK(rh_listener_accept(listener, queue, RH_ONCE, 1, &error));
    CHECK_OK(rh_tcp_connect(engine, queue, 0, &address, tls, tls == NULL ? NULL : "localhost", NULL, 2, &error));
    take_both(queue, RH_OP_TCP_CONNECT, &connected, RH_OP_TCP_ACCEPT, &accepted);
    *ours = connected;
    *theirs = accepted;
}

static rh_listener *listen_at(const rh_engine *engine, const rh_queue *queue, const rh_tls_server *tls)
{
    rh_address local = loopback();
    CHECK_OK(rh_tcp_listen(engine, queue, 0, &local, tls, NULL, 1, &error));
    return take_handle(queue, RH_OP_TCP_LISTEN, 1);
}

static void streams_carry_bytes_to_their_end(const rh_engine *engine, const rh_queue *queue, const char *directory)
{
    rh_tls_server *server = directory == NULL ? NULL : make_server(directory);
    rh_tls_client *client = directory == NULL ? NULL : make_client(directory);
    rh_listener *listener = listen_at(engine, queue, server);
    rh_stream_info info = RH_STREAM_INFO_INIT;
    rh_stream *ours, *theirs;
    rh_slice parts[3], certificate;
    char protocol[16];
    connect_both(engine, queue, listener, client, &ours, &theirs);
    CHECK_OK(rh_stream_get_info(ours, &info, &error));
    CHECK(info.kind == (directory == NULL ? RH_STREAM_TCP : RH_STREAM_TLS) && info.can_send && info.can_receive);
    CHECK(info.peer.version == 4 && info.peer.port != 0 && info.number == 0);
    CHECK_OK(rh_stream_protocol(theirs, protocol, sizeof protocol, NULL, &error));
    CHECK(strcmp(protocol, directory == NULL ? "" : "test") == 0);
    CHECK_FAILS(rh_stream_certificate(theirs, 0, &certificate, &error), RH_E_NOT_FOUND, "showed 0 certificates");
    if (directory != NULL) {
        CHECK_OK(rh_stream_certificate(ours, 0, &certificate, &error));
        CHECK(certificate.len > 100 && certificate.data[0] == 0x30);
    }
    parts[0] = slice("several ");
    parts[1].data = NULL;
    parts[1].len = 0;
    parts[2] = slice("pieces");
    CHECK_OK(rh_stream_send(ours, queue, parts, 3, 0, 3, &error));
    CHECK(take_ok(queue, RH_OP_STREAM_SEND, 3) == 14);
    receive_text(theirs, queue, "several pieces");
    send_text(theirs, queue, "answered", RH_COPY | RH_FINISH);
    receive_text(ours, queue, "answered");
    receive_end(ours, queue);
    CHECK_OK(rh_stream_send(ours, queue, NULL, 0, RH_FINISH, 4, &error));
    CHECK(take_ok(queue, RH_OP_STREAM_SEND, 4) == 0);
    receive_end(theirs, queue);
    CHECK_OK(rh_stream_send(ours, queue, parts, 3, 0, 5, &error));
    take_failed(queue, RH_OP_STREAM_SEND, 5, RH_E_PEER, "");
    CHECK_FAILS(rh_stream_stop(ours, 1, &error), RH_E_UNSUPPORTED, "only streams of QUIC connections");
    CHECK_OK(rh_stream_close(ours, &error));
    CHECK_OK(rh_stream_close(theirs, &error));
    CHECK_FAILS(rh_stream_close(theirs, &error), RH_E_CLOSED, "the stream is closed");
    CHECK_OK(rh_listener_accept(listener, queue, 3, 6, &error));
    CHECK_OK(rh_listener_close(listener, &error));
    take_failed(queue, RH_OP_TCP_ACCEPT, 6, RH_E_CLOSED, "closed");
    CHECK_OK(rh_tls_server_free(server, &error));
    CHECK_OK(rh_tls_client_free(client, &error));
}

static void peers_that_are_gone_are_told(const rh_engine *engine, const rh_queue *queue)
{
    static uint8_t much[8 << 20];
    rh_listener *listener = listen_at(engine, queue, NULL);
    rh_stream *ours, *theirs;
    rh_slice bytes;
    rh_address address;
    bytes.data = much;
    bytes.len = sizeof much;
    connect_both(engine, queue, listener, NULL, &ours, &theirs);
    /* More than anybody takes, so it is under way when the peer resets. */
    CHECK_OK(rh_stream_send(ours, queue, &bytes, 1, 0, 3, &error));
    CHECK_FAILS(rh_queue_cancel(queue, 3, &error), RH_E_NOT_FOUND, "user_data 3");
    CHECK_OK(rh_stream_reset(theirs, 0, &error));
    take_failed(queue, RH_OP_STREAM_SEND, 3, RH_E_PEER, "");
    CHECK_OK(rh_stream_receive(ours, queue, RH_ONCE, 4, &error));
    /* The kernel tells a reset once, and the sender had it. */
    CHECK(take(queue, RH_OP_STREAM_RECEIVE, 4).result <= 0);
    CHECK_OK(rh_stream_close(ours, &error));
    CHECK_OK(rh_stream_close(theirs, &error));
    /* A stream that is closed while it sends gives its memory back. */
    connect_both(engine, queue, listener, NULL, &ours, &theirs);
    CHECK_OK(rh_stream_send(ours, queue, &bytes, 1, 0, 3, &error));
    CHECK_OK(rh_stream_close(theirs, &error));
    CHECK_OK(rh_stream_close(ours, &error));
    CHECK(take(queue, RH_OP_STREAM_SEND, 3).result < 0);
    CHECK_OK(rh_listener_address(listener, &address, &error));
    CHECK_OK(rh_listener_close(listener, &error));
    /* Once the address is free, nobody answers there. */
    listener = listen_at(engine, queue, NULL);
    CHECK_OK(rh_listener_address(listener, &address, &error));
    CHECK_OK(rh_tcp_listen(engine, queue, 0, &address, NULL, NULL, 5, &error));
    take_failed(queue, RH_OP_TCP_LISTEN, 5, RH_E_IO, "in use");
    CHECK_OK(rh_listener_close(listener, &error));
}

int main(int argc, char **argv)
{
    rh_engine *engine;
    rh_queue *queue;
    rh_udp *udp;
    CHECK(argc == 3);
    engine = open_engine(argv[1]);
    queue = open_queue(64);
    datagrams_arrive_with_where_they_came_from(engine, queue);
    streams_carry_bytes_to_their_end(engine, queue, NULL);
    streams_carry_bytes_to_their_end(engine, queue, argv[2]);
    peers_that_are_gone_are_told(engine, queue);
    /* A socket outlives its engine as a handle only. */
    udp = open_udp(engine, queue);
    CHECK_OK(rh_udp_receive(udp, queue, 1, 7, &error));
    CHECK_OK(rh_engine_close(engine, NULL, 0, &error));
    take_failed(queue, RH_OP_UDP_RECEIVE, 7, RH_E_CLOSED, "the engine it is on, was closed");
    CHECK_OK(rh_udp_receive(udp, queue, RH_ONCE, 8, &error));
    take_failed(queue, RH_OP_UDP_RECEIVE, 8, RH_E_CLOSED, "closed");
    CHECK_OK(rh_udp_close(udp, &error));
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
