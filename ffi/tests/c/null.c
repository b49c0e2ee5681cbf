/* NULL for every handle, text, structure and out-parameter of every function: each is named by the message. */
#include "check.h"

static rh_error error;

/* Checks that a call refuses a NULL and says which. */
#define REFUSES(call, name) CHECK_FAILS(call, RH_E_INVALID, name " is NULL")

static void options(void)
{
    rh_options *options;
    char text[8];
    size_t len = 0;
    CHECK_OK(rh_options_new(&options, &error));
    REFUSES(rh_options_new(NULL, &error), "out");
    REFUSES(rh_options_set(NULL, "shards", "1", &error), "the options");
    REFUSES(rh_options_set(options, NULL, "1", &error), "key");
    REFUSES(rh_options_set(options, "shards", NULL, &error), "value");
    REFUSES(rh_options_get(NULL, "shards", text, sizeof text, &len, &error), "the options");
    REFUSES(rh_options_get(options, NULL, text, sizeof text, &len, &error), "key");
    CHECK_FAILS(rh_options_get(options, "pin", NULL, 8, &len, &error), RH_E_SIZE, "are needed");
    REFUSES(rh_options_load_toml(NULL, "", &error), "the options");
    REFUSES(rh_options_load_toml(options, NULL, &error), "toml");
    REFUSES(rh_options_load_file(NULL, "/nowhere", &error), "the options");
    REFUSES(rh_options_load_file(options, NULL, &error), "path");
    REFUSES(rh_options_to_toml(NULL, text, sizeof text, &len, &error), "the options");
    REFUSES(rh_options_load_environment(NULL, &error), "the options");
    REFUSES(rh_options_set_new_store_shards(NULL, 1, &error), "the options");
    REFUSES(rh_options_set_diagnostics(NULL, RH_LEVEL_INFO, NULL, NULL, &error), "the options");
    CHECK_FAILS(rh_options_keys(NULL, 0, &len, &error), RH_E_SIZE, "are needed");
    CHECK_FAILS(rh_options_page(NULL, 0, NULL, &error), RH_E_SIZE, "are needed");
    CHECK_OK(rh_options_free(options, &error));
    CHECK_OK(rh_options_free(NULL, &error));
}

static void queues(const rh_queue *queue)
{
    rh_completion completion;
    memset(&completion, 0, sizeof completion);
    REFUSES(rh_queue_open(1, NULL, &error), "out");
    REFUSES(rh_queue_fd(NULL, &error), "the queue");
    REFUSES(rh_queue_poll(NULL, &completion, 1, &error), "the queue");
    REFUSES(rh_queue_poll(queue, NULL, 1, &error), "out");
    REFUSES(rh_queue_wait(NULL, &completion, 1, 0, &error), "the queue");
    REFUSES(rh_queue_wait(queue, NULL, 1, 0, &error), "out");
    REFUSES(rh_queue_error(NULL, &completion, &error), "the queue");
    REFUSES(rh_queue_error(queue, NULL, &error), "completion");
    CHECK(rh_queue_error(queue, &completion, NULL) == RH_E_INVALID);
    REFUSES(rh_queue_cancel(NULL, 1, &error), "the queue");
    REFUSES(rh_queue_credit(NULL, 1, 1, &error), "the queue");
    CHECK_OK(rh_queue_close(NULL, &error));
}

static void engines(const rh_engine *engine, const rh_queue *queue)
{
    rh_engine *made;
    rh_shard *shard;
    rh_store_info info = RH_STORE_INFO_INIT;
    rh_turn turn;
    uint32_t count;
    char text[8];
    REFUSES(rh_engine_open(NULL, NULL, 0, &made, &error), "directory");
    REFUSES(rh_engine_open("x", NULL, 0, NULL, &error), "out");
    REFUSES(rh_engine_open_hosted(NULL, NULL, 0, queue, 1, &shard, 1, &count, &error), "directory");
    REFUSES(rh_engine_open_hosted("x", NULL, 0, NULL, 1, &shard, 1, &count, &error), "the queue");
    REFUSES(rh_engine_open_hosted("x", NULL, 0, queue, 1, NULL, 1, &count, &error), "shards");
    REFUSES(rh_engine_open_hosted("x", NULL, 0, queue, 1, &shard, 1, NULL, &error), "count");
    REFUSES(rh_engine_shards(NULL, &error), "the engine");
    REFUSES(rh_engine_directory(NULL, text, sizeof text, NULL, &error), "the engine");
    CHECK_FAILS(rh_engine_directory(engine, NULL, 8, NULL, &error), RH_E_SIZE, "are needed");
    REFUSES(rh_engine_store_id(NULL, (uint8_t *)text, &error), "the engine");
    REFUSES(rh_engine_store_id(engine, NULL, &error), "out");
    REFUSES(rh_engine_log_names(NULL, text, sizeof text, NULL, &error), "the engine");
    CHECK_FAILS(rh_engine_log_names(engine, NULL, 8, NULL, &error), RH_E_SIZE, "are needed");
    REFUSES(rh_engine_get_info(NULL, queue, 0, &info, 1, &error), "the engine");
    REFUSES(rh_engine_get_info(engine, NULL, 0, &info, 1, &error), "the queue");
    REFUSES(rh_engine_get_info(engine, queue, 0, NULL, 1, &error), "rh_store_info");
    REFUSES(rh_engine_metrics(NULL, queue, 1, &error), "the engine");
    REFUSES(rh_engine_metrics(engine, NULL, 1, &error), "the queue");
    REFUSES(rh_engine_timer(NULL, queue, 0, 1, 1, &error), "the engine");
    REFUSES(rh_engine_timer(engine, NULL, 0, 1, 1, &error), "the queue");
    REFUSES(rh_shard_start(NULL, &error), "the shard");
    REFUSES(rh_shard_fd(NULL, &error), "the shard");
    REFUSES(rh_shard_turn(NULL, 1, &turn, &error), "the shard");
    CHECK_OK(rh_shard_free(NULL, &error));
    CHECK_OK(rh_engine_close(NULL, queue, 1, &error));
    CHECK_OK(rh_engine_close(NULL, NULL, 1, &error));
}

static void logs(const rh_engine *engine, const rh_queue *queue, const rh_log *log)
{
    const rh_slice record = slice("x");
    const rh_append append = { 1, record };
    rh_log_settings settings = RH_LOG_SETTINGS_INIT;
    rh_log_info info = RH_LOG_INFO_INIT;
    rh_slice bad;
    char text[8];
    bad.data = NULL;
    bad.len = 1;
    REFUSES(rh_log_open(NULL, queue, "x", RH_LOG_OPEN, NULL, 1, &error), "the engine");
    REFUSES(rh_log_open(engine, NULL, "x", RH_LOG_OPEN, NULL, 1, &error), "the queue");
    REFUSES(rh_log_open(engine, queue, NULL, RH_LOG_OPEN, NULL, 1, &error), "name");
    REFUSES(rh_log_append(NULL, queue, &record, 1, 0, 1, &error), "the log");
    REFUSES(rh_log_append(log, NULL, &record, 1, 0, 1, &error), "the queue");
    REFUSES(rh_log_append(log, queue, NULL, 1, 0, 1, &error), "records");
    REFUSES(rh_log_append(log, queue, &bad, 1, 0, 1, &error), "the data of a slice");
    REFUSES(rh_log_append_many(NULL, queue, &append, 1, 0, &error), "the log");
    REFUSES(rh_log_append_many(log, NULL, &append, 1, 0, &error), "the queue");
    REFUSES(rh_log_append_many(log, queue, NULL, 1, 0, &error), "appends");
    REFUSES(rh_log_append_spanning(NULL, queue, record, 1, 0, 0, 1, &error), "the log");
    REFUSES(rh_log_append_spanning(log, NULL, record, 1, 0, 0, 1, &error), "the queue");
    REFUSES(rh_log_append_spanning(log, queue, bad, 1, 0, 0, 1, &error), "the data of a slice");
    REFUSES(rh_log_read(NULL, queue, 0, 1, 1, &error), "the log");
    REFUSES(rh_log_read(log, NULL, 0, 1, 1, &error), "the queue");
    REFUSES(rh_log_follow(NULL, queue, 0, 0, 1, 1, &error), "the log");
    REFUSES(rh_log_follow(log, NULL, 0, 0, 1, 1, &error), "the queue");
    REFUSES(rh_log_offset_at(NULL, queue, 0, 1, &error), "the log");
    REFUSES(rh_log_offset_at(log, NULL, 0, 1, &error), "the queue");
    REFUSES(rh_log_sync(NULL, queue, 1, &error), "the log");
    REFUSES(rh_log_sync(log, NULL, 1, &error), "the queue");
    REFUSES(rh_log_trim(NULL, queue, 0, 1, &error), "the log");
    REFUSES(rh_log_trim(log, NULL, 0, 1, &error), "the queue");
    REFUSES(rh_log_truncate(NULL, queue, 0, 1, &error), "the log");
    REFUSES(rh_log_truncate(log, NULL, 0, 1, &error), "the queue");
    REFUSES(rh_log_configure(NULL, queue, &settings, 1, &error), "the log");
    REFUSES(rh_log_configure(log, NULL, &settings, 1, &error), "the queue");
    REFUSES(rh_log_configure(log, queue, NULL, 1, &error), "settings");
    REFUSES(rh_log_delete(NULL, queue, 1, &error), "the log");
    REFUSES(rh_log_delete(log, NULL, 1, &error), "the queue");
    REFUSES(rh_log_get_info(NULL, queue, &info, 1, &error), "the log");
    REFUSES(rh_log_get_info(log, NULL, &info, 1, &error), "the queue");
    REFUSES(rh_log_get_info(log, queue, NULL, 1, &error), "rh_log_info");
    REFUSES(rh_log_name(NULL, text, sizeof text, NULL, &error), "the log");
    CHECK_FAILS(rh_log_name(log, NULL, 8, NULL, &error), RH_E_SIZE, "are needed");
    CHECK_OK(rh_log_close(NULL, &error));
}

static void results(const rh_engine *engine, const rh_queue *queue, const rh_log *log)
{
    rh_records *records;
    rh_metrics *metrics;
    const rh_record *first;
    const char *page;
    char text[8];
    size_t count;
    uint64_t number;
    CHECK_OK(rh_log_read(log, queue, 0, 1, 1, &error));
    records = (rh_records *)take(queue, RH_OP_READ, 1).handle;
    REFUSES(rh_records_items(NULL, &first, &count, &error), "the records");
    REFUSES(rh_records_items(records, NULL, &count, &error), "first");
    REFUSES(rh_records_items(records, &first, NULL, &error), "count");
    CHECK_OK(rh_records_free(records, &error));
    CHECK_OK(rh_records_free(NULL, &error));
    CHECK_OK(rh_engine_metrics(engine, queue, 1, &error));
    metrics = (rh_metrics *)take(queue, RH_OP_METRICS, 1).handle;
    REFUSES(rh_metrics_counter(NULL, 0, "syncs", &number, &error), "the metrics");
    REFUSES(rh_metrics_counter(metrics, 0, NULL, &number, &error), "name");
    REFUSES(rh_metrics_counter(metrics, 0, "syncs", NULL, &error), "out");
    REFUSES(rh_metrics_counters(NULL, text, sizeof text, NULL, &error), "the metrics");
    CHECK_FAILS(rh_metrics_counters(metrics, NULL, 8, NULL, &error), RH_E_SIZE, "are needed");
    REFUSES(rh_metrics_append_latency(NULL, 0.5, &number, &error), "the metrics");
    REFUSES(rh_metrics_append_latency(metrics, 0.5, NULL, &error), "out");
    REFUSES(rh_metrics_openmetrics(NULL, &page, &count, &error), "the metrics");
    REFUSES(rh_metrics_openmetrics(metrics, NULL, &count, &error), "out");
    REFUSES(rh_metrics_openmetrics(metrics, &page, NULL, &error), "len");
    CHECK_OK(rh_metrics_free(metrics, &error));
    CHECK_OK(rh_metrics_free(NULL, &error));
}

static void hear(void *user, const char *text, size_t len)
{
    (void)user;
    (void)text;
    (void)len;
}

static void see(void *user, uint32_t log, const char *name, size_t name_len, const rh_record *record)
{
    (void)log;
    (void)record;
    hear(user, name, name_len);
}

static void offline(void)
{
    rh_verification verification = RH_VERIFICATION_INIT;
    rh_repair repair = RH_REPAIR_INIT;
    uint64_t records;
    uint32_t shards;
    REFUSES(rh_store_shards(NULL, &shards, &error), "directory");
    REFUSES(rh_store_shards("/nowhere", NULL, &error), "out");
    REFUSES(rh_store_verify(NULL, 0, NULL, NULL, NULL, &verification, &error), "directory");
    REFUSES(rh_store_verify("/nowhere", 0, NULL, NULL, NULL, NULL, &error), "rh_verification");
    REFUSES(rh_store_inspect(NULL, 0, hear, NULL, &error), "directory");
    REFUSES(rh_store_inspect("/nowhere", 0, NULL, NULL, &error), "note");
    REFUSES(rh_store_repair(NULL, 0, 0, NULL, NULL, &repair, &error), "directory");
    REFUSES(rh_store_repair("/nowhere", 0, 0, NULL, NULL, NULL, &error), "rh_repair");
    REFUSES(rh_store_salvage(NULL, 0, 0, see, NULL, &records, &error), "directory");
    REFUSES(rh_store_salvage("/nowhere", 0, 0, NULL, NULL, &records, &error), "visit");
    REFUSES(rh_store_salvage("/nowhere", 0, 0, see, NULL, NULL, &error), "out");
    REFUSES(rh_store_probe(NULL, &error), "directory");
}

int main(int argc, char **argv)
{
    rh_engine *engine;
    rh_queue *queue;
    rh_log *log;
    CHECK(argc == 2);
    engine = open_engine(argv[1]);
    queue = open_queue(8);
    log = open_log(engine, queue, "log");
    options();
    queues(queue);
    engines(engine, queue);
    logs(engine, queue, log);
    results(engine, queue, log);
    offline();
    /* Not wanting to know why is fine. */
    CHECK(rh_log_append(NULL, NULL, NULL, 0, 0, 0, NULL) == RH_E_INVALID);
    CHECK(strcmp(rh_status_name(RH_E_INVALID), "RH_E_INVALID") == 0);
    CHECK_OK(rh_log_close(log, &error));
    close_engine(engine, queue);
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
