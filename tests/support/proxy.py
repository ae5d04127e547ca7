"""A way to PostgreSQL that can be cut while PostgreSQL itself goes on."""

import socket
import threading
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, quote, unquote, urlsplit


def _pump(source, target):
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _connect(url):
    """Whatever way the url names: a socket's folder in ?host=, or host and port."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname])[0]
    port = int(parse_qs(parts.query).get("port", [parts.port or 5432])[0])
    if host.startswith("/"):
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(f"{host}/.s.PGSQL.{port}")
        return upstream
    return socket.create_connection((host, port))


@contextmanager
def dying_database(url):
    """Yields another url for the same database, and a function that kills every connection through it for good."""
    parts = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))
    opened = []

    def serve():
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = _connect(url)
                opened.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()

    def die():
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for one in opened:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=serve, daemon=True).start()
    user, password = quote(unquote(parts.username or "")), quote(unquote(parts.password or ""))
    try:
        yield f"postgresql://{user}:{password}@127.0.0.1:{listener.getsockname()[1]}{parts.path}", die
    finally:
        die()
        for one in opened:
            one.close()
