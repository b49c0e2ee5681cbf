"""A client of a TLS echo server by Python's ssl: tls_client.py CASE PORT NAME DIRECTORY.

The directory has `authority.pem`, whom to trust, and `me.pem`, who the client is. What does not go
as the case wants it ends the program with an exception.
"""

import hashlib
import os
import socket
import ssl
import sys
import threading

BYTES = 10 * 1024 * 1024


def main():
    case, port, name, directory = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(os.path.join(directory, "authority.pem"))
    context.set_alpn_protocols(["test"])
    if case == "certificate":
        context.load_cert_chain(os.path.join(directory, "me.pem"))

    def connect(session=None, name=name):
        stream = socket.create_connection(("127.0.0.1", int(port)))
        return context.wrap_socket(stream, server_hostname=name, session=session)

    if case == "wrong-name":
        try:
            connect(name="other.test")
        except ssl.SSLCertVerificationError:
            return
        raise AssertionError("a certificate for another name was taken")
    with connect() as stream:
        assert stream.version() == "TLSv1.3"
        assert stream.selected_alpn_protocol() == "test"
        if case == "transfer":
            transfer(stream)
        else:
            exchange(stream)
        session = stream.session
    if case == "resumption":
        with connect(session) as stream:
            exchange(stream)
            assert stream.session_reused


def exchange(stream):
    stream.sendall(b"hello")
    assert stream.recv(5) == b"hello"


def transfer(stream):
    """Sends while it receives, compares the hashes, and takes leave in both directions."""
    sent = os.urandom(BYTES)
    writer = threading.Thread(target=stream.sendall, args=(sent,))
    writer.start()
    received, left = hashlib.sha256(), BYTES
    while left:
        part = stream.recv(65536)
        assert part, "the server ended the stream early"
        received.update(part)
        left -= len(part)
    writer.join()
    assert received.digest() == hashlib.sha256(sent).digest()
    # Waits for the server's close_notify.
    stream.unwrap()


main()
