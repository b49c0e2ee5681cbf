/*
 * What appending from C costs: nanoseconds per append, one line per case.
 *
 *     bench DIRECTORY CASE SECONDS
 *
 * CASE is one of: each (many under way, a call for each), many (the same, submitted many at a time), batch (batches of
 * 64 records), alone (one at a time; processor time of this thread, which mostly waits for the disk), hosted (as many,
 * on a shard that a thread of this program turns). ffi/examples/beside.rs runs it in turns with the same in Rust.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "roundhouse.h"

enum { WINDOW = 1024, BATCH = 64, RECORD_BYTES = 100 };

static rh_error error;

static void check(int32_t status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
}

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* What the cases share. */
struct bench {
    rh_engine *engine;
    rh_queue *queue;
    rh_log *log;
    uint8_t body[RECORD_BYTES];
    rh_completion taken[WINDOW];
};

/* Takes what there is, at least one completion, and checks it. */
static uint32_t take(struct bench *bench)
{
    int32_t count = rh_queue_wait(bench->queue, bench->taken, WINDOW, RH_FOREVER, &error);
    int32_t i;
    check(count);
    for (i = 0; i < count; i++) {
        if (bench->taken[i].result < 0) {
            rh_queue_error(bench->queue, &bench->taken[i], &error);
            check(error.status);
        }
    }
    return (uint32_t)count;
}

/* Turns a shard until its engine is closed, as one of the library's threads would. */
static void *turn_shard(void *argument)
{
    rh_shard *shard = argument;
    rh_error failure;
    rh_turn turn;
    struct pollfd watched;
    if (rh_shard_start(shard, &failure) != RH_OK) {
        return NULL;
    }
    watched.fd = rh_shard_fd(shard, &failure);
    watched.events = POLLIN;
    while (rh_shard_turn(shard, 64, &turn, &failure) == RH_OK && !turn.is_closed) {
        if (!turn.has_work) {
            poll(&watched, 1, turn.next_deadline_ns > 1000000000 ? 1000 : (int)(turn.next_deadline_ns / 1000000) + 1);
        }
    }
    rh_shard_free(shard, NULL);
    return NULL;
}

/* Opens an engine on a thread of this program's, which is returned. */
static pthread_t open_hosted(struct bench *bench, const char *directory, rh_options *options)
{
    pthread_t thread;
    rh_shard *shard;
    rh_completion opened;
    uint32_t count;
    check(rh_options_set(options, "shards", "1", &error));
    check(rh_engine_open_hosted(directory, options, 0, bench->queue, 0, &shard, 1, &count, &error));
    if (pthread_create(&thread, NULL, turn_shard, shard) != 0) {
        perror("pthread_create");
        exit(1);
    }
    check(rh_queue_wait(bench->queue, &opened, 1, RH_FOREVER, &error));
    bench->engine = opened.handle;
    return thread;
}

/* Appends for so long and returns the nanoseconds per record. */
static double run(struct bench *bench, uint32_t window, uint32_t batch, int at_once, double seconds)
{
    rh_append appends[WINDOW];
    rh_slice records[BATCH];
    uint32_t under_way = 0, i;
    uint64_t done = 0;
    const clockid_t clock = window == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    double start = now(clock), end = now(CLOCK_MONOTONIC) + seconds;
    for (i = 0; i < WINDOW; i++) {
        appends[i].user_data = i;
        appends[i].record.data = bench->body;
        appends[i].record.len = RECORD_BYTES;
    }
    for (i = 0; i < BATCH; i++) {
        records[i] = appends[i].record;
    }
    while (now(CLOCK_MONOTONIC) < end) {
        uint32_t taken;
        if (at_once) {
            int32_t accepted =
                rh_log_append_many(bench->log, bench->queue, appends, window - under_way, 0, &error);
            check(accepted);
            under_way += (uint32_t)accepted;
        }
        while (under_way < window) {
            check(rh_log_append(bench->log, bench->queue, records, batch, 0, 0, &error));
            under_way++;
        }
        taken = take(bench);
        under_way -= taken;
        done += taken;
    }
    while (under_way > 0) {
        uint32_t taken = take(bench);
        under_way -= taken;
        done += taken;
    }
    return (now(clock) - start) * 1e9 / ((double)done * batch);
}

static void open_log(struct bench *bench)
{
    rh_log_settings settings = RH_LOG_SETTINGS_INIT;
    rh_completion opened;
    settings.durability = RH_DURABILITY_NEVER;
    settings.retain_bytes = 256 << 20;
    check(rh_log_open(bench->engine, bench->queue, "bench", RH_LOG_OPEN_OR_CREATE, &settings, 0, &error));
    check(rh_queue_wait(bench->queue, &opened, 1, RH_FOREVER, &error));
    if (opened.result < 0) {
        rh_queue_error(bench->queue, &opened, &error);
        check(error.status);
    }
    bench->log = (rh_log *)opened.handle;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    rh_options *options;
    const char *name;
    double seconds, cost;
    pthread_t thread = 0;
    int is_hosted;
    if (argc != 4) {
        return 2;
    }
    name = argv[2];
    seconds = strtod(argv[3], NULL);
    memset(bench.body, 'x', sizeof bench.body);
    check(rh_options_new(&options, &error));
    check(rh_options_set_new_store_shards(options, 1, &error));
    check(rh_queue_open(WINDOW, &bench.queue, &error));
    is_hosted = strcmp(name, "hosted") == 0;
    if (is_hosted) {
        thread = open_hosted(&bench, argv[1], options);
    } else {
        check(rh_engine_open(argv[1], options, 0, &bench.engine, &error));
    }
    check(rh_options_free(options, &error));
    open_log(&bench);
    if (strcmp(name, "each") == 0) {
        cost = run(&bench, WINDOW, 1, 0, seconds);
    } else if (strcmp(name, "many") == 0 || is_hosted) {
        cost = run(&bench, WINDOW, 1, 1, seconds);
    } else if (strcmp(name, "batch") == 0) {
        cost = run(&bench, WINDOW / BATCH, BATCH, 0, seconds);
    } else if (strcmp(name, "alone") == 0) {
        cost = run(&bench, 1, 1, 0, seconds);
    } else {
        return 2;
    }
    printf("%.1f\n", cost);
    check(rh_log_close(bench.log, &error));
    check(rh_engine_close(bench.engine, bench.queue, 0, &error));
    take(&bench);
    check(rh_queue_close(bench.queue, &error));
    return is_hosted ? pthread_join(thread, NULL) : 0;
}
