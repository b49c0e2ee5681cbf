/*
 * A log that survives being killed. Each run opens the store, says what it finds in the log, and
 * appends numbered lines until it has appended as many as asked for:
 *
 *     log DIRECTORY [COUNT]
 *
 * Every line that is printed as durable is there the next time, whenever the program was killed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roundhouse.h"

enum { DEPTH = 64, LINE_BYTES = 48 };

static void fail(const char *what, const rh_error *error)
{
    fprintf(stderr, "%s: %s (%s)\n", what, error->message, rh_status_name(error->status));
    exit(1);
}

/* Waits for the next completion, of whatever operation. */
static rh_completion next(const rh_queue *queue)
{
    rh_error error;
    rh_completion completion;
    int32_t taken = rh_queue_wait(queue, &completion, 1, RH_FOREVER, &error);
    if (taken < 0) {
        fail("waiting", &error);
    }
    if (completion.result < 0) {
        rh_queue_error(queue, &completion, &error);
        fail("operation", &error);
    }
    return completion;
}

static rh_log *open_log(const rh_engine *engine, const rh_queue *queue)
{
    rh_error error;
    if (rh_log_open(engine, queue, "lines", RH_LOG_OPEN_OR_CREATE, NULL, 0, &error) != RH_OK) {
        fail("opening the log", &error);
    }
    return next(queue).handle;
}

/* Checks that the log has line after line, and returns how many. */
static uint64_t count_lines(const rh_log *log, const rh_queue *queue)
{
    rh_error error;
    uint64_t from = 0;
    for (;;) {
        const rh_record *record;
        size_t count, i;
        rh_completion completion;
        if (rh_log_read(log, queue, from, 1 << 20, 0, &error) != RH_OK) {
            fail("reading", &error);
        }
        completion = next(queue);
        if (rh_records_items(completion.handle, &record, &count, &error) != RH_OK) {
            fail("reading", &error);
        }
        for (i = 0; i < count; i++) {
            char expected[LINE_BYTES];
            snprintf(expected, sizeof expected, "line %" PRIu64, record[i].offset);
            if (record[i].len != strlen(expected) || memcmp(record[i].data, expected, record[i].len) != 0) {
                fprintf(stderr, "record %" PRIu64 " is not what was appended\n", record[i].offset);
                exit(1);
            }
        }
        from = completion.detail;
        rh_records_free(completion.handle, NULL);
        if (count == 0) {
            return from;
        }
    }
}

/* Appends the lines from `line` to `end`, many under way at once, and says which are durable. */
static void append_lines(const rh_log *log, const rh_queue *queue, uint64_t line, uint64_t end)
{
    rh_error error;
    uint64_t under_way = 0;
    while (line < end || under_way > 0) {
        while (line < end && under_way < DEPTH) {
            char text[LINE_BYTES];
            rh_slice record;
            snprintf(text, sizeof text, "line %" PRIu64, line);
            record.data = (const uint8_t *)text;
            record.len = strlen(text);
            /* Copied, since `text` is gone before the append completes. */
            if (rh_log_append(log, queue, &record, 1, RH_COPY, line, &error) != RH_OK) {
                fail("appending", &error);
            }
            line++;
            under_way++;
        }
        printf("durable %" PRId64 "\n", next(queue).result);
        fflush(stdout);
        under_way--;
    }
}

int main(int argc, char **argv)
{
    rh_error error;
    rh_options *options;
    rh_engine *engine;
    rh_queue *queue;
    rh_log *log;
    uint64_t found, end;

    if (argc < 2) {
        fprintf(stderr, "usage: %s DIRECTORY [COUNT]\n", argv[0]);
        return 2;
    }
    if (rh_options_new(&options, &error) != RH_OK) {
        fail("options", &error);
    }
    if (rh_options_set_new_store_shards(options, 1, &error) != RH_OK ||
        rh_options_load_environment(options, &error) != RH_OK) {
        fail("options", &error);
    }
    if (rh_engine_open(argv[1], options, 0, &engine, &error) != RH_OK) {
        fail(argv[1], &error);
    }
    rh_options_free(options, NULL);
    if (rh_queue_open(DEPTH, &queue, &error) != RH_OK) {
        fail("queue", &error);
    }
    log = open_log(engine, queue);
    found = count_lines(log, queue);
    printf("found %" PRIu64 "\n", found);
    fflush(stdout);
    end = argc > 2 ? strtoull(argv[2], NULL, 10) : found + 10;
    append_lines(log, queue, found, end);

    rh_log_close(log, NULL);
    /* Closing does not wait; its completion says that everything is done. */
    if (rh_engine_close(engine, queue, 0, &error) != RH_OK) {
        fail("closing", &error);
    }
    next(queue);
    rh_queue_close(queue, NULL);
    puts("closed");
    return 0;
}
