"""The log line of each HTTP call to a vendor. It has no header, no query, no body and no address."""

from types import TracebackType
from typing import Self

import structlog

from core.call import Call
from core.clock import Clock
from core.errors import System, UpstreamError
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer

_log = structlog.get_logger("brokergraph.upstreams")

MILLISECONDS = 1000


class CallLog:
    """Wraps one attempt and writes its line at the end, also after a failure."""

    def __init__(  # noqa: PLR0913, PLR0917 - the values of the line.
        self, system: System, name: str, request: HttpRequest, call: Call, attempt: int, clock: Clock
    ) -> None:
        self._facts: dict[str, object] = {
            "system": str(system),
            "name": name,
            "method": request.method,
            "path": request.path,
            "lane": request.lane,
            "attempt": attempt,
            "request_id": call.request_id,
        }
        self.span = None if call.trace is None else call.trace.call(system, name)
        self._clock = clock
        self._started = clock.monotonic()

    def note_answer(self, answer: HttpAnswer) -> None:
        self._facts |= {"status": answer.status, "bytes": len(answer.body)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.span is not None:
            self.span.__exit__(kind, error, trace)
        self._facts["milliseconds"] = round((self._clock.monotonic() - self._started) * MILLISECONDS, 1)
        if error is None:
            _log.info("upstream_call", outcome="ok", **self._facts)
            return
        outcome = type(error).__name__
        detail = {"reason": str(error.reason), "detail": error.detail} if isinstance(error, UpstreamError) else {}
        _log.warning("upstream_call", outcome=outcome, **self._facts, **detail)
