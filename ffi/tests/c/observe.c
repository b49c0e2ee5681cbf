/* Metrics, diagnostics, and the store seen from outside. */
#include "check.h"

#include <stdatomic.h>

static rh_error error;
static atomic_int told;

static void hear(void *user, int level, const char *text, size_t len)
{
    CHECK(user == &told && level >= RH_LEVEL_ERROR && level <= RH_LEVEL_INFO);
    CHECK(strlen(text) == len);
    if (strstr(text, "engine open") != NULL && strstr(text, "shards=1") != NULL) {
        atomic_store(&told, 1);
    }
}

static void metrics(const rh_engine *engine, const rh_queue *queue)
{
    rh_store_info info = RH_STORE_INFO_INIT;
    rh_metrics *metrics;
    const char *text;
    char names[4096];
    size_t len;
    uint64_t value, latency;
    CHECK_OK(rh_engine_metrics(engine, queue, 5, &error));
    metrics = (rh_metrics *)take(queue, RH_OP_METRICS, 5).handle;
    CHECK_OK(rh_metrics_counter(metrics, RH_ALL_SHARDS, "records_appended", &value, &error));
    CHECK(value >= 1);
    CHECK_OK(rh_metrics_counter(metrics, 0, "frames_written", &value, &error));
    CHECK_FAILS(rh_metrics_counter(metrics, 0, "sheep", &value, &error), RH_E_NOT_FOUND, "counts sheep");
    CHECK_FAILS(rh_metrics_counter(metrics, 7, "syncs", &value, &error), RH_E_NOT_FOUND, "no shard 7");
    CHECK_OK(rh_metrics_counters(metrics, names, sizeof names, NULL, &error));
    CHECK(strstr(names, "records_appended\n") != NULL);
    CHECK_OK(rh_metrics_append_latency(metrics, 0.5, &latency, &error));
    CHECK(latency > 0);
    CHECK_FAILS(rh_metrics_append_latency(metrics, 2, &latency, &error), RH_E_INVALID, "from 0 to 1");
    CHECK_OK(rh_metrics_openmetrics(metrics, &text, &len, &error));
    CHECK(len > 6 && memcmp(text + len - 6, "# EOF\n", 6) == 0);
    CHECK_OK(rh_metrics_free(metrics, &error));
    CHECK_FAILS(rh_metrics_free(metrics, &error), RH_E_CLOSED, "the metrics is closed");
    CHECK_OK(rh_engine_get_info(engine, queue, 0, &info, 6, &error));
    take_ok(queue, RH_OP_STORE_INFO, 6);
    CHECK(info.logs == 1 && info.slot_bytes == 4 << 20 && info.epoch >= 1);
    CHECK_FAILS(rh_engine_get_info(engine, queue, 3, &info, 6, &error), RH_E_INVALID, "no shard 3");
}

/* A timer completes, and one that is canceled does too. */
static void timers(const rh_engine *engine, const rh_queue *queue)
{
    CHECK_OK(rh_engine_timer(engine, queue, 0, 1000000, 8, &error));
    take_ok(queue, RH_OP_TIMER, 8);
    CHECK_OK(rh_engine_timer(engine, queue, 0, UINT64_MAX, 9, &error));
    CHECK_OK(rh_queue_cancel(queue, 9, &error));
    take_failed(queue, RH_OP_TIMER, 9, RH_E_CANCELED, "canceled");
    CHECK_FAILS(rh_engine_timer(engine, queue, 9, 1, 8, &error), RH_E_INVALID, "no shard 9");
}

static void count_line(void *user, const char *text, size_t len)
{
    CHECK(len > 0 && text[len - 1] != '\n');
    ++*(int *)user;
}

static void see_record(void *user, uint32_t log, const char *name, size_t name_len, const rh_record *record)
{
    (void)log;
    CHECK(name_len == 4 && memcmp(name, "kept", 4) == 0);
    CHECK(record->len == 4 && memcmp(record->data, "body", 4) == 0);
    ++*(int *)user;
}

static void offline(const char *directory)
{
    rh_verification found = RH_VERIFICATION_INIT;
    rh_repair repair = RH_REPAIR_INIT;
    uint32_t shards;
    uint64_t records;
    int lines = 0, seen = 0;
    CHECK_OK(rh_store_shards(directory, &shards, &error));
    CHECK(shards == 1);
    CHECK_OK(rh_store_verify(directory, 0, NULL, NULL, NULL, &found, &error));
    CHECK(found.verdict == RH_VERDICT_CLEAN && found.records >= 1 && found.damaged == 0);
    CHECK_OK(rh_store_inspect(directory, 0, count_line, &lines, &error));
    CHECK(lines >= 3);
    CHECK_OK(rh_store_repair(directory, 0, RH_DRY_RUN, NULL, NULL, &repair, &error));
    CHECK(repair.outcome == RH_REPAIR_NOTHING_TO_DO);
    CHECK_OK(rh_store_salvage(directory, 0, 0, see_record, &seen, &records, &error));
    CHECK(seen == 1 && records == 1);
    CHECK_FAILS(rh_store_verify(directory, 1, NULL, NULL, NULL, &found, &error), RH_E_INVALID, "no shard 1");
    CHECK_FAILS(rh_store_shards("/nowhere", &shards, &error), RH_E_NOT_FOUND, "no store");
    CHECK_OK(rh_store_probe(directory, &error));
}

int main(int argc, char **argv)
{
    rh_options *options;
    rh_engine *engine;
    rh_queue *queue = open_queue(8);
    rh_log *log;
    uint32_t shards;
    CHECK(argc == 2);
    CHECK_OK(rh_options_new(&options, &error));
    CHECK_OK(rh_options_load_toml(options, "shards = 1\nslot_size = '4MiB'", &error));
    CHECK_FAILS(rh_options_set_diagnostics(options, 9, hear, NULL, &error), RH_E_INVALID, "no level 9");
    CHECK_OK(rh_options_set_diagnostics(options, RH_LEVEL_INFO, hear, &told, &error));
    CHECK_OK(rh_engine_open(argv[1], options, 0, &engine, &error));
    CHECK_OK(rh_options_free(options, &error));
    CHECK(atomic_load(&told) == 1);
    log = open_log(engine, queue, "kept");
    append(log, queue, "body");
    metrics(engine, queue);
    timers(engine, queue);
    CHECK_FAILS(rh_store_shards(argv[1], &shards, &error), RH_E_BUSY, "in use");
    CHECK_OK(rh_log_close(log, &error));
    close_engine(engine, queue);
    offline(argv[1]);
    CHECK_OK(rh_queue_close(queue, &error));
    return 0;
}
