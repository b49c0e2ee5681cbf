/* The sockets of roundhouse.hpp: UDP, TCP with TLS and QUIC, each to itself. */
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "roundhouse.hpp"

namespace rh = roundhouse;

/* The value, or the end of the program with why there is none. */
template <typename T> static T must(rh::Result<T> result)
{
    if (!result) {
        std::fprintf(stderr, "%s: %s\n", result.error().name(), result.error().message());
        std::exit(1);
    }
    return std::move(result).value();
}

static void check(bool is_so, const char *what)
{
    if (!is_so) {
        std::fprintf(stderr, "not so: %s\n", what);
        std::exit(1);
    }
}

/* The next completion, which must have gone well. */
static rh_completion next(const rh::Queue &queue) { return must(queue.next()); }

static std::string read_file(const std::string &path)
{
    std::ifstream file(path);
    return { std::istreambuf_iterator<char>(file), {} };
}

static rh_slice slice(const std::string &text)
{
    return { reinterpret_cast<const uint8_t *>(text.data()), text.size() };
}

/* What both sides of TLS need. */
struct Tls {
    rh::TlsServer server;
    rh::TlsClient client;
};

static Tls make_tls(const std::string &directory)
{
    const std::string certificate = read_file(directory + "/certificate.pem");
    const std::string key = read_file(directory + "/key.pem");
    rh_tls_settings serving = RH_TLS_SETTINGS_INIT, calling = RH_TLS_SETTINGS_INIT;
    serving.certificates = slice(certificate);
    serving.key = slice(key);
    serving.protocols = calling.protocols = "test";
    calling.roots = slice(certificate);
    return { must(rh::TlsServer::make(serving)), must(rh::TlsClient::make(calling)) };
}

static void datagrams(const rh::Engine &engine, const rh::Queue &queue)
{
    must(engine.open_udp(queue, must(rh::address("127.0.0.1:0")), 1));
    const auto udp = rh::take_handle<rh::Udp>(next(queue));
    rh_transmit transmit = {};
    check(rh_udp_address(udp.get(), &transmit.destination, nullptr) == RH_OK, "it has an address");
    transmit.data = { reinterpret_cast<const uint8_t *>("datagram"), 8 };
    must(udp.receive(queue, 2));
    check(must(udp.send(queue, &transmit, 1)) == 1, "there is room for one");
    for (int i = 0; i < 2; i++) {
        const rh_completion completion = next(queue);
        if (completion.op == RH_OP_UDP_RECEIVE) {
            const auto buffer = rh::take_handle<rh::Buffer>(completion);
            check(rh::bytes(completion).text() == "datagram", "the datagram came back");
            check(must(buffer.origin()).source.port == transmit.destination.port, "from itself");
        }
    }
}

/* Says something on one stream and reads it on the other, to the end. */
static void talk(const rh::Queue &queue, const rh::Stream &from, const rh::Stream &to)
{
    must(from.send(queue, "spoken", 5));
    next(queue);
    must(from.finish(queue, 6));
    next(queue);
    std::string heard;
    for (;;) {
        must(to.receive(queue, 7));
        const rh_completion arrival = next(queue);
        const auto buffer = rh::take_handle<rh::Buffer>(arrival);
        if (!buffer) {
            break;
        }
        heard += rh::bytes(arrival).text();
    }
    check(heard == "spoken", "what was said was heard");
}

/* Takes the next two completions and returns the handle of one operation, keeping that of the other. */
template <typename One, typename Other> static std::pair<One, Other> both(const rh::Queue &queue, uint32_t op)
{
    const rh_completion first = next(queue), second = next(queue);
    const bool is_first = first.op == op;
    return { rh::take_handle<One>(is_first ? first : second), rh::take_handle<Other>(is_first ? second : first) };
}

static void streams(const rh::Engine &engine, const rh::Queue &queue, const Tls &tls)
{
    rh_address address = must(rh::address("127.0.0.1:0"));
    must(engine.listen(queue, address, 1, tls.server));
    const auto listener = rh::take_handle<rh::Listener>(next(queue));
    check(rh_listener_address(listener.get(), &address, nullptr) == RH_OK, "it has an address");
    must(listener.accept(queue, 2));
    must(engine.connect(queue, address, 3, tls.client, "localhost"));
    const auto [theirs, ours] = both<rh::Stream, rh::Stream>(queue, RH_OP_TCP_ACCEPT);
    talk(queue, ours, theirs);
    talk(queue, theirs, ours);
}

static void connections(const rh::Engine &engine, const rh::Queue &queue, const Tls &tls)
{
    rh_address address = must(rh::address("127.0.0.1:0"));
    must(engine.open_quic(queue, address, 1, tls.server));
    auto quic = rh::take_handle<rh::Quic>(next(queue));
    check(rh_quic_address(quic.get(), &address, nullptr) == RH_OK, "it has an address");
    must(quic.accept(queue, 2));
    must(quic.connect(queue, address, tls.client, "localhost", 3));
    {
        const auto [theirs, ours] = both<rh::Connection, rh::Connection>(queue, RH_OP_QUIC_ACCEPT);
        must(ours.open_stream(queue, 4, RH_UNIDIRECTIONAL));
        const auto asking = rh::take_handle<rh::Stream>(next(queue));
        must(theirs.accept_stream(queue, 5, RH_UNIDIRECTIONAL));
        must(asking.send(queue, "first ", 6));
        const auto [told, none] = both<rh::Stream, rh::Stream>(queue, RH_OP_STREAM_ACCEPT);
        check(!none, "sending makes no handle");
        must(told.receive(queue, 7));
        const rh_completion arrival = next(queue);
        const auto buffer = rh::take_handle<rh::Buffer>(arrival);
        check(rh::bytes(arrival).text() == "first ", "the stream is the one that was opened");
        talk(queue, asking, told);
    }
    must(quic.close(queue, 8, 0, "done"));
    check(next(queue).op == RH_OP_QUIC_CLOSE && !quic, "a closed endpoint is no longer owned");
}

int main(int argc, char **argv)
{
    check(argc == 3, "a directory for the store and one with a certificate");
    const rh::Queue queue = must(rh::Queue::open(64));
    rh::Options options = must(rh::Options::make());
    must(options.set("shards", "1"));
    must(options.set("slot_size", "4MiB"));
    rh::Engine engine = must(rh::Engine::open(argv[1], options));
    const Tls tls = make_tls(argv[2]);
    datagrams(engine, queue);
    streams(engine, queue, tls);
    connections(engine, queue, tls);
    check(rh::Result<rh_address>(rh::address("nowhere")).error().status() == RH_E_INVALID, "a name is no address");
    must(engine.close(queue, 9));
    next(queue);
    return 0;
}
