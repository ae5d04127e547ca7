"""Structured logs: one JSON object per line, or columns for people.

Every line of a process goes through one chain that ends in redaction (redaction.py). This holds for our own lines,
for libraries, for warnings and for a crash. Tracebacks never show local variables.
"""

import logging
import sys
import threading
import time
from collections.abc import Iterable
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Literal

import msgspec
import structlog
from structlog.tracebacks import ExceptionDictTransformer

from api.observability.log_sink import LogSink
from api.observability.redaction import Redaction

# These libraries log details of what they send and receive. Our own lines have the relevant facts.
_TALKATIVE = ("asyncio", "asyncpg", "httpcore", "httpx", "hpack", "redis", "urllib3", "websockets")


Chain = list[structlog.typing.Processor]
LOGGED_REQUEST: Final[ContextVar[str | None]] = ContextVar("LOGGED_REQUEST", default=None)
"""The id of the request that this task answers."""


def configure(
    log_format: Literal["json", "console"],
    *,
    level: int = logging.INFO,
    known_secrets: Iterable[str] = (),
    colours: bool = False,
) -> None:
    """Set up logging for the process; everything goes to standard error. `colours` are for columns on a terminal."""
    redaction = Redaction(known_secrets)
    lines = LogSink(sys.stderr)
    shared: Chain = [
        add_request_id,
        structlog.processors.add_log_level,
        Stamp(),
    ]
    last: Chain = [_tracebacks(log_format), redaction, _renderer(log_format, colours=colours)]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        # Without this cache, structlog would assemble the logger for each line, which takes as long as writing a line.
        cache_logger_on_first_use=True,
    )
    _adopt_the_libraries(lines, shared, last, level)
    _adopt_last_words()


def add_request_id(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A processor that adds the id of the request. structlog's context variables would cost each line a copy of the
    context.
    """
    identity = LOGGED_REQUEST.get()
    if identity is not None:
        event.setdefault("request_id", identity)
    return event


class Stamp:
    """A processor that adds the time in UTC in the format of structlog's TimeStamper, which is slower because it
    formats the date for every line.
    """

    def __init__(self) -> None:
        self._last_second = (-1, "")

    def __call__(self, _logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        second, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
        # Because other threads write lines too, the second and its date are one value.
        last = self._last_second
        if last[0] != second:
            last = self._last_second = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        event["timestamp"] = f"{last[1]}.{microseconds:06d}Z"
        return event


def _tracebacks(log_format: str) -> structlog.typing.Processor:
    if log_format == "json":
        return structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    return structlog.processors.format_exc_info


def _renderer(log_format: str, *, colours: bool) -> structlog.typing.Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(_json)
    return structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)


def _json(event: object, **_options: object) -> str:
    """JSON by msgspec, which is many times as fast as the standard library. Redacted values are plain."""
    return msgspec.json.encode(event, enc_hook=repr).decode()


def _adopt_the_libraries(lines: LogSink, shared: Chain, last: Chain, level: int) -> None:
    """Log lines of libraries, and warnings, go through the same chain as our own lines."""
    handler = logging.StreamHandler(lines)
    named: Chain = [*shared, structlog.stdlib.add_logger_name, structlog.stdlib.PositionalArgumentsFormatter()]
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=named, processors=[drop, *last]))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)


def _adopt_last_words() -> None:
    log = structlog.get_logger("brokergraph")

    def crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("crashed", exc_info=(kind, error, trace))

    def thread_crashed(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            crashed(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        error = args.exc_value or args.exc_type()
        log.error("unraisable", exc_info=(args.exc_type, error, args.exc_traceback))

    sys.excepthook = crashed
    threading.excepthook = thread_crashed
    sys.unraisablehook = unraisable
