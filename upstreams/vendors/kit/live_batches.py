"""Answers for many logins: in chunks, concurrently, each login once, matched by key."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from core.call import Call
from core.errors import UpstreamError
from core.records import LiveAccountRecord
from upstreams.flow.coalescing import Coalescing, Sharing
from upstreams.http.failures import Failures

V = TypeVar("V")
Rows = Mapping[str, LiveAccountRecord | UpstreamError]
Chunk = Mapping[str, V | UpstreamError]
AskChunk = Callable[[Sequence[str]], Awaitable[Chunk[V]]]

MT4_LARGEST_LOGIN = 2**31 - 1
MT5_LARGEST_LOGIN = 2**63 - 1


class NumbersUpTo:
    """The logins that a platform can have, in the platform's own notation. No answer would match "007"."""

    def __init__(self, largest: int) -> None:
        self._largest = str(largest)
        self._digits = len(self._largest)

    def __contains__(self, login: str) -> bool:
        if not (login.isascii() and login.isdigit()) or login[0] == "0":
            return False
        return len(login) < self._digits or (len(login) == self._digits and login <= self._largest)

    def among(self, logins: Sequence[str]) -> Sequence[str]:
        """The logins that the platform can have. Usually these are all logins, which is tested first."""
        text = "".join(logins)
        # In the order of texts, an empty text or a text with a leading zero comes before all other texts of digits.
        if text.isascii() and text.isdigit() and min(logins) >= "1" and max(map(len, logins)) < self._digits:
            return logins
        return [login for login in logins if login in self]


async def ask_in_chunks(
    logins: Sequence[str], size: int, known: NumbersUpTo, ask: AskChunk[V]
) -> Mapping[str, V | UpstreamError | None]:
    """Ask for the logins in chunks of `size`.

    `known` are the logins that the platform can have; the answer for others is None, without a call. A chunk's error is
    the answer only for its own logins.
    """
    asked = known.among(list(dict.fromkeys(logins)))
    if len(asked) <= size:
        found = await _ask_chunk(asked, ask) if asked else {}
    else:
        found = await _ask_chunks([asked[start : start + size] for start in range(0, len(asked), size)], ask)
    if len(found) == len(asked) == len(logins) and all(map(found.__contains__, logins)):
        return found
    return {login: found.get(login) for login in logins}


async def _ask_chunks(chunks: Sequence[Sequence[str]], ask: AskChunk[V]) -> Chunk[V]:
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(_ask_chunk(chunk, ask)) for chunk in chunks]
    found: dict[str, V | UpstreamError] = {}
    for answer in answers:
        found |= answer.result()
    return found


def coalesce_live_calls(
    ask: Callable[[Sequence[str], Call], Awaitable[Mapping[str, V]]],
    concurrent_calls: int,
    batch_max: int,
    failures: Failures,
) -> Coalescing[None, str, V]:
    """Coalesce the calls of all callers to one trading server.

    Callers of any visibility may share a call, because the ERP has already checked whether a caller may see an account.
    With `concurrent_calls` 0 no call is shared.
    """

    async def one_call(_question: None, logins: Sequence[str], call: Call) -> Mapping[str, V]:
        return await ask(logins, call)

    def too_late() -> UpstreamError:
        return failures.unavailable("did not answer in time", detail="shared call")

    return Coalescing(one_call, Sharing(concurrent_calls, batch_max), too_late=too_late, away=True)


async def _ask_chunk(chunk: Sequence[str], ask: AskChunk[V]) -> Chunk[V]:
    try:
        return await ask(chunk)
    except UpstreamError as error:
        return dict.fromkeys(chunk, error)
