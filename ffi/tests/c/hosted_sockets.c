/* Sockets of an engine whose shard the program turns: one thread does everything. */
#include <poll.h>

#include "sockets.h"

static rh_error error;

struct host {
    rh_queue *queue;
    rh_shard *shard;
    struct pollfd watched[2];
    int is_closed;
};

/* Turns the shard, and sleeps, until there is a completion, which must be of one of two operations and go well. */
static rh_completion next(struct host *host, uint32_t op, uint32_t or_op)
{
    rh_completion completion;
    for (;;) {
        rh_turn turn;
        int32_t taken;
        CHECK_OK(rh_shard_turn(host->shard, 64, &turn, &error));
        host->is_closed = turn.is_closed != 0;
        taken = rh_queue_poll(host->queue, &completion, 1, &error);
        check_ok(taken, &error, __FILE__, __LINE__, "rh_queue_poll");
        if (taken == 1) {
            CHECK(completion.op == op || completion.op == or_op);
            CHECK(completion.result >= 0);
            return completion;
        }
        CHECK(!host->is_closed);
        if (!turn.has_work) {
            uint64_t ms = turn.next_deadline_ns / 1000000 + 1;
            poll(host->watched, 2, ms > 1000 ? 1000 : (int)ms);
        }
    }
}

static struct host start(const char *directory, rh_engine **engine)
{
    struct host host;
    rh_options *options;
    uint32_t shards;
    memset(&host, 0, sizeof host);
    host.queue = open_queue(32);
    CHECK_OK(rh_options_new(&options, &error));
    CHECK_OK(rh_options_set(options, "shards", "1", &error));
    CHECK_OK(rh_options_set(options, "slot_size", "4MiB", &error));
    CHECK_OK(rh_engine_open_hosted(directory, options, 0, host.queue, 1, &host.shard, 1, &shards, &error));
    CHECK_OK(rh_options_free(options, &error));
    CHECK_OK(rh_shard_start(host.shard, &error));
    host.watched[0].fd = rh_shard_fd(host.shard, &error);
    host.watched[1].fd = rh_queue_fd(host.queue, &error);
    host.watched[0].events = host.watched[1].events = POLLIN;
    CHECK(host.watched[0].fd >= 0 && host.watched[1].fd >= 0);
    *engine = next(&host, RH_OP_OPEN, 0).handle;
    return host;
}

static void a_datagram_comes_back(struct host *host, const rh_engine *engine)
{
    rh_address local = loopback();
    rh_transmit transmit;
    rh_completion arrival;
    rh_udp *udp;
    int i;
    CHECK_OK(rh_udp_open(engine, host->queue, 0, &local, NULL, 1, &error));
    udp = next(host, RH_OP_UDP_OPEN, 0).handle;
    memset(&transmit, 0, sizeof transmit);
    transmit.data = slice("to myself");
    CHECK_OK(rh_udp_address(udp, &transmit.destination, &error));
    CHECK_OK(rh_udp_receive(udp, host->queue, RH_ONCE, 2, &error));
    CHECK(rh_udp_send(udp, host->queue, &transmit, 1, 0, &error) == 1);
    for (i = 0; i < 2; i++) {
        arrival = next(host, RH_OP_UDP_SEND, RH_OP_UDP_RECEIVE);
        if (arrival.op == RH_OP_UDP_RECEIVE) {
            CHECK(arrival.len == 9 && memcmp(arrival.data, "to myself", 9) == 0);
            CHECK_OK(rh_buffer_free(arrival.handle, &error));
        }
    }
    CHECK_OK(rh_udp_close(udp, &error));
}

static void a_stream_carries_bytes(struct host *host, const rh_engine *engine)
{
    rh_address address = loopback();
    rh_slice bytes = slice("hosted");
    rh_completion arrival;
    rh_listener *listener;
    rh_stream *ours = NULL, *theirs = NULL;
    int i;
    CHECK_OK(rh_tcp_listen(engine, host->queue, 0, &address, NULL, NULL, 1, &error));
    listener = next(host, RH_OP_TCP_LISTEN, 0).handle;
    CHECK_OK(rh_listener_address(listener, &address, &error));
    CHECK_OK(rh_listener_accept(listener, host->queue, RH_ONCE, 2, &error));
    CHECK_OK(rh_tcp_connect(engine, host->queue, 0, &address, NULL, NULL, NULL, 3, &error));
    for (i = 0; i < 2; i++) {
        rh_completion opened = next(host, RH_OP_TCP_ACCEPT, RH_OP_TCP_CONNECT);
        *(opened.op == RH_OP_TCP_ACCEPT ? &theirs : &ours) = opened.handle;
    }
    CHECK_OK(rh_stream_send(ours, host->queue, &bytes, 1, RH_FINISH, 4, &error));
    CHECK(next(host, RH_OP_STREAM_SEND, 0).result == 6);
    CHECK_OK(rh_stream_receive(theirs, host->queue, RH_ONCE, 5, &error));
    arrival = next(host, RH_OP_STREAM_RECEIVE, 0);
    CHECK(arrival.len == 6 && memcmp(arrival.data, "hosted", 6) == 0);
    CHECK_OK(rh_buffer_free(arrival.handle, &error));
    CHECK_OK(rh_stream_receive(theirs, host->queue, RH_ONCE, 6, &error));
    CHECK(next(host, RH_OP_STREAM_RECEIVE, 0).handle == NULL);
    CHECK_OK(rh_stream_close(ours, &error));
    CHECK_OK(rh_stream_close(theirs, &error));
    CHECK_OK(rh_listener_close(listener, &error));
}

int main(int argc, char **argv)
{
    struct host host;
    rh_engine *engine;
    CHECK(argc == 2);
    host = start(argv[1], &engine);
    a_datagram_comes_back(&host, engine);
    a_stream_carries_bytes(&host, engine);
    CHECK_OK(rh_engine_close(engine, host.queue, 7, &error));
    next(&host, RH_OP_CLOSE, 0);
    CHECK_OK(rh_shard_free(host.shard, &error));
    CHECK_OK(rh_queue_close(host.queue, &error));
    return 0;
}
