"""Pages by key, never by offset, so that they stay stable while rows come and go."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class PageRequest(msgspec.Struct, frozen=True):
    """`limit` rows after or before the given keys, exclusive; `backward` counts from the end."""

    limit: int
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None
    backward: bool = False


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Rows in reading order, and whether there are more in the direction that was asked for."""

    rows: Sequence[T]
    has_more: bool


def cut_page(rows: Sequence[T], request: PageRequest) -> Page[T]:
    """Make a page from the limit + 1 rows that a statement returned in its own direction."""
    kept = list(rows[: request.limit])
    return Page(kept[::-1] if request.backward else kept, len(rows) > request.limit)
