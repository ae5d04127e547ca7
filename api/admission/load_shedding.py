"""Load shedding: refuses requests before their body is read, while the server is overloaded."""

import random
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.admission.limiter import Admission, ConcurrencyLimiter, RequestShed
from api.http.negotiation import GRAPHQL_JSON, JSON
from api.http.request_id import REQUEST_ID, new_id
from api.wire.reply import Reply
from api.wire.request_state import state_of

MESSAGE: Final = "The server is overloaded. Nothing was done; repeat the request after the time in Retry-After."
CODE: Final = "OVERLOADED"
# Without this header the server recognises a mutation only after it has read the body. Reading every body takes as long
# as answering: under four times the capacity it cost two thirds of the answers.
SAYS: Final = (b"x-graphql-operation-type", b"mutation")
# The delays differ, so that callers do not repeat at the same time.
_RETRY_SECONDS: Final = (1, 2, 3)


def _body(seconds: int) -> bytes:
    extensions = {"code": CODE, "retryAfterSeconds": seconds}
    return msgspec.json.encode({"errors": [{"message": MESSAGE, "extensions": extensions}]})


_BODIES: Final = {seconds: _body(seconds) for seconds in _RETRY_SECONDS}


def retry_seconds() -> int:
    return random.choice(_RETRY_SECONDS)  # noqa: S311 - the delay is not a secret.


class LoadShedding:
    """ASGI middleware only for /graphql, so that health checks are always answered."""

    def __init__(self, app: ASGIApp, limiter: ConcurrencyLimiter) -> None:
        self._app = app
        self._limiter = limiter

    def refusal(self, scope: Scope, tasks: int) -> Reply | None:
        """The refusal of a request that has no task yet. `tasks`: how many requests have one."""
        if not self._limiter.may_refuse(tasks):
            return None
        says_mutation = SAYS in scope["headers"]
        refused = self._limiter.refuses(tasks, says_mutation=says_mutation, caller=_caller(scope))
        return _overloaded(scope) if refused else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            admitted = await self._limiter.enter(says_mutation=SAYS in scope["headers"], caller=_caller(scope))
        except RequestShed:
            await _overloaded(scope)(scope, receive, send)
            return
        state_of(scope).admission = admitted

        async def answer(message: Message) -> None:
            admitted.answered()
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._limiter.leave(admitted)


def _caller(scope: Scope) -> int:
    """The caller by the request's credential. It is not verified yet, and is used only for fair queueing."""
    return hash(next((value for name, value in scope["headers"] if name == b"authorization"), b""))


def admission_of(scope: Scope) -> Admission | None:
    """The request's admission; None without a limiter."""
    found: Admission | None = state_of(scope).admission
    return found


def _overloaded(scope: Scope) -> Reply:
    """The refusal. The connection stays open, because a new connection costs both sides more than this answer."""
    seconds = retry_seconds()
    accepts = b"".join(value for name, value in scope["headers"] if name == b"accept")
    media_type = GRAPHQL_JSON if GRAPHQL_JSON.encode() in accepts else JSON
    headers = {
        "Content-Type": f"{media_type}; charset=utf-8",
        "Cache-Control": "no-store",
        "Retry-After": str(seconds),
        REQUEST_ID: new_id(),
    }
    return Reply(_BODIES[seconds], HTTPStatus.SERVICE_UNAVAILABLE, headers)
