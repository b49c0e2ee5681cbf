/*
 * A tailing reader: prints what is in the log `lines`, and what is appended to it, as it comes.
 *
 *     follow DIRECTORY COUNT
 *
 * Another thread appends COUNT lines meanwhile; the program ends when it has read them all. The reader takes
 * four batches at a time, so that it is never given more than it has room for.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roundhouse.h"

enum { CREDITS = 4, FOLLOW = 1, BATCH_BYTES = 4096 };

static void check(int32_t status, const rh_error *error)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", rh_status_name(status), error->message);
        exit(1);
    }
}

static rh_completion next(const rh_queue *queue)
{
    rh_error error;
    rh_completion completion;
    check(rh_queue_wait(queue, &completion, 1, RH_FOREVER, &error), &error);
    if (completion.result < 0) {
        rh_queue_error(queue, &completion, &error);
        check(error.status, &error);
    }
    return completion;
}

struct writer {
    const rh_log *log;
    uint64_t count;
};

/* Appends one line after the other, each when the one before is durable, in a queue of its own. */
static void *append_lines(void *argument)
{
    const struct writer *writer = argument;
    rh_error error;
    rh_queue *queue;
    uint64_t line;
    check(rh_queue_open(1, &queue, &error), &error);
    for (line = 0; line < writer->count; line++) {
        char text[32];
        rh_slice record;
        snprintf(text, sizeof text, "line %" PRIu64, line);
        record.data = (const uint8_t *)text;
        record.len = strlen(text);
        /* `text` may be borrowed: it is there until the completion was taken. */
        check(rh_log_append(writer->log, queue, &record, 1, 0, 0, &error), &error);
        next(queue);
    }
    check(rh_queue_close(queue, &error), &error);
    return NULL;
}

/* Prints a batch and returns the offset that the next begins at. */
static uint64_t print_batch(rh_completion batch)
{
    rh_error error;
    const rh_record *record;
    size_t count, i;
    check(rh_records_items(batch.handle, &record, &count, &error), &error);
    for (i = 0; i < count; i++) {
        printf("%" PRIu64 ": %.*s\n", record[i].offset, (int)record[i].len, (const char *)record[i].data);
    }
    check(rh_records_free(batch.handle, &error), &error);
    return batch.detail;
}

int main(int argc, char **argv)
{
    rh_error error;
    rh_engine *engine;
    rh_queue *queue;
    rh_log *log;
    rh_completion last;
    struct writer writer;
    pthread_t thread;
    uint64_t read = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: %s DIRECTORY COUNT\n", argv[0]);
        return 2;
    }
    check(rh_engine_open(argv[1], NULL, 0, &engine, &error), &error);
    check(rh_queue_open(8, &queue, &error), &error);
    check(rh_log_open(engine, queue, "lines", RH_LOG_OPEN_OR_CREATE, NULL, 0, &error), &error);
    log = next(queue).handle;

    writer.log = log;
    writer.count = strtoull(argv[2], NULL, 10);
    if (pthread_create(&thread, NULL, append_lines, &writer) != 0) {
        perror("pthread_create");
        return 1;
    }
    check(rh_log_follow(log, queue, 0, BATCH_BYTES, CREDITS, FOLLOW, &error), &error);
    while (read < writer.count) {
        read = print_batch(next(queue));
        /* One more for the one that was dealt with. */
        check(rh_queue_credit(queue, FOLLOW, 1, &error), &error);
    }
    pthread_join(thread, NULL);

    check(rh_queue_cancel(queue, FOLLOW, &error), &error);
    check(rh_queue_wait(queue, &last, 1, RH_FOREVER, &error), &error);
    printf("%s\n", rh_status_name((rh_status)last.result));
    check(rh_log_close(log, &error), &error);
    check(rh_engine_close(engine, queue, 0, &error), &error);
    next(queue);
    check(rh_queue_close(queue, &error), &error);
    return 0;
}
