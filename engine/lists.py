"""Lists of a batch: flattened, so that all elements are completed together, then regrouped."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

from graphql import GraphQLError
from graphql.pyutils import is_iterable

from engine.field_plans import FieldPlan
from engine.output_shapes import NULLED, OutputShape

# Values in their order, and whether a value is NULLED.
CompletedValues = tuple[list[Any], bool]


async def to_list(value: Any, field: FieldPlan) -> list[Any]:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, AsyncIterable):
        return await _read_all(aiter(value))
    if not is_iterable(value):
        raise GraphQLError(f"Expected Iterable, but did not find one for field '{field.coordinate}'.")
    return list(value)


async def _read_all(elements: AsyncIterator[Any]) -> list[Any]:
    try:
        return [element async for element in elements]
    except Exception:
        # Because the interrupted iterator may hold resources, it is closed.
        close = getattr(elements, "aclose", None)
        if close is not None:
            with suppress(Exception):
                await close()
        raise


def regroup(
    completed: Sequence[Any], lengths: Sequence[int], failed: dict[int, Any], out: OutputShape, *, elements_nulled: bool
) -> CompletedValues:
    """Return elements to their lists. A list with a failed required element becomes NULLED."""
    found: list[Any] = []
    is_nulled = False
    start = 0
    for index, length in enumerate(lengths):
        own: Any = completed[start : start + length]
        start += length
        if index in failed:
            own = failed[index]
        elif elements_nulled and any(value is NULLED for value in own):
            own = out.null
        is_nulled = is_nulled or own is NULLED
        found.append(own)
    return found, is_nulled
