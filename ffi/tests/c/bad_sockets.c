/* What programs do wrong with sockets: each mistake has the status and the message it must have, and nothing breaks. */
#include "sockets.h"

static rh_error error;

static void null_arguments(const rh_engine *engine, const rh_queue *queue)
{
    rh_address address = loopback(), none;
    rh_tls_server *server;
    rh_slice bytes = slice("x");
    rh_transmit transmit;
    char text[4];
    memset(&none, 0, sizeof none);
    memset(&transmit, 0, sizeof transmit);
    CHECK_FAILS(rh_address_parse(NULL, &address, &error), RH_E_INVALID, "text is NULL");
    CHECK_FAILS(rh_address_parse("localhost:1", &address, &error), RH_E_INVALID, "no address with a port");
    CHECK_FAILS(rh_address_format(&address, text, sizeof text, NULL, &error), RH_E_SIZE, "are needed");
    CHECK_FAILS(rh_udp_open(NULL, queue, 0, &address, NULL, 1, &error), RH_E_INVALID, "the engine is NULL");
    CHECK_FAILS(rh_udp_open(engine, NULL, 0, &address, NULL, 1, &error), RH_E_INVALID, "the queue is NULL");
    CHECK_FAILS(rh_udp_open(engine, queue, 0, NULL, NULL, 1, &error), RH_E_INVALID, "local is NULL");
    CHECK_FAILS(rh_udp_open(engine, queue, 0, &none, NULL, 1, &error), RH_E_INVALID, "its version is 0");
    CHECK_FAILS(rh_udp_open(engine, queue, 9, &address, NULL, 1, &error), RH_E_INVALID, "no shard 9");
    CHECK_FAILS(rh_udp_send(NULL, queue, &transmit, 1, 0, &error), RH_E_INVALID, "the UDP socket is NULL");
    CHECK_FAILS(rh_udp_receive(NULL, queue, 1, 1, &error), RH_E_INVALID, "the UDP socket is NULL");
    CHECK_FAILS(rh_tcp_listen(engine, queue, 0, NULL, NULL, NULL, 1, &error), RH_E_INVALID, "local is NULL");
    CHECK_FAILS(rh_listener_accept(NULL, queue, 1, 1, &error), RH_E_INVALID, "the listener is NULL");
    CHECK_FAILS(rh_tcp_connect(engine, queue, 0, NULL, NULL, NULL, NULL, 1, &error), RH_E_INVALID, "address is NULL");
    CHECK_FAILS(rh_stream_send(NULL, queue, &bytes, 1, 0, 1, &error), RH_E_INVALID, "the stream is NULL");
    CHECK_FAILS(rh_stream_receive(NULL, queue, 1, 1, &error), RH_E_INVALID, "the stream is NULL");
    CHECK_FAILS(rh_quic_accept(NULL, queue, 1, 1, &error), RH_E_INVALID, "the QUIC endpoint is NULL");
    CHECK_FAILS(rh_connection_open_stream(NULL, queue, 0, 1, &error), RH_E_INVALID, "the connection is NULL");
    CHECK_FAILS(rh_pool_connection(NULL, queue, &address, "x", 1, &error), RH_E_INVALID, "the pool is NULL");
    CHECK_FAILS(rh_buffer_origin(NULL, NULL, &error), RH_E_INVALID, "the buffer is NULL");
    CHECK_FAILS(rh_tls_server_new(NULL, &server, &error), RH_E_INVALID, "settings is NULL");
    CHECK_OK(rh_buffer_free(NULL, &error));
    CHECK_OK(rh_udp_close(NULL, &error));
    CHECK_OK(rh_listener_close(NULL, &error));
    CHECK_OK(rh_stream_close(NULL, &error));
    CHECK_OK(rh_quic_close(NULL, NULL, 0, NULL, 0, &error));
    CHECK_OK(rh_connection_close(NULL, 0, NULL, &error));
    CHECK_OK(rh_connection_release(NULL, &error));
    CHECK_OK(rh_pool_close(NULL, &error));
}

static void what_cannot_be_sent(const rh_engine *engine, const rh_queue *queue)
{
    rh_address local = loopback();
    rh_transmit transmit;
    rh_udp *udp;
    CHECK_OK(rh_udp_open(engine, queue, 0, &local, NULL, 1, &error));
    udp = take_handle(queue, RH_OP_UDP_OPEN, 1);
    memset(&transmit, 0, sizeof transmit);
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 1, 0, &error), RH_E_INVALID, "destination is no address");
    CHECK_OK(rh_udp_address(udp, &transmit.destination, &error));
    CHECK_FAILS(rh_udp_send(udp, queue, NULL, 1, 0, &error), RH_E_INVALID, "transmits is NULL");
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 0, 0, &error), RH_E_INVALID, "count is 0");
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 1, 8, &error), RH_E_INVALID, "no such flags: 0x8");
    transmit.ecn = 4;
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 1, 0, &error), RH_E_INVALID, "no ECN mark 4");
    transmit.ecn = 0;
    transmit.segment_bytes = 65536;
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 1, 0, &error), RH_E_INVALID, "no 65536 bytes");
    transmit.segment_bytes = 0;
    transmit.data.len = 1;
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 1, 0, &error), RH_E_INVALID, "is NULL, but not its length");
    transmit.data.len = 0;
    transmit.destination.version = 5;
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 1, 0, &error), RH_E_INVALID, "version 4 or 6, not 5");
    CHECK_FAILS(rh_stream_receive((const rh_stream *)(const void *)udp, queue, 1, 1, &error), RH_E_INVALID,
                "no handle of the kind: stream");
    CHECK_OK(rh_udp_close(udp, &error));
    CHECK_FAILS(rh_udp_receive(udp, queue, 1, 1, &error), RH_E_CLOSED, "the UDP socket is closed");
    CHECK_FAILS(rh_udp_send(udp, queue, &transmit, 1, 0, &error), RH_E_CLOSED, "the UDP socket is closed");
}

static void wrong_settings(const rh_engine *engine, const rh_queue *queue, const char *directory)
{
    rh_address local = loopback();
    rh_udp_settings udp = RH_UDP_SETTINGS_INIT;
    rh_tcp_settings tcp = RH_TCP_SETTINGS_INIT;
    rh_quic_settings quic = RH_QUIC_SETTINGS_INIT;
    rh_tls_settings tls = RH_TLS_SETTINGS_INIT;
    rh_tls_server *server;
    rh_tls_client *client;
    udp.struct_size = 0;
    CHECK_FAILS(rh_udp_open(engine, queue, 0, &local, &udp, 1, &error), RH_E_VERSION, "struct_size is 0");
    udp.struct_size = sizeof udp;
    udp.flags = 2;
    CHECK_FAILS(rh_udp_open(engine, queue, 0, &local, &udp, 1, &error), RH_E_INVALID, "no such flags: 0x2");
    tcp.flags = 64;
    CHECK_FAILS(rh_tcp_listen(engine, queue, 0, &local, NULL, &tcp, 1, &error), RH_E_INVALID, "no such flags: 0x40");
    quic.congestion = 7;
    CHECK_FAILS(rh_quic_open(engine, queue, 0, &local, NULL, &quic, 1, &error), RH_E_INVALID, "no congestion 7");
    quic.congestion = 0;
    quic.flags = RH_SHARE_ADDRESS;
    CHECK_FAILS(rh_quic_open(engine, queue, 0, &local, NULL, &quic, 1, &error), RH_E_INVALID, "need the same secret");
    quic.secret = slice("short");
    CHECK_FAILS(rh_quic_open(engine, queue, 0, &local, NULL, &quic, 1, &error), RH_E_INVALID, "32 bytes, not 5");
    quic.secret.len = 0;
    quic.flags = 0;
    quic.mtu_initial = 100;
    CHECK_OK(rh_quic_open(engine, queue, 0, &local, NULL, &quic, 1, &error));
    take_failed(queue, RH_OP_QUIC_OPEN, 1, RH_E_OPTION, "transport.mtu_initial is 100");
    CHECK_FAILS(rh_tls_server_new(&tls, &server, &error), RH_E_INVALID, "a server needs certificates");
    CHECK_FAILS(rh_tls_client_new(&tls, &client, &error), RH_E_INVALID, "no certificate");
    tls.certificates = read_pem(directory, "certificate.pem");
    tls.key = slice("no key");
    CHECK_FAILS(rh_tls_server_new(&tls, &server, &error), RH_E_INVALID, "no certificate or key found");
    tls.key = read_pem(directory, "key.pem");
    tls.resumption = RH_RESUME_TICKETS;
    CHECK_FAILS(rh_tls_server_new(&tls, &server, &error), RH_E_INVALID, "tickets need a secret");
    tls.resumption = 9;
    CHECK_FAILS(rh_tls_server_new(&tls, &server, &error), RH_E_INVALID, "no resumption 9");
    tls.resumption = 0;
    tls.protocols = "a,,b";
    CHECK_FAILS(rh_tls_server_new(&tls, &server, &error), RH_E_INVALID, "a name of 1 to 255 bytes, not 0");
    tls.protocols = NULL;
    tls.client_certificates = RH_CLIENT_CERTIFICATES_REQUIRED;
    CHECK_FAILS(rh_tls_server_new(&tls, &server, &error), RH_E_INVALID, "no certificate");
}

static void full_queue_and_unread_completions(const rh_engine *engine)
{
    rh_address local = loopback();
    rh_queue *queue = open_queue(1);
    rh_udp *udp;
    CHECK_OK(rh_udp_open(engine, queue, 0, &local, NULL, 1, &error));
    CHECK_FAILS(rh_udp_open(engine, queue, 0, &local, NULL, 1, &error), RH_E_FULL, "take completions first");
    CHECK_FAILS(rh_queue_close(queue, &error), RH_E_BUSY, "1 operations are in the queue");
    udp = take_handle(queue, RH_OP_UDP_OPEN, 1);
    CHECK_OK(rh_udp_receive(udp, queue, 8, 2, &error));
    CHECK_FAILS(rh_udp_receive(udp, queue, 8, 2, &error), RH_E_FULL, "take completions first");
    CHECK_OK(rh_udp_close(udp, &error));
    CHECK_FAILS(rh_queue_close(queue, &error), RH_E_BUSY, "1 operations are in the queue");
    take_failed(queue, RH_OP_UDP_RECEIVE, 2, RH_E_CLOSED, "closed");
    CHECK_OK(rh_queue_close(queue, &error));
}

int main(int argc, char **argv)
{
    rh_engine *engine;
    rh_queue *queue;
    CHECK(argc == 3);
    engine = open_engine(argv[1]);
    queue = open_queue(8);
    null_arguments(engine, queue);
    what_cannot_be_sent(engine, queue);
    wrong_settings(engine, queue, argv[2]);
    full_queue_and_unread_completions(engine);
    close_engine(engine, queue);
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
