/*
 * The engine without threads of its own: this program owns the loop. One epoll watches the shard and the queue, and
 * the shard is turned when there is something for it to do.
 *
 *     embed_epoll DIRECTORY COUNT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "roundhouse.h"

enum { OPEN = 1, OPEN_LOG, APPEND, CLOSE, UNDER_WAY = 32, TURNS = 64, TAKEN = 16 };

static rh_error error;

static void check(int32_t status)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", rh_status_name(status), error.message);
        exit(1);
    }
}

/* The state of the program, moved on by completions. */
struct program {
    rh_queue *queue;
    rh_engine *engine;
    rh_log *log;
    uint64_t appended, durable, wanted;
};

static void append(struct program *program)
{
    static const uint8_t body[] = "appended from a loop of the program's";
    rh_slice record;
    record.data = body;
    record.len = sizeof body - 1;
    while (program->appended < program->wanted && program->appended < program->durable + UNDER_WAY) {
        check(rh_log_append(program->log, program->queue, &record, 1, 0, APPEND, &error));
        program->appended++;
    }
}

static void complete(struct program *program, const rh_completion *completion)
{
    if (completion->result < 0) {
        rh_queue_error(program->queue, completion, &error);
        check(error.status);
    }
    switch (completion->user_data) {
    case OPEN:
        program->engine = completion->handle;
        check(rh_log_open(program->engine, program->queue, "loop", 0, NULL, OPEN_LOG, &error));
        break;
    case OPEN_LOG:
        program->log = completion->handle;
        append(program);
        break;
    case APPEND:
        program->durable++;
        append(program);
        if (program->durable == program->wanted) {
            check(rh_log_close(program->log, &error));
            check(rh_engine_close(program->engine, program->queue, CLOSE, &error));
        }
        break;
    default:
        break;
    }
}

static void watch(int epoll, int fd)
{
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    check(fd);
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

/* Milliseconds to sleep until the deadline, rounded up. */
static int sleep_ms(uint64_t deadline_ns)
{
    uint64_t ms = deadline_ns / 1000000 + 1;
    if (deadline_ns == RH_FOREVER) {
        return -1;
    }
    return ms > 1000 ? 1000 : (int)ms;
}

/* Turns the shard and takes completions until neither has anything to do; returns how long to sleep. */
static uint64_t work(struct program *program, rh_shard *shard, int *is_closed)
{
    rh_completion completions[TAKEN];
    rh_turn turn;
    int32_t count, i;
    do {
        check(rh_shard_turn(shard, TURNS, &turn, &error));
        count = rh_queue_poll(program->queue, completions, TAKEN, &error);
        check(count);
        for (i = 0; i < count; i++) {
            complete(program, &completions[i]);
        }
    } while (turn.has_work || count > 0);
    *is_closed = turn.is_closed != 0;
    return turn.next_deadline_ns;
}

int main(int argc, char **argv)
{
    static struct program program;
    rh_options *options;
    rh_shard *shard;
    uint32_t shards;
    int epoll, is_closed = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: %s DIRECTORY COUNT\n", argv[0]);
        return 2;
    }
    program.wanted = strtoull(argv[2], NULL, 10);
    check(rh_options_new(&options, &error));
    check(rh_options_set(options, "shards", "1", &error));
    check(rh_queue_open(2 * UNDER_WAY, &program.queue, &error));
    check(rh_engine_open_hosted(argv[1], options, 0, program.queue, OPEN, &shard, 1, &shards, &error));
    check(rh_options_free(options, &error));
    check(rh_shard_start(shard, &error));

    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, rh_shard_fd(shard, &error));
    watch(epoll, rh_queue_fd(program.queue, &error));
    for (;;) {
        struct epoll_event event;
        uint64_t deadline = work(&program, shard, &is_closed);
        if (is_closed) {
            break;
        }
        if (epoll_wait(epoll, &event, 1, sleep_ms(deadline)) < 0 && errno != EINTR) {
            perror("epoll_wait");
            return 1;
        }
    }
    printf("durable %llu\n", (unsigned long long)program.durable);
    check(rh_shard_free(shard, &error));
    check(rh_queue_close(program.queue, &error));
    close(epoll);
    return 0;
}
