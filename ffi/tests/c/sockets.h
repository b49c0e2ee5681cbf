/* What the test programs of sockets share. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include "check.h"

/* An address with a port that is free. */
static inline rh_address loopback(void)
{
    rh_error error;
    rh_address address;
    CHECK_OK(rh_address_parse("127.0.0.1:0", &address, &error));
    return address;
}

/* The handle of the next completion, which must have gone well. */
static inline void *take_handle(const rh_queue *queue, uint32_t op, uint64_t user_data)
{
    rh_error error;
    rh_completion completion = take(queue, op, user_data);
    if (completion.result < 0) {
        rh_queue_error(queue, &completion, &error);
        check_ok(error.status, &error, __FILE__, __LINE__, "completion");
    }
    CHECK(completion.handle != NULL);
    return completion.handle;
}

/* The handles of the next two completions, which may come in either order and must have gone well. */
static inline void take_both(const rh_queue *queue, uint32_t op, void **handle, uint32_t other_op, void **other)
{
    int i;
    for (i = 0; i < 2; i++) {
        rh_error error;
        rh_completion completion;
        CHECK_OK(rh_queue_wait(queue, &completion, 1, RH_FOREVER, &error));
        if (completion.result < 0) {
            rh_queue_error(queue, &completion, &error);
            check_ok(error.status, &error, __FILE__, __LINE__, "completion");
        }
        CHECK(completion.op == op || completion.op == other_op);
        *(completion.op == op ? handle : other) = completion.handle;
    }
}

/* Sends a text of static storage, and waits until that is done. */
static inline void send_text(const rh_stream *stream, const rh_queue *queue, const char *text, uint32_t flags)
{
    rh_error error;
    rh_slice bytes = slice(text);
    CHECK_OK(rh_stream_send(stream, queue, &bytes, 1, flags, 21, &error));
    CHECK(take_ok(queue, RH_OP_STREAM_SEND, 21) == (int64_t)strlen(text));
}

/* Receives a text, in however many parts it comes. */
static inline void receive_text(const rh_stream *stream, const rh_queue *queue, const char *text)
{
    rh_error error;
    while (*text != '\0') {
        rh_completion completion;
        CHECK_OK(rh_stream_receive(stream, queue, RH_ONCE, 22, &error));
        completion = take(queue, RH_OP_STREAM_RECEIVE, 22);
        CHECK(completion.result > 0 && (size_t)completion.result == completion.len);
        CHECK(strncmp(text, (const char *)completion.data, completion.len) == 0);
        text += completion.len;
        CHECK_OK(rh_buffer_free((rh_buffer *)completion.handle, &error));
    }
}

/* Receives the end. */
static inline void receive_end(const rh_stream *stream, const rh_queue *queue)
{
    rh_error error;
    rh_completion completion;
    CHECK_OK(rh_stream_receive(stream, queue, RH_ONCE, 23, &error));
    completion = take(queue, RH_OP_STREAM_RECEIVE, 23);
    CHECK(completion.result == 0 && completion.handle == NULL && completion.flags == 0);
}

/* Reads a file that the test made. */
static inline rh_slice read_pem(const char *directory, const char *name)
{
    static char texts[4][8192];
    static int used;
    char path[512];
    FILE *file;
    rh_slice pem;
    char *text = texts[used++ % 4];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "rb");
    CHECK(file != NULL);
    pem.data = (const uint8_t *)text;
    pem.len = fread(text, 1, sizeof texts[0], file);
    fclose(file);
    return pem;
}

/* Both sides of TLS, of the certificate that the test made for localhost. */
static inline rh_tls_server *make_server(const char *directory)
{
    rh_error error;
    rh_tls_server *server;
    rh_tls_settings settings = RH_TLS_SETTINGS_INIT;
    settings.certificates = read_pem(directory, "certificate.pem");
    settings.key = read_pem(directory, "key.pem");
    settings.protocols = "other,test";
    settings.early_data = 1;
    CHECK_OK(rh_tls_server_new(&settings, &server, &error));
    return server;
}

static inline rh_tls_client *make_client(const char *directory)
{
    rh_error error;
    rh_tls_client *client;
    rh_tls_settings settings = RH_TLS_SETTINGS_INIT;
    settings.roots = read_pem(directory, "certificate.pem");
    settings.protocols = "test";
    settings.early_data = 1;
    CHECK_OK(rh_tls_client_new(&settings, &client, &error));
    return client;
}

#endif
