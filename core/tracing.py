"""What a traced operation tells about its levels and its calls to upstreams. The traces themselves are made in api."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol


class CallSpan(Protocol):
    """The time of one call to an upstream, with its outcome: a context manager around the call."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by which a vendor continues the trace. Empty unless a setting allows it."""
        ...

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Trace(Protocol):
    """The trace of one operation."""

    def level(self, type_name: str, objects: int) -> AbstractContextManager[object]:
        """The time of one level: the selection on these objects of a type, with all levels below it. Spans that begin
        in the block are children of the level's span.
        """
        ...

    def call(self, system: str, connection: str) -> CallSpan:
        """Begin the span of one call."""
        ...
