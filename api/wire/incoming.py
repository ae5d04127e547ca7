"""One HTTP request. Its headers are parsed once, because the steps read headers about ten times."""

from collections.abc import Mapping

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope

from api.wire.request_state import state_of


class Incoming:
    """`receive` is ASGI's function for the parts of the body."""

    __slots__ = ("_headers", "method", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        headers = scope["headers"]
        self._headers: dict[bytes, bytes] = dict(headers)
        if len(self._headers) < len(headers):
            self._join(headers)

    def header(self, name: bytes, missing: str = "") -> str:
        """The header with this name, in lower case. Repeated headers are joined by commas."""
        found = self._headers.get(name)
        return missing if found is None else found.decode("latin-1")

    @property
    def query_params(self) -> Mapping[str, str]:
        return QueryParams(self.scope["query_string"])

    @property
    def is_whole(self) -> bool:
        return state_of(self.scope).is_whole

    def _join(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers.clear()
        for name, value in headers:
            before = self._headers.get(name)
            self._headers[name] = value if before is None else before + b", " + value
