"""The description of one HTTP request to a vendor."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, quote_plus

import msgspec
from typing_extensions import override

OK = frozenset({200})


class HttpRequest(msgspec.Struct, frozen=True):
    """One HTTP request to a vendor.

    - `path` is a template (`/api/MT4/{server}/UserRecordGet/{login}`). The log shows the template, because it must not
      depend on the logins.
    - Headers, query and content may hold secrets, so that the repr has none of them.
    - `understands` are the documented statuses that the vendor's module reads. The link judges every other status.
    - `lane` is the trading server. It has its own circuit breakers and pooled connections.
    - `alone` is for a read whose answer does not name its client or account. The read uses a new connection, on which
      no other answer can wait.
    - `keys` is the number of keys that the call carries.
    - `total_seconds` replaces the link's time-outs if the vendor's own deadline is longer.
    """

    method: str
    path: str
    values: Mapping[str, str] = msgspec.field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    content: bytes | None = None
    understands: frozenset[int] = OK
    writes: bool = False
    lane: str = ""
    alone: bool = False
    keys: int = 1
    total_seconds: float | None = None
    max_answer_bytes: int | None = None

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"a path template begins with a slash: {self.path!r}")

    @override
    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.path})"

    def address(self, base: str) -> str:
        """The full URL. Values are quoted, so that a login never becomes an additional path segment."""
        path = self.path
        if "{" in path:
            path = path.format_map({name: quote(value, safe="") for name, value in self.values.items()})
        if not self.query:
            return base + path
        # The names are constants and need no quoting.
        query = "&".join([f"{name}={quote_plus(value, safe=',')}" for name, value in self.query])
        return f"{base}{path}?{query}"
