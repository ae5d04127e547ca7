"""What goes back to a caller of /graphql: starlette's Response without what an answer of ours does not need."""

from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from api.wire.direct_write import NO_BODY, write_at_once


class Reply:
    """An answer that is whole; ASGI, like starlette's."""

    __slots__ = ("body", "headers", "status_code")

    def __init__(self, body: bytes, status_code: int, headers: Mapping[str, str]) -> None:
        self.body = body
        self.status_code = status_code
        self.headers = headers

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if write_at_once(scope, self.status_code, self.headers, self.body):
            return
        # The server checks and lowers names and values: uvicorn's send().
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.status_code not in NO_BODY:
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": int(self.status_code), "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
