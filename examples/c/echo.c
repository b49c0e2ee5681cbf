/*
 * An echo server and client over UDP, TCP, TLS and QUIC:
 *
 *     echo serve DIRECTORY PROTOCOL ADDRESS COUNT [CERTIFICATE.pem KEY.pem]
 *     echo call DIRECTORY PROTOCOL ADDRESS TEXT [ROOTS.pem]
 *
 * The server prints its address, answers COUNT clients one after the other, and ends; the client prints the answer. TLS
 * and QUIC need certificates, of localhost. Each step waits for its completion; embed_epoll.c shows another way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roundhouse.h"

enum { DEPTH = 16, FILE_BYTES = 16384 };

static rh_error error;
static rh_queue *queue;
static rh_engine *engine;

static void check(int32_t status)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", rh_status_name(status), error.message);
        exit(1);
    }
}

/* Waits for the operation that was submitted, which must go well unless it is one that cannot. */
static rh_completion complete(rh_status submitted)
{
    rh_completion completion;
    check(submitted);
    check(rh_queue_wait(queue, &completion, 1, RH_FOREVER, &error));
    if (completion.result < 0 && completion.op != RH_OP_CONNECTION_END) {
        rh_queue_error(queue, &completion, &error);
        check(error.status);
    }
    return completion;
}

static rh_slice read_file(const char *path)
{
    static char room[2 * FILE_BYTES], *free_room = room;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    const rh_slice text = { (const uint8_t *)free_room, fread(free_room, 1, FILE_BYTES, file) };
    free_room += text.len;
    fclose(file);
    return text;
}

static void say(const rh_address *address)
{
    char text[RH_ADDRESS_BYTES];
    check(rh_address_format(address, text, sizeof text, NULL, &error));
    puts(text);
    fflush(stdout);
}

/* Sends back what comes on a stream, whatever it goes over, from where it lies, and then the end. */
static void echo(rh_stream *stream)
{
    rh_completion arrived;
    while ((arrived = complete(rh_stream_receive(stream, queue, RH_ONCE, 0, &error))).result > 0) {
        rh_slice slice = { arrived.data, arrived.len };
        complete(rh_stream_send(stream, queue, &slice, 1, 0, 0, &error));
        check(rh_buffer_free(arrived.handle, &error));
    }
    complete(rh_stream_send(stream, queue, NULL, 0, RH_FINISH, 0, &error));
}

/* Sends a text and its end, and prints what comes back. */
static void call(rh_stream *stream, rh_slice text)
{
    rh_completion arrived;
    complete(rh_stream_send(stream, queue, &text, 1, RH_FINISH, 0, &error));
    while ((arrived = complete(rh_stream_receive(stream, queue, RH_ONCE, 0, &error))).result > 0) {
        fwrite(arrived.data, 1, arrived.len, stdout);
        check(rh_buffer_free(arrived.handle, &error));
    }
    check(rh_stream_close(stream, &error));
}

static void serve_udp(const rh_address *local, const rh_tls_server *none, int count)
{
    (void)none;
    rh_address address;
    rh_udp *udp = complete(rh_udp_open(engine, queue, 0, local, NULL, 0, &error)).handle;
    check(rh_udp_address(udp, &address, &error));
    say(&address);
    while (count-- > 0) {
        rh_origin origin;
        rh_completion arrived = complete(rh_udp_receive(udp, queue, RH_ONCE, 0, &error));
        rh_transmit transmit = { .data = { arrived.data, arrived.len } };
        check(rh_buffer_origin(arrived.handle, &origin, &error));
        transmit.destination = origin.source;
        complete(rh_udp_send(udp, queue, &transmit, 1, 0, &error));
        check(rh_buffer_free(arrived.handle, &error));
    }
    check(rh_udp_close(udp, &error));
}

static void call_udp(const rh_address *local, const rh_address *to, rh_slice text)
{
    rh_completion arrived;
    rh_transmit transmit = { .data = text, .destination = *to };
    rh_udp *udp = complete(rh_udp_open(engine, queue, 0, local, NULL, 0, &error)).handle;
    complete(rh_udp_send(udp, queue, &transmit, 1, 0, &error));
    arrived = complete(rh_udp_receive(udp, queue, RH_ONCE, 0, &error));
    fwrite(arrived.data, 1, arrived.len, stdout);
    check(rh_buffer_free(arrived.handle, &error));
    check(rh_udp_close(udp, &error));
}

static void serve_tcp(const rh_address *local, const rh_tls_server *tls, int count)
{
    rh_address address;
    rh_listener *listener = complete(rh_tcp_listen(engine, queue, 0, local, tls, NULL, 0, &error)).handle;
    check(rh_listener_address(listener, &address, &error));
    say(&address);
    while (count-- > 0) {
        rh_stream *stream = complete(rh_listener_accept(listener, queue, RH_ONCE, 0, &error)).handle;
        echo(stream);
        check(rh_stream_close(stream, &error));
    }
    check(rh_listener_close(listener, &error));
}

static void serve_quic(const rh_address *local, const rh_tls_server *tls, int count)
{
    rh_address address;
    rh_quic *quic = complete(rh_quic_open(engine, queue, 0, local, tls, NULL, 0, &error)).handle;
    check(rh_quic_address(quic, &address, &error));
    say(&address);
    while (count-- > 0) {
        rh_connection *peer = complete(rh_quic_accept(quic, queue, RH_ONCE, 0, &error)).handle;
        rh_stream *stream = complete(rh_connection_accept_stream(peer, queue, 0, RH_ONCE, 0, &error)).handle;
        echo(stream);
        complete(rh_connection_wait_end(peer, queue, 0, &error)); /* The client ends it when it has the answer. */
        check(rh_stream_close(stream, &error));
        check(rh_connection_release(peer, &error));
    }
    complete(rh_quic_close(quic, queue, 0, NULL, 0, &error));
}

static void call_quic(const rh_address *local, const rh_address *to, const rh_tls_client *tls, rh_slice text)
{
    rh_quic *quic = complete(rh_quic_open(engine, queue, 0, local, NULL, NULL, 0, &error)).handle;
    rh_connection *peer = complete(rh_quic_connect(quic, queue, to, tls, "localhost", 0, 0, &error)).handle;
    call(complete(rh_connection_open_stream(peer, queue, RH_BIDIRECTIONAL, 0, &error)).handle, text);
    check(rh_connection_release(peer, &error));
    complete(rh_quic_close(quic, queue, 0, NULL, 0, &error));
}

int main(int argc, char **argv)
{
    rh_tls_settings settings = RH_TLS_SETTINGS_INIT;
    rh_tls_server *server = NULL;
    rh_tls_client *client = NULL;
    rh_address address, any;
    if (argc < 6) {
        fprintf(stderr, "usage: echo serve|call DIRECTORY udp|tcp|tls|quic ADDRESS COUNT|TEXT [PEM...]\n");
        return 2;
    }
    const rh_slice text = { (const uint8_t *)argv[5], strlen(argv[5]) };
    check(rh_queue_open(DEPTH, &queue, &error));
    check(rh_engine_open(argv[2], NULL, 0, &engine, &error));
    check(rh_address_parse(argv[4], &address, &error));
    check(rh_address_parse("0.0.0.0:0", &any, &error));
    settings.protocols = "echo";
    if (argc == 8) {
        settings.certificates = read_file(argv[6]);
        settings.key = read_file(argv[7]);
        check(rh_tls_server_new(&settings, &server, &error));
    } else if (argc == 7) {
        settings.roots = read_file(argv[6]);
        check(rh_tls_client_new(&settings, &client, &error));
    }
    if (strcmp(argv[1], "serve") == 0) {
        (strcmp(argv[3], "quic") == 0 ? serve_quic : strcmp(argv[3], "udp") == 0 ? serve_udp : serve_tcp)(
            &address, server, atoi(argv[5]));
    } else if (strcmp(argv[3], "udp") == 0) {
        call_udp(&any, &address, text);
    } else if (strcmp(argv[3], "quic") == 0) {
        call_quic(&any, &address, client, text);
    } else {
        call(complete(rh_tcp_connect(engine, queue, 0, &address, client, "localhost", NULL, 0, &error)).handle, text);
    }
    check(rh_tls_server_free(server, &error));
    check(rh_tls_client_free(client, &error));
    complete(rh_engine_close(engine, queue, 0, &error));
    check(rh_queue_close(queue, &error));
    return 0;
}
