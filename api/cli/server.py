"""The server of `brokergraph serve` and `brokergraph demo`, in this process or in several."""

import gc
import os
import signal
import socket
import sys
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette

from api.app import create_app
from api.cli.common import settings_from
from api.cli.listening import address_of
from api.cli.reloading import Supervisor
from api.draining import Draining
from api.lifespan import Hosting
from api.observability.log import configure
from api.observability.redaction import known_secrets
from api.settings.settings import Settings
from api.wire.protocol import BoundedProtocol
from api.wire.websocket import BoundedWebSocket

log = structlog.get_logger(__name__)

SHUTDOWN_SECONDS = 25
# A WebSocket whose client does not answer a ping for this time is closed. A slow reader gets the ping late.
_PONG_SECONDS = 60.0
_METRICS_FOLDER = "BROKERGRAPH_METRICS_FOLDER"
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it.


def _configure_log(settings: Settings) -> None:
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    configure(settings.server.log_format, known_secrets=known_secrets(settings), colours=colours)


def _say_where(listener: socket.socket, workers: int) -> None:
    """Log the start, because a server otherwise logs only requests."""
    log.info("serve.listening", address=address_of(listener), version=version("brokergraph"), workers=workers)


def serve_in(processes: int, settings: Settings, config: Path | None, listener: socket.socket) -> None:
    """Workers share the listener. This process starts the workers, and restarts a worker that dies."""
    _configure_log(settings)
    _say_where(listener, processes)
    if config is not None:
        os.environ["BROKERGRAPH_CONFIG"] = str(config.absolute())

    def options(settings: Settings) -> uvicorn.Config:
        _configure_log(settings)
        return uvicorn.Config("api.cli.server:app_of_worker", factory=True, workers=processes, **_options(settings))

    # The workers share a folder in memory for their metrics.
    with tempfile.TemporaryDirectory(prefix="brokergraph-", dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        os.environ[_METRICS_FOLDER] = folder
        Supervisor(settings, config, options, listener).run()


def app_of_worker() -> Starlette:
    """The application in a worker process, with the settings of its parent."""
    config = os.environ.get("BROKERGRAPH_CONFIG")
    settings = settings_from(Path(config) if config else None)
    _configure_log(settings)
    _collect_seldom()
    return _app(settings)


def _app(settings: Settings) -> Starlette:
    """The application. uvicorn calls this after it has set its handlers of signals."""
    draining = Draining(settings.server.drain_seconds)
    draining.handle_signals()
    folder = os.environ.get(_METRICS_FOLDER)
    return create_app(settings, hosting=Hosting(draining, Path(folder) if folder else None))


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve in this process until INT or TERM; a clean stop ends with status 0."""
    _configure_log(settings)
    _say_where(listener, 1)
    _collect_seldom()
    server = uvicorn.Server(uvicorn.Config(partial(_app, settings), factory=True, **_options(settings)))

    def stop(*_: object) -> None:
        server.should_exit = True

    # uvicorn raises the signal again after it has stopped, so that a clean stop would end as a death by the signal.
    # This handler prevents that, and also receives a signal before uvicorn installs its handlers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    server.run(sockets=[listener])


def _options(settings: Settings) -> dict[str, Any]:
    http = settings.http
    return {
        "http": partial(BoundedProtocol, limits=http),
        "ws": BoundedWebSocket,
        "ws_max_size": settings.server.max_body_bytes,
        "ws_ping_interval": settings.streams.heartbeat_seconds,
        "ws_ping_timeout": _PONG_SECONDS,
        # Each connection would keep a window of some 20 kB.
        "ws_per_message_deflate": False,
        "log_level": "warning",
        # uvicorn's log lines go through our own log chain: api/observability/log.py.
        "log_config": None,
        "access_log": False,
        # Proxy headers only give the client's address, which no code uses.
        "proxy_headers": False,
        "server_header": False,
        "date_header": False,
        "timeout_keep_alive": http.keep_alive_seconds,
        "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
    }


def _collect_seldom() -> None:
    """Configure the garbage collector for answers of thousands of small objects without cycles.

    With Python's defaults the search for cycles costs a quarter of an answer. Objects that exist at the start are
    excluded from the search.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
