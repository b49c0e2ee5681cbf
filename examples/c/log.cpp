/*
 * log.c in C++: appends lines to a log and reads them back.
 *
 *     log DIRECTORY COUNT
 */
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "roundhouse.hpp"

namespace rh = roundhouse;

/* What to do where nothing can be done. */
template <typename T> static T must(rh::Result<T> result)
{
    if (!result) {
        std::fprintf(stderr, "%s: %s\n", result.error().name(), result.error().message());
        std::exit(1);
    }
    return std::move(result).value();
}

static uint64_t append(const rh::Log &log, const rh::Queue &queue, uint64_t count)
{
    uint64_t last = 0;
    for (uint64_t line = 0; line < count; line++) {
        const std::string text = "line " + std::to_string(line);
        /* Borrowed, and still there when the completion is taken. */
        must(log.append(queue, rh::Bytes(text), line));
        last = static_cast<uint64_t>(must(queue.next()).result);
    }
    return last;
}

static size_t print(const rh::Log &log, const rh::Queue &queue)
{
    size_t printed = 0;
    for (uint64_t from = 0;;) {
        must(log.read(queue, from, 1 << 16, 0));
        const rh_completion read = must(queue.next());
        const auto records = rh::take_handle<rh::Records>(read);
        for (const rh_record &record : records) {
            const std::string_view text = rh::body(record).text();
            std::printf("%" PRIu64 ": %.*s\n", record.offset, static_cast<int>(text.size()), text.data());
        }
        printed += records.size();
        if (records.empty()) {
            return printed;
        }
        from = read.detail;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s DIRECTORY COUNT\n", argv[0]);
        return 2;
    }
    const rh::Queue queue = must(rh::Queue::open(64));
    rh::Options options = must(rh::Options::make());
    must(options.set("shards", "1"));
    rh::Engine engine = must(rh::Engine::open(argv[1], options));
    must(engine.open_log(queue, "lines", 0));
    {
        const auto log = rh::take_handle<rh::Log>(must(queue.next()));
        append(log, queue, std::strtoull(argv[2], nullptr, 10));
        std::printf("%zu lines\n", print(log, queue));
    }
    must(engine.close(queue, 0));
    must(queue.next());
    return 0;
}
