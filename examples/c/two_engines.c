/*
 * Two engines in one process, which complete into one queue: what is appended to the log `in` of the first store is
 * copied to the log `out` of the second.
 *
 *     two_engines FIRST SECOND
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roundhouse.h"

/* What operations are for; the first engine's have even numbers. */
enum { OPEN_IN, OPEN_OUT, APPEND_IN, APPEND_OUT, FOLLOW_IN, CLOSE, RECORDS = 100 };

static rh_error error;

static void check(int32_t status)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", rh_status_name(status), error.message);
        exit(1);
    }
}

static rh_completion next(const rh_queue *queue)
{
    rh_completion completion;
    check(rh_queue_wait(queue, &completion, 1, RH_FOREVER, &error));
    if (completion.result < 0 && completion.result != RH_E_CANCELED) {
        rh_queue_error(queue, &completion, &error);
        check(error.status);
    }
    return completion;
}

static rh_log *open_log(const rh_engine *engine, const rh_queue *queue, const char *name, uint64_t number)
{
    check(rh_log_open(engine, queue, name, RH_LOG_OPEN_OR_CREATE, NULL, number, &error));
    return next(queue).handle;
}

/* Copies the records of a batch and returns how many it had. */
static uint32_t copy(rh_completion batch, const rh_log *to, const rh_queue *queue)
{
    const rh_record *record;
    size_t count, i;
    check(rh_records_items(batch.handle, &record, &count, &error));
    for (i = 0; i < count; i++) {
        rh_slice body;
        body.data = record[i].data;
        body.len = record[i].len;
        /* Copied, because the batch is freed before the append completes. */
        check(rh_log_append(to, queue, &body, 1, RH_COPY, APPEND_OUT, &error));
    }
    check(rh_records_free(batch.handle, &error));
    return (uint32_t)count;
}

int main(int argc, char **argv)
{
    rh_engine *first, *second;
    rh_queue *queue;
    rh_log *in, *out;
    rh_slice record;
    uint32_t i, copied = 0, durable = 0, closed = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: %s FIRST SECOND\n", argv[0]);
        return 2;
    }
    check(rh_engine_open(argv[1], NULL, 0, &first, &error));
    check(rh_engine_open(argv[2], NULL, 0, &second, &error));
    check(rh_queue_open(4 * RECORDS, &queue, &error));
    in = open_log(first, queue, "in", OPEN_IN);
    out = open_log(second, queue, "out", OPEN_OUT);

    check(rh_log_follow(in, queue, 0, 0, RECORDS, FOLLOW_IN, &error));
    record.data = (const uint8_t *)"goods";
    record.len = strlen("goods");
    for (i = 0; i < RECORDS; i++) {
        check(rh_log_append(in, queue, &record, 1, 0, APPEND_IN, &error));
    }
    while (durable < RECORDS) {
        rh_completion completion = next(queue);
        if (completion.user_data == FOLLOW_IN) {
            copied += copy(completion, out, queue);
        } else if (completion.user_data == APPEND_OUT) {
            durable++;
        }
    }
    printf("copied %u, durable %u\n", copied, durable);

    check(rh_queue_cancel(queue, FOLLOW_IN, &error));
    check(rh_log_close(in, &error));
    check(rh_log_close(out, &error));
    check(rh_engine_close(first, queue, CLOSE, &error));
    check(rh_engine_close(second, queue, CLOSE, &error));
    while (closed < 2) {
        closed += next(queue).user_data == CLOSE;
    }
    /* The end of the follower came before; nothing else is in the queue. */
    check(rh_queue_close(queue, &error));
    puts("closed both");
    return 0;
}
