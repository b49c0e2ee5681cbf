#!/usr/bin/env python3
"""The other end of QUIC's tests: aioquic, as server and as client.

    aioquic_peer.py serve --certificate FILE --key FILE [--retry] [--nat]
    aioquic_peer.py call CASE --port PORT --authority FILE

The server prints the port it has, then echoes streams and datagrams until its input ends. The
client tries one case against a server that does the same, and ends with status 0 if it went well.
"""

import argparse
import asyncio
import hashlib
import os
import socket
import ssl
import sys
from functools import partial

from aioquic.asyncio import connect, serve
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import (
    ConnectionTerminated,
    DatagramFrameReceived,
    HandshakeCompleted,
    StreamDataReceived,
    StreamReset,
)
from aioquic.quic.packet import QuicErrorCode

SERVER_NAME = "server.test"
TRANSFER_BYTES = 10 * 1024 * 1024
DATAGRAM_BYTES_MAX = 65536
# Much longer than any case takes, so that one that hangs ends with a message.
CASE_SECONDS_MAX = 240
# A NAT that forgets its mapping every so many datagrams.
DATAGRAMS_PER_MAPPING = 100


def main():
    options = parse_options()
    run = partial(serve_until_input_ends, options)
    if options.role == "call":
        run = partial(asyncio.wait_for, CASES[options.case](options), CASE_SECONDS_MAX)

    async def run_inside():
        await run()

    asyncio.run(run_inside())


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    roles = parser.add_subparsers(dest="role", required=True)
    server = roles.add_parser("serve")
    server.add_argument("--certificate", required=True)
    server.add_argument("--key", required=True)
    server.add_argument("--retry", action="store_true")
    server.add_argument("--nat", action="store_true")
    client = roles.add_parser("call")
    client.add_argument("case", choices=sorted(CASES))
    client.add_argument("--port", type=int, required=True)
    client.add_argument("--authority", required=True)
    return parser.parse_args()


async def serve_until_input_ends(options):
    configuration = QuicConfiguration(
        is_client=False, alpn_protocols=["test"], max_datagram_frame_size=DATAGRAM_BYTES_MAX
    )
    configuration.load_cert_chain(options.certificate, options.key)
    tickets = {}
    server = await serve(
        "127.0.0.1",
        0,
        configuration=configuration,
        create_protocol=Echo,
        session_ticket_fetcher=lambda label: tickets.pop(label, None),
        session_ticket_handler=lambda ticket: tickets.setdefault(ticket.ticket, ticket),
        retry=options.retry,
    )
    port = server._transport.get_extra_info("sockname")[1]
    if options.nat:
        port = await start_nat(port)
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


class Echo(QuicConnectionProtocol):
    """Sends back what comes: on the same stream if it can, else whole on a stream of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.one_way = {}

    def quic_event_received(self, event):
        if isinstance(event, DatagramFrameReceived):
            self._quic.send_datagram_frame(event.data)
        elif isinstance(event, StreamDataReceived) and event.stream_id & 2:
            self.one_way.setdefault(event.stream_id, bytearray()).extend(event.data)
            if event.end_stream:
                back = self._quic.get_next_available_stream_id(is_unidirectional=True)
                self._quic.send_stream_data(back, bytes(self.one_way.pop(event.stream_id)), True)
        elif isinstance(event, StreamDataReceived):
            self._quic.send_stream_data(event.stream_id, event.data, event.end_stream)
        elif isinstance(event, StreamReset) and not event.stream_id & 2:
            self._quic.reset_stream(event.stream_id, event.error_code)


async def start_nat(server_port):
    """Returns the port at which clients reach the server through a network address translator."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Nat(server_port), local_addr=("127.0.0.1", 0)
    )
    return transport.get_extra_info("sockname")[1]


class Nat(asyncio.DatagramProtocol):
    """Passes datagrams on, and shows its client to the server at another port again and again."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.passed = 0
        self.inside = None
        self.outside = None

    def connection_made(self, transport):
        self.inside = transport

    def datagram_received(self, data, client):
        if self.passed % DATAGRAMS_PER_MAPPING == 0:
            self.map(client)
        self.passed += 1
        try:
            self.outside.send(data)
        except OSError:
            # No room; the network may lose what it will.
            pass

    def map(self, client):
        loop = asyncio.get_running_loop()
        if self.outside is not None:
            loop.remove_reader(self.outside)
            self.outside.close()
        self.outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outside.setblocking(False)
        self.outside.connect(("127.0.0.1", self.server_port))
        loop.add_reader(self.outside, self.pass_back, client)

    def pass_back(self, client):
        try:
            self.inside.sendto(self.outside.recv(DATAGRAM_BYTES_MAX), client)
        except OSError:
            pass


class Caller(QuicConnectionProtocol):
    """A client that keeps what it hears."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.datagrams = asyncio.Queue()
        self.one_way = asyncio.Queue()
        self.handshake = asyncio.get_running_loop().create_future()
        self.end = asyncio.get_running_loop().create_future()
        self._stream_handler = lambda reader, _writer: self.one_way.put_nowait(reader)

    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            self.handshake.set_result(event)
        elif isinstance(event, DatagramFrameReceived):
            self.datagrams.put_nowait(event.data)
        elif isinstance(event, ConnectionTerminated):
            self.end.set_result(event.error_code)
        super().quic_event_received(event)

    async def call(self, data):
        """Sends on a new stream and checks what comes back."""
        reader, writer = await self.create_stream()
        writer.write(data)
        writer.write_eof()
        expect_same(data, await reader.read())

    async def ended(self):
        """Waits until the server ends the connection, and returns why."""
        return await self.end

    async def move(self):
        """Goes to another port; the one before is no longer there."""
        before = self._transport
        there = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        there.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        there.bind(("::", 0))
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, sock=there)
        before.close()


def expect_same(sent, back):
    if hashlib.sha256(sent).digest() != hashlib.sha256(back).digest():
        sys.exit(f"{len(sent)} bytes were sent, and {len(back)} came back that are not the same")


def expect(claim, message):
    if not claim:
        sys.exit(message)


def client(options, protocol="test", **settings):
    configuration = QuicConfiguration(
        alpn_protocols=[protocol],
        server_name=SERVER_NAME,
        max_datagram_frame_size=DATAGRAM_BYTES_MAX,
        verify_mode=ssl.CERT_REQUIRED,
        **settings,
    )
    configuration.load_verify_locations(options.authority)
    return configuration


def begin(options, configuration=None, create_protocol=Caller, **settings):
    return connect(
        "127.0.0.1",
        options.port,
        configuration=configuration or client(options),
        create_protocol=create_protocol,
        **settings,
    )


async def streams(options):
    async with begin(options) as caller:
        calls = [caller.call(os.urandom(1000 * number)) for number in range(1, 61)]
        await asyncio.gather(*calls)
        sent = os.urandom(100_000)
        _, writer = await caller.create_stream(is_unidirectional=True)
        writer.write(sent)
        writer.write_eof()
        reader = await caller.one_way.get()
        expect_same(sent, await reader.read())


async def transfer(options):
    async with begin(options) as caller:
        await caller.call(os.urandom(TRANSFER_BYTES))


async def datagrams(options):
    async with begin(options) as caller:
        for number in range(100):
            sent = bytes([number]) * (number + 1)
            caller._quic.send_datagram_frame(sent)
            caller.transmit()
            expect_same(sent, await caller.datagrams.get())


async def retry(options):
    async with begin(options) as caller:
        proven = caller._quic._retry_source_connection_id is not None
        expect(proven, "the server did not ask for a proof of the address")
        await caller.call(b"from an address that was proven")


async def resumption(options):
    tickets = []
    async with begin(options, session_ticket_handler=tickets.append) as caller:
        await caller.call(b"first")
        expect(not (await caller.handshake).session_resumed, "there was nothing to resume")
    expect(tickets, "the server gave no ticket")
    again = client(options, session_ticket=tickets[-1])
    async with begin(options, again, wait_connected=False) as caller:
        await caller.call(b"early")
        handshake = await caller.handshake
        expect(handshake.session_resumed, "the session was not resumed")
        expect(handshake.early_data_accepted, "early data was not accepted")


async def key_update(options):
    async with begin(options) as caller:
        await caller.call(os.urandom(100_000))
        for _ in range(3):
            caller.request_key_update()
            await caller.call(os.urandom(100_000))


async def rebinding(options):
    async with begin(options) as caller:
        for _ in range(3):
            await caller.call(os.urandom(100_000))
            await caller.move()
        await caller.call(os.urandom(100_000))


async def migration(options):
    async with begin(options) as caller:
        await caller.call(os.urandom(100_000))
        await caller.move()
        caller.change_connection_id()
        await caller.call(os.urandom(100_000))


async def overrun_window(options):
    """Sends a byte far beyond what the server allows on a stream (RFC 9000 section 4.1)."""
    async with begin(options) as caller:
        stream = caller._quic.get_next_available_stream_id()
        caller._quic.send_stream_data(stream, b"")
        sender = caller._quic._streams[stream].sender
        sender._buffer_start = sender._buffer_stop = 1 << 30
        lift_limits(caller._quic, stream)
        caller._quic.send_stream_data(stream, b"x")
        caller.transmit()
        expect(await caller.ended() == QuicErrorCode.FLOW_CONTROL_ERROR, "it was taken")


async def overrun_streams(options):
    """Opens a stream of a number that the server does not allow yet (RFC 9000 section 4.6)."""
    async with begin(options) as caller:
        stream = 4 << 20
        caller._quic._local_next_stream_id_bidi = stream
        caller._quic._remote_max_streams_bidi = 1 << 30
        caller._quic.send_stream_data(stream, b"x")
        caller.transmit()
        expect(await caller.ended() == QuicErrorCode.STREAM_LIMIT_ERROR, "it was taken")


def lift_limits(quic, stream):
    quic._remote_max_data = 1 << 40
    quic._streams[stream].max_stream_data_remote = 1 << 40


async def http3(options):
    configuration = client(options, "h3")
    async with begin(options, configuration, create_protocol=Fetcher) as fetcher:
        status, body = await fetcher.fetch("GET", "/small")
        expect((status, body) == (b"200", b"GET /small"), f"{status} and {body!r}")
        sent = os.urandom(1024 * 1024)
        status, body = await fetcher.fetch("POST", "/echo", sent)
        expect(status == b"200", f"status {status}")
        expect_same(sent, body)
        fetches = [fetcher.fetch("GET", f"/{number}") for number in range(40)]
        for number, (status, body) in enumerate(await asyncio.gather(*fetches)):
            expect(body == f"GET /{number}".encode(), f"request {number}: {status} and {body!r}")


class Fetcher(Caller):
    """A client that speaks HTTP/3."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.answers = {}

    async def fetch(self, method, path, body=b""):
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.answers[stream] = ([], bytearray(), done)
        names = [(b":method", method), (b":scheme", "https"), (b":path", path)]
        headers = [(name, value.encode()) for name, value in names]
        headers.append((b":authority", SERVER_NAME.encode()))
        self.http.send_headers(stream, headers, end_stream=not body)
        if body:
            self.http.send_data(stream, body, end_stream=True)
        self.transmit()
        return await done

    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            self.handshake.set_result(event)
        for heard in self.http.handle_event(event):
            if not isinstance(heard, (HeadersReceived, DataReceived)):
                continue
            headers, body, done = self.answers[heard.stream_id]
            if isinstance(heard, HeadersReceived):
                headers.extend(heard.headers)
            else:
                body.extend(heard.data)
            if heard.stream_ended:
                done.set_result((dict(headers)[b":status"], bytes(body)))


CASES = {
    "streams": streams,
    "transfer": transfer,
    "datagrams": datagrams,
    "retry": retry,
    "resumption": resumption,
    "key-update": key_update,
    "rebinding": rebinding,
    "migration": migration,
    "overrun-window": overrun_window,
    "overrun-streams": overrun_streams,
    "http3": http3,
}


if __name__ == "__main__":
    main()
