"""The response of /graphql: like starlette's Response, without features that these answers do not need."""

from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from api.wire.direct_write import NO_BODY, write_at_once


class Reply:
    """A complete answer. It is an ASGI application, like starlette's Response."""

    __slots__ = ("body", "headers", "status_code")

    def __init__(self, body: bytes, status_code: int, headers: Mapping[str, str]) -> None:
        self.body = body
        self.status_code = status_code
        self.headers = headers

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if write_at_once(scope, self.status_code, self.headers, self.body):
            return
        # uvicorn's send() checks the values and converts names to lower case.
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.status_code not in NO_BODY:
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": int(self.status_code), "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
