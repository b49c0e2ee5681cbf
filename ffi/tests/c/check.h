/* What the test programs share: checks that say where they failed, and steps most of them take. */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roundhouse.h"

#define CHECK(condition)                                                                            \
    do {                                                                                            \
        if (!(condition)) {                                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                 \
            exit(1);                                                                                \
        }                                                                                           \
    } while (0)

/* Checks that a call went well, or says why it did not. */
#define CHECK_OK(call) check_ok((call), &error, __FILE__, __LINE__, #call)

/* Checks that a call failed with a status and a message that contains a text. */
#define CHECK_FAILS(call, status, text) check_fails((call), (status), (text), &error, __FILE__, __LINE__, #call)

static inline void check_ok(int32_t status, const rh_error *error, const char *file, int line, const char *call)
{
    if (status < 0) {
        fprintf(stderr, "%s:%d: %s: %s: %s\n", file, line, call, rh_status_name(status), error->message);
        exit(1);
    }
}

static inline void check_fails(int32_t status, int32_t expected, const char *text, rh_error *error, const char *file,
                               int line, const char *call)
{
    if (status != expected || error->status != expected || strstr(error->message, text) == NULL) {
        fprintf(stderr, "%s:%d: %s: %s instead of %s, message: %s\n", file, line, call, rh_status_name(status),
                rh_status_name(expected), error->message);
        exit(1);
    }
    memset(error, 0, sizeof *error);
}

/* The next completion, which must be of the operation. */
static inline rh_completion take(const rh_queue *queue, uint32_t op, uint64_t user_data)
{
    rh_error error;
    rh_completion completion;
    CHECK_OK(rh_queue_wait(queue, &completion, 1, RH_FOREVER, &error));
    CHECK(completion.op == op && completion.user_data == user_data);
    return completion;
}

/* The same, which must have gone well; returns its result. */
static inline int64_t take_ok(const rh_queue *queue, uint32_t op, uint64_t user_data)
{
    rh_error error;
    rh_completion completion = take(queue, op, user_data);
    if (completion.result < 0) {
        rh_queue_error(queue, &completion, &error);
        check_ok(error.status, &error, __FILE__, __LINE__, "completion");
    }
    return completion.result;
}

/* The same, which must have failed with the status and a message that contains the text. */
static inline void take_failed(const rh_queue *queue, uint32_t op, uint64_t user_data, int32_t status, const char *text)
{
    rh_error error;
    rh_completion completion = take(queue, op, user_data);
    if (completion.result != status) {
        fprintf(stderr, "user_data %d: %s instead of %s\n", (int)user_data,
                rh_status_name((rh_status)completion.result), rh_status_name(status));
        exit(1);
    }
    CHECK(rh_queue_error(queue, &completion, &error) == RH_OK);
    check_fails((int32_t)completion.result, status, text, &error, __FILE__, __LINE__, "completion");
}

/* An engine of one shard with small slots, which tests have no need to fill. */
static inline rh_engine *open_engine(const char *directory)
{
    rh_error error;
    rh_options *options;
    rh_engine *engine;
    CHECK_OK(rh_options_new(&options, &error));
    CHECK_OK(rh_options_set(options, "shards", "1", &error));
    CHECK_OK(rh_options_set(options, "slot_size", "4MiB", &error));
    CHECK_OK(rh_engine_open(directory, options, 0, &engine, &error));
    CHECK_OK(rh_options_free(options, &error));
    return engine;
}

static inline rh_queue *open_queue(uint32_t depth)
{
    rh_error error;
    rh_queue *queue;
    CHECK_OK(rh_queue_open(depth, &queue, &error));
    return queue;
}

static inline rh_log *open_log(const rh_engine *engine, const rh_queue *queue, const char *name)
{
    rh_error error;
    rh_completion completion;
    CHECK_OK(rh_log_open(engine, queue, name, RH_LOG_OPEN_OR_CREATE, NULL, 1, &error));
    completion = take(queue, RH_OP_LOG_OPEN, 1);
    CHECK(completion.result == 0 && completion.handle != NULL);
    return (rh_log *)completion.handle;
}

static inline rh_slice slice(const char *text)
{
    rh_slice slice;
    slice.data = (const uint8_t *)text;
    slice.len = strlen(text);
    return slice;
}

/* Appends a text of static storage and waits for it; returns its offset. */
static inline int64_t append(const rh_log *log, const rh_queue *queue, const char *text)
{
    rh_error error;
    rh_slice record = slice(text);
    CHECK_OK(rh_log_append(log, queue, &record, 1, 0, 2, &error));
    return take_ok(queue, RH_OP_APPEND, 2);
}

/* Closes an engine and waits until it is. */
static inline void close_engine(rh_engine *engine, const rh_queue *queue)
{
    rh_error error;
    CHECK_OK(rh_engine_close(engine, queue, 3, &error));
    take_ok(queue, RH_OP_CLOSE, 3);
}

#endif
