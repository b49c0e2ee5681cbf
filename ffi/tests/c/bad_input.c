/* What programs do wrong: each mistake has the status and the message it must have, and nothing breaks. */
#include "check.h"

static rh_error error;

/* Numbers and texts that are nothing. */
static void wrong_values(rh_engine *engine, const rh_queue *queue, const rh_log *log)
{
    rh_slice record = slice("x");
    rh_completion completion;
    memset(&completion, 0, sizeof completion);
    CHECK_FAILS(rh_queue_error(queue, &completion, &error), RH_E_INVALID, "of no failure");
    CHECK_FAILS(rh_engine_open("x", NULL, 64, &engine, &error), RH_E_INVALID, "no such flags: 0x40");
    CHECK_FAILS(rh_log_open(engine, queue, "\xff", 0, NULL, 1, &error), RH_E_INVALID, "name is not UTF-8");
    CHECK_FAILS(rh_log_open(engine, queue, "x", 9, NULL, 1, &error), RH_E_INVALID, "no mode 9");
    CHECK_FAILS(rh_log_append(log, queue, &record, 0, 0, 1, &error), RH_E_INVALID, "count is 0");
    CHECK_FAILS(rh_log_append(log, queue, &record, 1, 8, 1, &error), RH_E_INVALID, "no such flags: 0x8");
}

static void wrong_handles(const rh_engine *engine, rh_queue *queue, rh_log *log)
{
    rh_slice record = slice("x");
    const void *made_up = (const void *)(uintptr_t)0x7fff12345679;
    CHECK_FAILS(rh_log_append((const rh_log *)(const void *)queue, queue, &record, 1, 0, 1, &error), RH_E_INVALID,
                "no handle of the kind: log");
    CHECK_FAILS(rh_log_append(log, (const rh_queue *)(const void *)engine, &record, 1, 0, 1, &error), RH_E_INVALID,
                "no handle of the kind: queue");
    CHECK_FAILS(rh_log_append((const rh_log *)(const void *)&record, queue, &record, 1, 0, 1, &error), RH_E_INVALID,
                "no handle of the kind: log");
    CHECK(rh_engine_shards((const rh_engine *)made_up, &error) == RH_E_INVALID);
}

static void closed_handles(const rh_engine *engine, rh_queue *queue)
{
    rh_slice record = slice("x");
    rh_log *log = open_log(engine, queue, "closed");
    rh_options *options;
    rh_records *records;
    const rh_record *first;
    size_t count;
    rh_queue *other = open_queue(1);
    CHECK_OK(rh_log_read(log, queue, 0, 1, 1, &error));
    records = (rh_records *)take(queue, RH_OP_READ, 1).handle;
    CHECK_OK(rh_records_free(records, &error));
    CHECK_FAILS(rh_records_free(records, &error), RH_E_CLOSED, "the records is closed");
    CHECK_FAILS(rh_records_items(records, &first, &count, &error), RH_E_CLOSED, "the records is closed");
    CHECK_OK(rh_log_close(log, &error));
    CHECK_FAILS(rh_log_close(log, &error), RH_E_CLOSED, "the log is closed");
    CHECK_FAILS(rh_log_append(log, queue, &record, 1, 0, 1, &error), RH_E_CLOSED, "the log is closed");
    CHECK_FAILS(rh_log_read(log, queue, 0, 1, 1, &error), RH_E_CLOSED, "the log is closed");
    CHECK_OK(rh_queue_close(other, &error));
    CHECK_FAILS(rh_queue_close(other, &error), RH_E_CLOSED, "the queue is closed");
    CHECK_FAILS(rh_queue_poll(other, NULL, 0, &error), RH_E_CLOSED, "the queue is closed");
    CHECK_FAILS(rh_engine_metrics(engine, other, 1, &error), RH_E_CLOSED, "the queue is closed");
    CHECK_OK(rh_options_new(&options, &error));
    CHECK_OK(rh_options_free(options, &error));
    CHECK_FAILS(rh_options_free(options, &error), RH_E_CLOSED, "the options is closed");
    CHECK_FAILS(rh_options_set(options, "shards", "1", &error), RH_E_CLOSED, "the options is closed");
}

static void full_queue_and_unread_completions(const rh_log *log)
{
    rh_slice record = slice("x");
    rh_append appends[3];
    rh_queue *queue;
    int i;
    CHECK_FAILS(rh_queue_open(0, &queue, &error), RH_E_INVALID, "a depth of 1 to");
    CHECK_FAILS(rh_queue_open(RH_QUEUE_DEPTH_MAX + 1, &queue, &error), RH_E_INVALID, "a depth of 1 to");
    queue = open_queue(2);
    for (i = 0; i < 3; i++) {
        appends[i].user_data = 2;
        appends[i].record = record;
    }
    CHECK(rh_log_append_many(log, queue, appends, 3, 0, &error) == 2);
    CHECK_FAILS(rh_log_append_many(log, queue, appends, 3, 0, &error), RH_E_FULL, "2 operations, its depth");
    CHECK_FAILS(rh_log_append(log, queue, &record, 1, 0, 1, &error), RH_E_FULL, "take completions first");
    CHECK_FAILS(rh_log_sync(log, queue, 1, &error), RH_E_FULL, "take completions first");
    CHECK_FAILS(rh_queue_close(queue, &error), RH_E_BUSY, "2 operations are in the queue");
    take_ok(queue, RH_OP_APPEND, 2);
    CHECK_FAILS(rh_queue_close(queue, &error), RH_E_BUSY, "1 operations are in the queue");
    CHECK_FAILS(rh_queue_cancel(queue, 2, &error), RH_E_NOT_FOUND, "user_data 2");
    take_ok(queue, RH_OP_APPEND, 2);
    CHECK_OK(rh_queue_close(queue, &error));
}

static void wrong_sizes(const rh_engine *engine, const rh_queue *queue, const rh_log *log)
{
    struct {
        rh_log_settings known;
        uint64_t unknown;
    } settings = { RH_LOG_SETTINGS_INIT, 0 };
    struct {
        rh_log_info known;
        uint64_t unknown;
    } info = { RH_LOG_INFO_INIT, 77 };
    rh_log_settings sizeless = RH_LOG_SETTINGS_INIT;
    sizeless.struct_size = 0;
    CHECK_FAILS(rh_log_configure(log, queue, &sizeless, 1, &error), RH_E_VERSION, "rh_log_settings.struct_size is 0");
    sizeless.struct_size = (size_t)-1;
    CHECK_FAILS(rh_log_open(engine, queue, "x", 0, &sizeless, 1, &error), RH_E_VERSION, "set it to the size");
    settings.known.struct_size = sizeof settings;
    settings.unknown = 1;
    CHECK_FAILS(rh_log_configure(log, queue, &settings.known, 1, &error), RH_E_VERSION, "a field that this library");
    settings.unknown = 0;
    CHECK_OK(rh_log_configure(log, queue, &settings.known, 1, &error));
    take_ok(queue, RH_OP_CONFIGURE, 1);
    info.known.struct_size = sizeof info;
    CHECK_OK(rh_log_get_info(log, queue, &info.known, 1, &error));
    take_ok(queue, RH_OP_LOG_INFO, 1);
    CHECK(info.unknown == 77 && info.known.struct_size == sizeof info);
    info.known.struct_size = 8;
    CHECK_FAILS(rh_log_get_info(log, queue, &info.known, 1, &error), RH_E_VERSION, "rh_log_info.struct_size is 8");
    settings.known.durability = 9;
    CHECK_FAILS(rh_log_configure(log, queue, &settings.known, 1, &error), RH_E_INVALID, "no durability 9");
    settings.known.durability = RH_DURABILITY_INTERVAL;
    CHECK_FAILS(rh_log_configure(log, queue, &settings.known, 1, &error), RH_E_INVALID, "interval_ns is 0");
}

static void wrong_options(const char *directory)
{
    rh_options *options;
    rh_engine *engine;
    char text[64], document[4096];
    CHECK_OK(rh_options_new(&options, &error));
    CHECK_FAILS(rh_options_set(options, "shard", "1", &error), RH_E_OPTION, "the nearest is \"shards\"");
    CHECK_FAILS(rh_options_set(options, "pin", "maybe", &error), RH_E_OPTION, "allowed: true or false");
    CHECK_FAILS(rh_options_get(options, "shard", text, sizeof text, NULL, &error), RH_E_OPTION, "no option");
    CHECK_FAILS(rh_options_get(options, "pin", text, 2, NULL, &error), RH_E_SIZE, "6 are needed");
    CHECK_FAILS(rh_options_load_toml(options, "= 1", &error), RH_E_OPTION, "line 1, column 1: not TOML");
    CHECK_FAILS(rh_options_load_toml(options, "shards = 1\nspin = 7", &error), RH_E_OPTION, "line 2");
    CHECK_FAILS(rh_options_load_file(options, "/nowhere/at/all", &error), RH_E_IO, "/nowhere/at/all");
    CHECK_FAILS(rh_options_set_new_store_shards(options, 0, &error), RH_E_OPTION, "at least one shard");
    CHECK_OK(rh_options_load_toml(options, "shards = 1\nmemory = '1GiB'", &error));
    CHECK_OK(rh_options_get(options, "memory", text, sizeof text, NULL, &error));
    CHECK(strcmp(text, "1GiB") == 0);
    CHECK_OK(rh_options_to_toml(options, document, sizeof document, NULL, &error));
    CHECK(strstr(document, "memory = \"1GiB\"") != NULL);
    CHECK_OK(rh_options_load_toml(options, document, &error));
    CHECK_OK(rh_options_set(options, "shards", "256", &error));
    CHECK_OK(rh_options_set(options, "memory", "64MiB", &error));
    CHECK_FAILS(rh_engine_open(directory, options, 0, &engine, &error), RH_E_OPTION, "is too little for 256 shards");
    CHECK_FAILS(rh_engine_open("/nowhere", NULL, RH_OPEN_EXISTING, &engine, &error), RH_E_NOT_FOUND, "no store");
    CHECK_FAILS(rh_engine_open("/proc/1/x", NULL, 0, &engine, &error), RH_E_IO, "/proc/1/x");
    CHECK_OK(rh_options_free(options, &error));
}

int main(int argc, char **argv)
{
    rh_engine *engine, *second;
    rh_queue *queue;
    rh_log *log;
    CHECK(argc == 2);
    engine = open_engine(argv[1]);
    queue = open_queue(8);
    log = open_log(engine, queue, "log");
    wrong_values(engine, queue, log);
    wrong_handles(engine, queue, log);
    closed_handles(engine, queue);
    full_queue_and_unread_completions(log);
    wrong_sizes(engine, queue, log);
    wrong_options(argv[1]);
    CHECK_FAILS(rh_engine_open(argv[1], NULL, 0, &second, &error), RH_E_BUSY, "is in use");
    CHECK_OK(rh_log_close(log, &error));
    close_engine(engine, queue);
    CHECK_FAILS(rh_engine_close(engine, queue, 1, &error), RH_E_CLOSED, "the engine is closed");
    CHECK_FAILS(rh_engine_shards(engine, &error), RH_E_CLOSED, "the engine is closed");
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
