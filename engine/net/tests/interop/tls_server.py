"""A TLS echo server by Python's ssl: tls_server.py DIRECTORY [--certificate].

The directory has `server.pem`, who the server is, and `authority.pem`, whom clients must be certified
by if `--certificate` asks them. Prints its port, then echoes one stream after the other, and takes
leave of each, until it is killed.
"""

import os
import socket
import ssl
import sys


def main():
    directory = sys.argv[1]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(os.path.join(directory, "server.pem"))
    context.set_alpn_protocols(["test"])
    if "--certificate" in sys.argv:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(directory, "authority.pem"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            stream, _ = listener.accept()
            try:
                with context.wrap_socket(stream, server_side=True) as stream:
                    echo(stream)
            except (ssl.SSLError, ConnectionError):
                # The client's business.
                pass


def echo(stream):
    while part := stream.recv(65536):
        stream.sendall(part)
    # Says goodbye; the client has.
    stream.unwrap()


main()
