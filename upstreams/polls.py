"""The shared polls behind streams of states: one for each trading server, and one for the ERP's balances."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from core.call import background_call
from core.errors import UpstreamError
from core.records import AccountKey, BalanceRecord, LiveAccountRecord
from core.visibility import EVERYTHING
from upstreams.erp.reader import Erp
from upstreams.flow.shared_poll import SharedPoll
from upstreams.state.shared_figures import LiveValue, SharedFigures
from upstreams.vendors.kit.protocol import Platform

Balances = list[BalanceRecord] | UpstreamError

# Each watch gets the values of all figures, so that the figures that one stream selects do not change the calls.
_FIGURES: Final = frozenset(LiveAccountRecord.__struct_fields__) - {"login", "observed_at", "system"}
# In the vendors' waiting queues all streams together are one caller.
_LANE: Final = "streams"


class Polls:
    """Any caller's stream may join a poll. Visibility is checked for each stream, before a value is given out."""

    def __init__(self, erp: Erp, platforms: Mapping[str, Platform], figures: SharedFigures, seconds: float) -> None:
        self._erp = erp
        self._figures = figures
        self._platforms = platforms
        self._seconds = seconds
        self._accounts: dict[str, SharedPoll[AccountKey, LiveValue]] = {}
        self.balances: SharedPoll[int, Balances] = SharedPoll(self._fetch_balances, _is_same_balances)

    def accounts(self, server: str) -> SharedPoll[AccountKey, LiveValue]:
        """The poll of the live figures of a trading server."""
        if server not in self._accounts:

            async def fetch(keys: Sequence[AccountKey], seconds: float) -> Mapping[AccountKey, LiveValue]:
                return await self._fetch_live(server, keys, seconds)

            self._accounts[server] = SharedPoll(fetch, _is_same_live)
        return self._accounts[server]

    def watched(self) -> Mapping[str, int]:
        """The number of accounts that streams watch on each server, and of clients whose balances they watch."""
        return {"balances": self.balances.watched} | {name: poll.watched for name, poll in self._accounts.items()}

    async def aclose(self) -> None:
        """Stop all polls."""
        await asyncio.gather(self.balances.aclose(), *(poll.aclose() for poll in self._accounts.values()))

    async def _fetch_live(
        self, server: str, keys: Sequence[AccountKey], seconds: float
    ) -> Mapping[AccountKey, LiveValue]:
        platform = self._platforms.get(server)
        live = None if platform is None else platform.live
        if live is None:
            return dict.fromkeys(keys)

        async def ask(logins: Sequence[str]) -> Mapping[str, LiveValue]:
            return await live.fetch(logins, _FIGURES, background_call(self._seconds, f"poll {server}", _LANE))

        found = await self._figures.fetch(f"live {server}", [key.login for key in keys], seconds, ask)
        return {key: found[key.login] for key in keys}

    async def _fetch_balances(self, numbers: Sequence[int], _seconds: float) -> Mapping[int, Balances]:
        try:
            found = await self._erp.balances.ask(
                EVERYTHING, numbers, background_call(self._seconds, "poll balances", _LANE)
            )
        except UpstreamError as error:
            return dict.fromkeys(numbers, error)
        return {number: found.get(number, []) for number in numbers}


def _is_same_live(one: LiveValue, other: LiveValue) -> bool:
    if isinstance(one, LiveAccountRecord) and isinstance(other, LiveAccountRecord):
        return all(getattr(one, name) == getattr(other, name) for name in _FIGURES)
    return _is_same_failure(one, other)


def _is_same_balances(one: Balances, other: Balances) -> bool:
    return one == other or _is_same_failure(one, other)


def _is_same_failure(one: object, other: object) -> bool:
    if isinstance(one, UpstreamError) and isinstance(other, UpstreamError):
        return (type(one), one.reason, one.upstream_code) == (type(other), other.reason, other.upstream_code)
    return one is other is None
