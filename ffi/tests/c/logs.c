/* Everything that can be done with logs, and that each operation completes once. */
#include "check.h"

static rh_error error;

/* Records from an offset on, given back as soon as they were looked at. */
static void expect_records(const rh_log *log, const rh_queue *queue, uint64_t from, const char *const *texts,
                           size_t count)
{
    const rh_record *record;
    size_t found, i;
    rh_completion read;
    CHECK_OK(rh_log_read(log, queue, from, 1 << 20, 7, &error));
    read = take(queue, RH_OP_READ, 7);
    CHECK(read.result == (int64_t)count);
    CHECK_OK(rh_records_items((rh_records *)read.handle, &record, &found, &error));
    CHECK(found == count);
    for (i = 0; i < count; i++) {
        CHECK(record[i].len == strlen(texts[i]) && memcmp(record[i].data, texts[i], record[i].len) == 0);
        CHECK(record[i].time_ns > 0);
    }
    CHECK_OK(rh_records_free((rh_records *)read.handle, &error));
}

static void appends(const rh_engine *engine, const rh_queue *queue)
{
    const char *const texts[] = { "one", "two", "three", "", "packed", "six" };
    rh_slice batch[3];
    rh_append many[2];
    rh_log *log = open_log(engine, queue, "appends");
    int i;
    CHECK(append(log, queue, "one") == 0);
    for (i = 0; i < 3; i++) {
        batch[i] = slice(texts[i + 1]);
    }
    CHECK_OK(rh_log_append(log, queue, batch, 3, RH_COPY, 5, &error));
    CHECK(take_ok(queue, RH_OP_APPEND, 5) == 1);
    CHECK_OK(rh_log_append_spanning(log, queue, slice("packed"), 10, 1234, 0, 6, &error));
    CHECK(take_ok(queue, RH_OP_APPEND, 6) == 4);
    for (i = 0; i < 2; i++) {
        many[i].user_data = (uint64_t)(20 + i);
        many[i].record = slice("six");
    }
    CHECK(rh_log_append_many(log, queue, many, 2, 0, &error) == 2);
    CHECK(take_ok(queue, RH_OP_APPEND, 20) == 14);
    CHECK(take_ok(queue, RH_OP_APPEND, 21) == 15);
    CHECK_OK(rh_log_sync(log, queue, 8, &error));
    CHECK(take_ok(queue, RH_OP_SYNC, 8) == 16);
    CHECK_OK(rh_log_truncate(log, queue, 15, 9, &error));
    take_ok(queue, RH_OP_TRUNCATE, 9);
    expect_records(log, queue, 0, texts, 6);
    CHECK_OK(rh_log_trim(log, queue, 4, 10, &error));
    take_ok(queue, RH_OP_TRIM, 10);
    expect_records(log, queue, 4, texts + 4, 2);
    CHECK_OK(rh_log_read(log, queue, 0, 1 << 20, 11, &error));
    take_failed(queue, RH_OP_READ, 11, RH_E_TRIMMED, "the log starts at 4");
    CHECK_OK(rh_log_trim(log, queue, 99, 12, &error));
    take_failed(queue, RH_OP_TRIM, 12, RH_E_RANGE, "lies outside the log");
    CHECK_OK(rh_log_offset_at(log, queue, 1234, 13, &error));
    CHECK(take_ok(queue, RH_OP_OFFSET_AT, 13) == 4);
    CHECK_OK(rh_log_append_spanning(log, queue, slice("none"), 0, 0, 0, 14, &error));
    take_failed(queue, RH_OP_APPEND, 14, RH_E_INVALID, "spans 0 offsets");
    CHECK_OK(rh_log_close(log, &error));
}

static void settings(const rh_engine *engine, const rh_queue *queue)
{
    rh_log_settings wanted = RH_LOG_SETTINGS_INIT;
    rh_log_info info = RH_LOG_INFO_INIT;
    rh_completion opened;
    rh_log *log;
    char name[16];
    wanted.durability = RH_DURABILITY_INTERVAL;
    wanted.interval_ns = 5000000;
    wanted.retain_bytes = 1 << 30;
    wanted.on_shard = 1;
    CHECK_OK(rh_log_open(engine, queue, "settings", RH_LOG_CREATE, &wanted, 1, &error));
    opened = take(queue, RH_OP_LOG_OPEN, 1);
    log = (rh_log *)opened.handle;
    CHECK_OK(rh_log_open(engine, queue, "settings", RH_LOG_CREATE, &wanted, 2, &error));
    take_failed(queue, RH_OP_LOG_OPEN, 2, RH_E_EXISTS, "\"settings\"");
    CHECK_OK(rh_log_get_info(log, queue, &info, 3, &error));
    take_ok(queue, RH_OP_LOG_INFO, 3);
    CHECK(info.durability == RH_DURABILITY_INTERVAL && info.interval_ns == 5000000);
    CHECK(info.retain_bytes == 1 << 30 && info.retain_age_ns == 0 && info.start == 0 && info.end == 0);
    wanted.durability = RH_DURABILITY_DEFAULT;
    wanted.retain_age_ns = 77;
    CHECK_OK(rh_log_configure(log, queue, &wanted, 4, &error));
    take_ok(queue, RH_OP_CONFIGURE, 4);
    CHECK_OK(rh_log_get_info(log, queue, &info, 5, &error));
    take_ok(queue, RH_OP_LOG_INFO, 5);
    CHECK(info.durability == RH_DURABILITY_INTERVAL && info.retain_age_ns == 77);
    CHECK_OK(rh_log_name(log, name, sizeof name, NULL, &error));
    CHECK(strcmp(name, "settings") == 0);
    CHECK_OK(rh_log_delete(log, queue, 6, &error));
    take_ok(queue, RH_OP_DELETE, 6);
    CHECK_OK(rh_log_sync(log, queue, 7, &error));
    take_failed(queue, RH_OP_SYNC, 7, RH_E_DELETED, "deleted");
    CHECK_OK(rh_log_close(log, &error));
    CHECK_OK(rh_log_open(engine, queue, "settings", RH_LOG_OPEN, NULL, 8, &error));
    take_failed(queue, RH_OP_LOG_OPEN, 8, RH_E_NOT_FOUND, "settings");
}

/* A follower gives as many batches as it has credits, and is canceled once. */
static void follower(const rh_engine *engine, const rh_queue *queue)
{
    rh_log *log = open_log(engine, queue, "follower");
    rh_completion batch;
    append(log, queue, "first");
    CHECK_OK(rh_log_follow(log, queue, 0, 0, 1, 30, &error));
    batch = take(queue, RH_OP_FOLLOW, 30);
    CHECK(batch.flags == RH_CQ_MORE && batch.result == 1 && batch.detail == 1);
    CHECK_OK(rh_records_free((rh_records *)batch.handle, &error));
    append(log, queue, "second");
    CHECK(rh_queue_wait(queue, &batch, 1, 20000000, &error) == 0);
    CHECK_OK(rh_queue_credit(queue, 30, 5, &error));
    batch = take(queue, RH_OP_FOLLOW, 30);
    CHECK(batch.flags == RH_CQ_MORE && batch.detail == 2);
    CHECK_OK(rh_records_free((rh_records *)batch.handle, &error));
    CHECK_OK(rh_queue_cancel(queue, 30, &error));
    CHECK_FAILS(rh_queue_cancel(queue, 30, &error), RH_E_NOT_FOUND, "user_data 30");
    batch = take(queue, RH_OP_FOLLOW, 30);
    CHECK(batch.flags == 0 && batch.result == RH_E_CANCELED);
    CHECK_FAILS(rh_queue_credit(queue, 30, 1, &error), RH_E_NOT_FOUND, "user_data 30");
    /* Of two with one number, the end of the second once took the credits of the first. */
    CHECK_OK(rh_log_follow(log, queue, 1, 0, 0, 31, &error));
    CHECK_OK(rh_log_follow(log, queue, 1000, 0, 1, 31, &error));
    take_failed(queue, RH_OP_FOLLOW, 31, RH_E_RANGE, "1000");
    CHECK_OK(rh_queue_credit(queue, 31, 1, &error));
    batch = take(queue, RH_OP_FOLLOW, 31);
    CHECK(batch.flags == RH_CQ_MORE && batch.detail == 2);
    CHECK_OK(rh_records_free((rh_records *)batch.handle, &error));
    CHECK_OK(rh_queue_cancel(queue, 31, &error));
    take_failed(queue, RH_OP_FOLLOW, 31, RH_E_CANCELED, "canceled");
    CHECK_OK(rh_log_close(log, &error));
}

static void names(const rh_engine *engine)
{
    char text[64];
    size_t len;
    CHECK_OK(rh_engine_log_names(engine, text, sizeof text, &len, &error));
    CHECK(strcmp(text, "appends\nfollower") == 0 && len == strlen(text));
    CHECK_FAILS(rh_engine_log_names(engine, text, len, &len, &error), RH_E_SIZE, "17 are needed");
    CHECK(rh_engine_shards(engine, &error) == 1);
}

/* What was accepted before closing completes well, though nobody takes it before. */
static void closing(rh_engine *engine, const rh_queue *queue)
{
    rh_log *log = open_log(engine, queue, "closing");
    rh_slice record = slice("accepted");
    uint64_t i;
    for (i = 0; i < 50; i++) {
        CHECK_OK(rh_log_append(log, queue, &record, 1, 0, 100 + i, &error));
    }
    CHECK_OK(rh_engine_close(engine, queue, 3, &error));
    CHECK_FAILS(rh_engine_close(engine, queue, 3, &error), RH_E_CLOSED, "the engine is closed");
    for (i = 0; i < 51; i++) {
        rh_completion completion;
        CHECK(rh_queue_wait(queue, &completion, 1, RH_FOREVER, &error) == 1);
        CHECK(completion.result >= 0);
        CHECK(completion.op == RH_OP_CLOSE || completion.op == RH_OP_APPEND);
    }
    CHECK_OK(rh_log_append(log, queue, &record, 1, 0, 4, &error));
    take_failed(queue, RH_OP_APPEND, 4, RH_E_CLOSED, "closed");
    CHECK_OK(rh_log_close(log, &error));
}

int main(int argc, char **argv)
{
    rh_engine *engine;
    rh_queue *queue;
    CHECK(argc == 2);
    CHECK(rh_version_number() == RH_VERSION_NUMBER);
    engine = open_engine(argv[1]);
    queue = open_queue(64);
    appends(engine, queue);
    settings(engine, queue);
    follower(engine, queue);
    names(engine);
    closing(engine, queue);
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
