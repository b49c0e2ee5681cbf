/*
 * roundhouse.hpp - Roundhouse for C++17: the functions of roundhouse.h behind types that end what they began.
 *
 * Everything that can fail returns a Result: a value or an Error, to be looked at before it is used. With
 * ROUNDHOUSE_EXCEPTIONS defined, `value()` of a failure throws it; without, it ends the program, as reading a value
 * that is not there has no other answer. Types move and do not copy, and are as large as a handle. `get()` is
 * the handle of the C functions, for what is not here; `release()` gives it up.
 *
 * The classes are compiled into the program that includes them and may change with every version; what stays
 * compatible is the C library below them.
 */
#ifndef ROUNDHOUSE_HPP
#define ROUNDHOUSE_HPP

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#ifdef ROUNDHOUSE_EXCEPTIONS
#include <stdexcept>
#endif

#include "roundhouse.h"

namespace roundhouse {

/* Bytes of somebody else's, as std::span<const uint8_t> of C++20. */
class Bytes {
public:
    constexpr Bytes() noexcept = default;
    constexpr Bytes(const uint8_t *data, size_t size) noexcept : data_(data), size_(size) {}
    Bytes(std::string_view text) noexcept : data_(reinterpret_cast<const uint8_t *>(text.data())), size_(text.size()) {}
    Bytes(const char *text) noexcept : Bytes(std::string_view(text)) {}

    constexpr const uint8_t *data() const noexcept { return data_; }
    constexpr size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr const uint8_t *begin() const noexcept { return data_; }
    constexpr const uint8_t *end() const noexcept { return data_ + size_; }
    std::string_view text() const noexcept { return { reinterpret_cast<const char *>(data_), size_ }; }

private:
    const uint8_t *data_ = nullptr;
    size_t size_ = 0;
};

/* Why something failed. */
class Error {
public:
    Error() noexcept { std::memset(&error_, 0, sizeof error_); }

    rh_status status() const noexcept { return error_.status; }
    const char *name() const noexcept { return rh_status_name(error_.status); }
    const char *message() const noexcept { return error_.message; }
    int sys_errno() const noexcept { return error_.sys_errno; }
    uint64_t detail() const noexcept { return error_.detail; }
    rh_error *get() noexcept { return &error_; }

private:
    rh_error error_;
};

#ifdef ROUNDHOUSE_EXCEPTIONS
/* What `value()` of a failure throws. */
class Exception : public std::runtime_error {
public:
    explicit Exception(const Error &error) : std::runtime_error(error.message()), error_(error) {}
    const Error &error() const noexcept { return error_; }

private:
    Error error_;
};
#endif

/* A value, or why there is none. */
template <typename T> class [[nodiscard]] Result {
public:
    Result(T value) noexcept : value_(std::move(value)) {}
    Result(const Error &error) noexcept : error_(error) {}

    bool ok() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return ok(); }
    const Error &error() const noexcept { return error_; }

    T &value() &
    {
        check();
        return *value_;
    }
    T &&value() &&
    {
        check();
        return std::move(*value_);
    }

private:
    void check() const
    {
        if (!ok()) {
#ifdef ROUNDHOUSE_EXCEPTIONS
            throw Exception(error_);
#else
            std::abort();
#endif
        }
    }

    std::optional<T> value_;
    Error error_;
};

/* Success without a value. */
struct Done {};

/* A handle that is ended with its owner. */
template <typename H, rh_status (*End)(H *, rh_error *)> class Owner {
public:
    Owner() noexcept = default;
    explicit Owner(H *handle) noexcept : handle_(handle) {}
    Owner(Owner &&other) noexcept : handle_(other.release()) {}
    Owner &operator=(Owner &&other) noexcept
    {
        if (this != &other) {
            reset(other.release());
        }
        return *this;
    }
    Owner(const Owner &) = delete;
    Owner &operator=(const Owner &) = delete;
    ~Owner() { reset(nullptr); }

    H *get() const noexcept { return handle_; }
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    H *release() noexcept { return std::exchange(handle_, nullptr); }

private:
    void reset(H *handle) noexcept { End(std::exchange(handle_, handle), nullptr); }

    H *handle_ = nullptr;
};

/* Records of a log, borrowed by whoever iterates over them. */
class Records : public Owner<rh_records, rh_records_free> {
public:
    using Owner::Owner;

    const rh_record *begin() const noexcept { return items().first; }
    const rh_record *end() const noexcept { return items().first + items().count; }
    size_t size() const noexcept { return items().count; }
    bool empty() const noexcept { return size() == 0; }

private:
    struct Items {
        const rh_record *first = nullptr;
        size_t count = 0;
    };
    Items items() const noexcept
    {
        Items items;
        if (rh_records_items(get(), &items.first, &items.count, nullptr) != RH_OK) {
            return {};
        }
        return items;
    }
};

inline Bytes body(const rh_record &record) noexcept { return { record.data, record.len }; }

class Metrics : public Owner<rh_metrics, rh_metrics_free> {
public:
    using Owner::Owner;

    Result<uint64_t> counter(const char *name, uint32_t shard = RH_ALL_SHARDS) const
    {
        Error error;
        uint64_t value = 0;
        if (rh_metrics_counter(get(), shard, name, &value, error.get()) != RH_OK) {
            return error;
        }
        return value;
    }

    /* Borrowed from the snapshot. */
    std::string_view openmetrics() const noexcept
    {
        const char *text = nullptr;
        size_t len = 0;
        return rh_metrics_openmetrics(get(), &text, &len, nullptr) == RH_OK ? std::string_view(text, len)
                                                                           : std::string_view();
    }
};

class Options : public Owner<rh_options, rh_options_free> {
public:
    using Owner::Owner;

    static Result<Options> make()
    {
        Error error;
        rh_options *options = nullptr;
        if (rh_options_new(&options, error.get()) != RH_OK) {
            return error;
        }
        return Options(options);
    }

    Result<Done> set(const char *key, const char *value)
    {
        Error error;
        if (rh_options_set(get(), key, value, error.get()) != RH_OK) {
            return error;
        }
        return Done{};
    }

    Result<Done> load_toml(const char *toml)
    {
        Error error;
        if (rh_options_load_toml(get(), toml, error.get()) != RH_OK) {
            return error;
        }
        return Done{};
    }
};

/*
 * A completion queue. Ending one that still has operations leaks it, since their memory is borrowed: take all
 * completions first.
 */
class Queue : public Owner<rh_queue, rh_queue_close> {
public:
    using Owner::Owner;

    static Result<Queue> open(uint32_t depth)
    {
        Error error;
        rh_queue *queue = nullptr;
        if (rh_queue_open(depth, &queue, error.get()) != RH_OK) {
            return error;
        }
        return Queue(queue);
    }

    Result<int> fd() const
    {
        Error error;
        const int fd = rh_queue_fd(get(), error.get());
        if (fd < 0) {
            return error;
        }
        return fd;
    }

    Result<size_t> poll(rh_completion *out, uint32_t cap) const
    {
        Error error;
        return count(rh_queue_poll(get(), out, cap, error.get()), error);
    }

    Result<size_t> wait(rh_completion *out, uint32_t cap, uint64_t timeout_ns = RH_FOREVER) const
    {
        Error error;
        return count(rh_queue_wait(get(), out, cap, timeout_ns, error.get()), error);
    }

    /* The next completion: it, or why it or the waiting failed. */
    Result<rh_completion> next() const
    {
        Error error;
        rh_completion completion;
        if (rh_queue_wait(get(), &completion, 1, RH_FOREVER, error.get()) < 0) {
            return error;
        }
        if (completion.result < 0) {
            rh_queue_error(get(), &completion, error.get());
            return error;
        }
        return completion;
    }

    Result<Done> cancel(uint64_t user_data) const
    {
        Error error;
        return done(rh_queue_cancel(get(), user_data, error.get()), error);
    }

    Result<Done> credit(uint64_t user_data, uint32_t credits) const
    {
        Error error;
        return done(rh_queue_credit(get(), user_data, credits, error.get()), error);
    }

private:
    static Result<size_t> count(int32_t taken, const Error &error)
    {
        if (taken < 0) {
            return error;
        }
        return static_cast<size_t>(taken);
    }
    static Result<Done> done(rh_status status, const Error &error)
    {
        if (status != RH_OK) {
            return error;
        }
        return Done{};
    }
};

class Log : public Owner<rh_log, rh_log_close> {
public:
    using Owner::Owner;

    /* `record` is borrowed until the completion, unless `flags` has RH_COPY. */
    Result<Done> append(const Queue &queue, Bytes record, uint64_t user_data, uint32_t flags = 0) const
    {
        Error error;
        const rh_slice slice = { record.data(), record.size() };
        return done(rh_log_append(get(), queue.get(), &slice, 1, flags, user_data, error.get()), error);
    }

    Result<Done> append(const Queue &queue, const rh_slice *records, uint32_t count, uint64_t user_data,
                        uint32_t flags = 0) const
    {
        Error error;
        return done(rh_log_append(get(), queue.get(), records, count, flags, user_data, error.get()), error);
    }

    /* Its completion has the handle of the Records. */
    Result<Done> read(const Queue &queue, uint64_t from, size_t bytes_max, uint64_t user_data) const
    {
        Error error;
        return done(rh_log_read(get(), queue.get(), from, bytes_max, user_data, error.get()), error);
    }

    Result<Done> follow(const Queue &queue, uint64_t from, uint32_t credits, uint64_t user_data,
                        size_t batch_bytes = 0) const
    {
        Error error;
        return done(rh_log_follow(get(), queue.get(), from, batch_bytes, credits, user_data, error.get()), error);
    }

    Result<Done> sync(const Queue &queue, uint64_t user_data) const
    {
        Error error;
        return done(rh_log_sync(get(), queue.get(), user_data, error.get()), error);
    }

    Result<Done> trim(const Queue &queue, uint64_t start, uint64_t user_data) const
    {
        Error error;
        return done(rh_log_trim(get(), queue.get(), start, user_data, error.get()), error);
    }

    Result<Done> truncate(const Queue &queue, uint64_t end, uint64_t user_data) const
    {
        Error error;
        return done(rh_log_truncate(get(), queue.get(), end, user_data, error.get()), error);
    }

private:
    static Result<Done> done(rh_status status, const Error &error)
    {
        if (status != RH_OK) {
            return error;
        }
        return Done{};
    }
};

/* What a call came to, without a value. */
template <typename Call> Result<Done> done(Call call)
{
    Error error;
    if (call(error.get()) != RH_OK) {
        return error;
    }
    return Done{};
}

/* Bytes that arrived, where their completion said. */
class Buffer : public Owner<rh_buffer, rh_buffer_free> {
public:
    using Owner::Owner;

    Result<rh_origin> origin() const
    {
        Error error;
        rh_origin origin;
        if (rh_buffer_origin(get(), &origin, error.get()) != RH_OK) {
            return error;
        }
        return origin;
    }
};

inline Bytes bytes(const rh_completion &completion) noexcept { return { completion.data, completion.len }; }

/* Reads an address such as 127.0.0.1:4433. */
inline Result<rh_address> address(const char *text)
{
    Error error;
    rh_address address;
    if (rh_address_parse(text, &address, error.get()) != RH_OK) {
        return error;
    }
    return address;
}

class TlsServer : public Owner<rh_tls_server, rh_tls_server_free> {
public:
    using Owner::Owner;

    static Result<TlsServer> make(const rh_tls_settings &settings)
    {
        Error error;
        rh_tls_server *server = nullptr;
        if (rh_tls_server_new(&settings, &server, error.get()) != RH_OK) {
            return error;
        }
        return TlsServer(server);
    }
};

class TlsClient : public Owner<rh_tls_client, rh_tls_client_free> {
public:
    using Owner::Owner;

    static Result<TlsClient> make(const rh_tls_settings &settings)
    {
        Error error;
        rh_tls_client *client = nullptr;
        if (rh_tls_client_new(&settings, &client, error.get()) != RH_OK) {
            return error;
        }
        return TlsClient(client);
    }
};

/* A TCP connection, plain or with TLS, or a stream of a QUIC connection. */
class Stream : public Owner<rh_stream, rh_stream_close> {
public:
    using Owner::Owner;

    /* `data` is borrowed until the completion, unless `flags` has RH_COPY. */
    Result<Done> send(const Queue &queue, Bytes data, uint64_t user_data, uint32_t flags = 0) const
    {
        const rh_slice slice = { data.data(), data.size() };
        return done([&](rh_error *error) {
            return rh_stream_send(get(), queue.get(), &slice, 1, flags, user_data, error);
        });
    }

    /* Sends the end behind everything before. */
    Result<Done> finish(const Queue &queue, uint64_t user_data) const
    {
        return done([&](rh_error *error) {
            return rh_stream_send(get(), queue.get(), nullptr, 0, RH_FINISH, user_data, error);
        });
    }

    /* Its completions have the handles of the Buffers. */
    Result<Done> receive(const Queue &queue, uint64_t user_data, uint32_t credits = RH_ONCE) const
    {
        return done([&](rh_error *error) {
            return rh_stream_receive(get(), queue.get(), credits, user_data, error);
        });
    }
};

class Udp : public Owner<rh_udp, rh_udp_close> {
public:
    using Owner::Owner;

    Result<Done> receive(const Queue &queue, uint64_t user_data, uint32_t credits = RH_ONCE) const
    {
        return done([&](rh_error *error) { return rh_udp_receive(get(), queue.get(), credits, user_data, error); });
    }

    /* How many there was room for. */
    Result<size_t> send(const Queue &queue, const rh_transmit *transmits, uint32_t count, uint32_t flags = 0) const
    {
        Error error;
        const int32_t taken = rh_udp_send(get(), queue.get(), transmits, count, flags, error.get());
        if (taken < 0) {
            return error;
        }
        return static_cast<size_t>(taken);
    }
};

class Listener : public Owner<rh_listener, rh_listener_close> {
public:
    using Owner::Owner;

    /* Its completions have the handles of the Streams. */
    Result<Done> accept(const Queue &queue, uint64_t user_data, uint32_t credits = RH_ONCE) const
    {
        return done([&](rh_error *error) {
            return rh_listener_accept(get(), queue.get(), credits, user_data, error);
        });
    }
};

/* A QUIC connection, which goes on until its streams are ended; rh_connection_close ends it with a code. */
class Connection : public Owner<rh_connection, rh_connection_release> {
public:
    using Owner::Owner;

    /* Its completion has the handle of the Stream. */
    Result<Done> open_stream(const Queue &queue, uint64_t user_data, uint32_t direction = RH_BIDIRECTIONAL) const
    {
        return done([&](rh_error *error) {
            return rh_connection_open_stream(get(), queue.get(), direction, user_data, error);
        });
    }

    Result<Done> accept_stream(const Queue &queue, uint64_t user_data, uint32_t direction = RH_BIDIRECTIONAL,
                               uint32_t credits = RH_ONCE) const
    {
        return done([&](rh_error *error) {
            return rh_connection_accept_stream(get(), queue.get(), direction, credits, user_data, error);
        });
    }
};

/* Ends an endpoint that nobody closed, without telling anybody: prefer Quic::close. */
inline rh_status close_quic_untold(rh_quic *quic, rh_error *error)
{
    return rh_quic_close(quic, nullptr, 0, nullptr, 0, error);
}

class Quic : public Owner<rh_quic, close_quic_untold> {
public:
    using Owner::Owner;

    /* Its completions have the handles of the Connections. */
    Result<Done> accept(const Queue &queue, uint64_t user_data, uint32_t credits = RH_ONCE) const
    {
        return done([&](rh_error *error) { return rh_quic_accept(get(), queue.get(), credits, user_data, error); });
    }

    Result<Done> connect(const Queue &queue, const rh_address &to, const TlsClient &tls, const char *name,
                         uint64_t user_data, uint32_t flags = 0) const
    {
        return done([&](rh_error *error) {
            return rh_quic_connect(get(), queue.get(), &to, tls.get(), name, flags, user_data, error);
        });
    }

    /* Its completion says that no connection is left. */
    Result<Done> close(const Queue &queue, uint64_t user_data, uint64_t code = 0, const char *reason = nullptr)
    {
        Error error;
        if (rh_quic_close(get(), queue.get(), code, reason, user_data, error.get()) != RH_OK) {
            return error;
        }
        release();
        return Done{};
    }
};

/* Ends an engine that nobody closed, without telling anybody: prefer Engine::close. */
inline rh_status close_untold(rh_engine *engine, rh_error *error)
{
    return rh_engine_close(engine, nullptr, 0, error);
}

class Engine : public Owner<rh_engine, close_untold> {
public:
    using Owner::Owner;

    static Result<Engine> open(const char *directory, const Options &options = Options(), uint32_t flags = 0)
    {
        Error error;
        rh_engine *engine = nullptr;
        if (rh_engine_open(directory, options.get(), flags, &engine, error.get()) != RH_OK) {
            return error;
        }
        return Engine(engine);
    }

    /* Its completion has the handle of the Log. */
    Result<Done> open_log(const Queue &queue, const char *name, uint64_t user_data,
                          uint32_t mode = RH_LOG_OPEN_OR_CREATE, const rh_log_settings *settings = nullptr) const
    {
        Error error;
        if (rh_log_open(get(), queue.get(), name, mode, settings, user_data, error.get()) != RH_OK) {
            return error;
        }
        return Done{};
    }

    /* Its completion has the handle of the Metrics. */
    Result<Done> metrics(const Queue &queue, uint64_t user_data) const
    {
        Error error;
        if (rh_engine_metrics(get(), queue.get(), user_data, error.get()) != RH_OK) {
            return error;
        }
        return Done{};
    }

    /* Their completions have the handles of the Udp, Listener, Stream and Quic. */
    Result<Done> open_udp(const Queue &queue, const rh_address &local, uint64_t user_data, uint32_t shard = 0) const
    {
        return done([&](rh_error *error) {
            return rh_udp_open(get(), queue.get(), shard, &local, nullptr, user_data, error);
        });
    }

    Result<Done> listen(const Queue &queue, const rh_address &local, uint64_t user_data,
                        const TlsServer &tls = TlsServer(), uint32_t shard = 0) const
    {
        return done([&](rh_error *error) {
            return rh_tcp_listen(get(), queue.get(), shard, &local, tls.get(), nullptr, user_data, error);
        });
    }

    Result<Done> connect(const Queue &queue, const rh_address &to, uint64_t user_data,
                         const TlsClient &tls = TlsClient(), const char *name = nullptr, uint32_t shard = 0) const
    {
        return done([&](rh_error *error) {
            return rh_tcp_connect(get(), queue.get(), shard, &to, tls.get(), name, nullptr, user_data, error);
        });
    }

    Result<Done> open_quic(const Queue &queue, const rh_address &local, uint64_t user_data,
                           const TlsServer &tls = TlsServer(), uint32_t shard = 0) const
    {
        return done([&](rh_error *error) {
            return rh_quic_open(get(), queue.get(), shard, &local, tls.get(), nullptr, user_data, error);
        });
    }

    /* Its completion says that everything is durable and the directory free. */
    Result<Done> close(const Queue &queue, uint64_t user_data)
    {
        Error error;
        if (rh_engine_close(get(), queue.get(), user_data, error.get()) != RH_OK) {
            return error;
        }
        release();
        return Done{};
    }
};

/* Takes over the handle of a completion. */
template <typename T> T take_handle(const rh_completion &completion) noexcept
{
    using Handle = decltype(std::declval<T>().release());
    return T(static_cast<Handle>(completion.handle));
}

static_assert(sizeof(Engine) == sizeof(rh_engine *) && sizeof(Log) == sizeof(rh_log *), "as large as a handle");

} // namespace roundhouse

#endif
