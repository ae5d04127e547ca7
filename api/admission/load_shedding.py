"""Load shedding: refuses requests before their body is read, while the server is overloaded."""

import random
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.admission.limiter import Admission, ConcurrencyLimiter, RequestShed
from api.admission.whole_posts import SAYS, WholePost, whole_post
from api.http.cors import cors_headers
from api.http.negotiation import GRAPHQL_JSON, JSON
from api.http.request_id import REQUEST_ID, id_bits, new_id
from api.settings.http import HttpSection
from api.wire.direct_write import head
from api.wire.reply import Reply
from api.wire.request_state import state_of

PATH: Final = "/graphql"
MESSAGE: Final = "The server is overloaded. Nothing was done; repeat the request after the time in Retry-After."
CODE: Final = "OVERLOADED"
# The delays differ, so that callers do not repeat at the same time.
_RETRY_SECONDS: Final = (1, 2, 3)


def _body(seconds: int) -> bytes:
    extensions = {"code": CODE, "retryAfterSeconds": seconds}
    return msgspec.json.encode({"errors": [{"message": MESSAGE, "extensions": extensions}]})


_BODIES: Final = {seconds: _body(seconds) for seconds in _RETRY_SECONDS}


def _headers(media_type: str, seconds: int) -> dict[str, str]:
    content_type = f"{media_type}; charset=utf-8"
    return {"Content-Type": content_type, "Cache-Control": "no-store", "Retry-After": str(seconds)}


def _ready(media_type: str, seconds: int) -> tuple[bytes, bytes]:
    """The refusal with a gap for the request id."""
    body = _BODIES[seconds]
    start = head(HTTPStatus.SERVICE_UNAVAILABLE, _headers(media_type, seconds), len(body))
    return start.removesuffix(b"\r\n") + REQUEST_ID.lower().encode() + b": ", body


# By whether the client accepts GraphQL's media type.
_READY: Final = [[_ready(media_type, seconds) for seconds in _RETRY_SECONDS] for media_type in (JSON, GRAPHQL_JSON)]


def retry_seconds() -> int:
    return random.choice(_RETRY_SECONDS)  # noqa: S311 - the delay is not a secret.


class LoadShedding:
    """ASGI middleware only for /graphql, so that health checks are always answered."""

    def __init__(self, app: ASGIApp, limiter: ConcurrencyLimiter, http: HttpSection) -> None:
        self._app = app
        self._limiter = limiter
        self._http = http

    def may_refuse(self, tasks: int) -> bool:
        """Whether a request may be refused before it has a task. `tasks`: the number of requests that have one."""
        return self._limiter.may_refuse(tasks)

    def refusal(self, scope: Scope, tasks: int) -> Reply | None:
        """The refusal of a request that needs no task; None: the request gets one.

        A preflight is not refused, because without it no page can read a refusal.
        """
        if not self.may_refuse(tasks) or scope["path"] != PATH or scope["method"] == "OPTIONS":
            return None
        says_mutation = SAYS in scope["headers"]
        if not self._limiter.refuses(tasks, says_mutation=says_mutation, caller=_caller(scope)):
            return None
        reply = _overloaded(scope)
        reply.headers = {**reply.headers, **cors_headers(self._http, scope)}
        return reply

    def whole_refusal(self, data: bytes, last: WholePost | None, tasks: int) -> tuple[bytes, WholePost] | None:
        """The same for the bytes of one complete POST, at a fifth of the time, and its facts for the next call.
        None: `refusal` decides.
        """
        post = whole_post(data, last)
        if post is None or not self._limiter.refuses(tasks, says_mutation=False, caller=post.caller):
            return None
        bits = id_bits()
        head, body = _READY[post.accepts_graphql][bits % len(_RETRY_SECONDS)]
        return b"%s%016x\r\n\r\n%s" % (head, bits, body), post

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
    headers = {**_headers(media_type, seconds), REQUEST_ID: new_id()}
    return Reply(_BODIES[seconds], HTTPStatus.SERVICE_UNAVAILABLE, headers)
