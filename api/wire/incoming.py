"""One HTTP request. Its headers are parsed once, because the steps read headers about ten times."""

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

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
    def raw_parameters(self) -> Mapping[str, bytes]:
        """The values in the address, by name: the last of several, its bytes as they are, whether UTF-8 or not."""
        pairs = (part.partition(b"=") for part in self.scope["query_string"].split(b"&"))
        return {_unquote(name).decode("utf-8", "replace"): _unquote(value) for name, _, value in pairs}

    @property
    def is_whole(self) -> bool:
        return state_of(self.scope).is_whole

    def _join(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers.clear()
        for name, value in headers:
            before = self._headers.get(name)
            self._headers[name] = value if before is None else before + b", " + value


def _unquote(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
