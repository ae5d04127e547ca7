import socket

import click


def listening(host: str, port: int) -> socket.socket:
    """A listening socket. Connections wait until a server accepts them. Port 0 means any free port.

    The socket is opened before anything else is started, so that a used port is reported immediately.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((str(address[0]), int(address[1])), family=family, backlog=2048)
    except OSError as error:
        reason = "it is in use" if "in use" in str(error) else error.strerror
        message = f"Cannot listen on {host}:{port}: {reason}. Choose another port with --port or BROKERGRAPH_PORT."
        raise click.ClickException(message) from None


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
