"""Live figures: user/get_batch is the list, and user/account/get_batch adds the trading state [D, MQ-user].

An account without an open position, order or recent trade has no trading state, and no row in the second call [D].
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, TypeVar

import msgspec
from msgspec.structs import replace

from core.call import Call
from core.errors import Misunderstood, Rejected, UpstreamError
from core.records import LiveAccountRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.kit.live_batches import (
    MT5_LARGEST_LOGIN,
    NumbersUpTo,
    Rows,
    ask_in_chunks,
    coalesce_live_calls,
)
from upstreams.vendors.kit.protocol import LiveAnswer
from upstreams.vendors.kit.rows import read_rows
from upstreams.vendors.kit.ttl_cache import SharedAnswer
from upstreams.vendors.mt5_web.connection import SYSTEM, Mt5WebConnection
from upstreams.vendors.mt5_web.retcodes import HEADERS, escape, open_envelope, open_list, read_group
from upstreams.vendors.mt5_web.server_time import ServerTime, moment_of

USERS_PATH = "/api/user/get_batch"
STATES_PATH = "/api/user/account/get_batch"
GROUP_PATH = "/api/group/get?group={group}"
STATE_FIELDS = frozenset({"equity", "margin", "free_margin", "margin_level"})
LOGINS = NumbersUpTo(MT5_LARGEST_LOGIN)

# The server refuses to move an account to a group with another currency [D, MQ-rc 3010].
CURRENCY_MAX_AGE_SECONDS = 3600.0
ENABLED, TRADE_DISABLED = 0x1, 0x4

T = TypeVar("T")
R = TypeVar("R")
Seen = tuple[LiveAccountRecord, int | None]
"""A record, and the time of registration by the server's clock."""
SeenRows = Mapping[str, Seen | UpstreamError]


class _User(msgspec.Struct, rename="pascal"):
    MONEY: ClassVar = frozenset({"balance", "credit"})

    login: int | str
    group: str | None = None
    leverage: Decimal | None = None
    balance: Decimal | None = None
    credit: Decimal | None = None
    rights: int | str | None = None
    registration: int | str | None = None
    lead_source: int | str | None = None


class _State(msgspec.Struct, rename="pascal"):
    MONEY: ClassVar = frozenset({"balance", "credit", "equity", "margin", "margin_free"})

    login: int | str
    balance: Decimal
    credit: Decimal
    equity: Decimal
    margin: Decimal
    margin_free: Decimal
    margin_level: Decimal | None = None


class _Group(msgspec.Struct, rename="pascal"):
    currency: str | None = None


class Mt5WebLive:
    """The accounts of one server."""

    def __init__(self, name: str, connection: Mt5WebConnection, time: ServerTime) -> None:
        self.batch_max = connection.config.chunk_logins
        self._name = name
        self._link = link = connection.reads
        self._time = time
        concurrent = connection.config.concurrent_live_calls
        self._users = coalesce_live_calls(self._ask_users, concurrent, self.batch_max, link.failures)
        self._states = coalesce_live_calls(self._ask_states, concurrent, self.batch_max, link.failures)
        self._currencies: SharedAnswer[str | None] = SharedAnswer(
            link.clock,
            link.failures,
            max_age_seconds=CURRENCY_MAX_AGE_SECONDS,
            fetch_seconds=link.limits.total_timeout_seconds,
        )

    async def aclose(self) -> None:
        await self._users.aclose()
        await self._states.aclose()
        await self._currencies.aclose()
        await self._time.aclose()

    async def fetch(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        async def ask(chunk: Sequence[str]) -> Rows:
            users = self._users.ask(None, chunk, call)
            if wanted & STATE_FIELDS:
                found, states = await asyncio.gather(users, self._states.ask(None, chunk, call))
                found = {login: _with_state(user, states.get(login)) for login, user in found.items()}
            else:
                found = await users
            if "registered_at" in wanted:
                found = await self._with_times(found, call)
            return await self._with_currencies(found, call) if "currency" in wanted else _records(found)

        return await ask_in_chunks(logins, self.batch_max, LOGINS, ask)

    async def _ask_users(self, logins: Sequence[str], call: Call) -> Mapping[str, Seen | UpstreamError]:
        now = self._link.clock.now()

        def users(rows: Iterable[_User]) -> dict[str, Seen]:
            return {str(row.login): (_record(row, now), wire.read_whole(row.registration)) for row in rows}

        return await self._ask(USERS_PATH, _User, users, logins, call)

    async def _ask_states(self, logins: Sequence[str], call: Call) -> Mapping[str, _State | UpstreamError]:
        def states(rows: Iterable[_State]) -> dict[str, _State]:
            return {str(row.login): _checked(row) for row in rows}

        return await self._ask(STATES_PATH, _State, states, logins, call)

    async def _ask(
        self,
        path: str,
        kind: type[T],
        entries: Callable[[Iterable[T]], Mapping[str, R]],
        logins: Sequence[str],
        call: Call,
    ) -> Mapping[str, R | UpstreamError]:
        """One call for many logins. Rows are in no order, and missing logins have none [C]."""
        query = (("login", ",".join(logins)),)
        request = HttpRequest("GET", path, query=query, headers=HEADERS, lane=self._name, keys=len(logins))

        def read(answer: HttpAnswer) -> Mapping[str, R | UpstreamError]:
            rows, partial = open_list(answer, self._link.failures)
            found = read_rows(rows, kind, entries, logins, self._link.failures)
            return found if partial is None else {login: found.get(login, partial) for login in logins}

        return await self._link.read(request, read, call)

    async def _with_times(self, rows: SeenRows, call: Call) -> SeenRows:
        """The rows with the times of registration. None where the server's clock cannot be measured."""
        try:
            zone = self._time.zone(await self._time.offset(call))
        except UpstreamError:
            return rows

        def timed(record: LiveAccountRecord, seconds: int | None) -> Seen:
            return replace(record, registered_at=moment_of(seconds, zone)), seconds

        return {login: one if isinstance(one, UpstreamError) else timed(*one) for login, one in rows.items()}

    async def _with_currencies(self, rows: SeenRows, call: Call) -> Rows:
        """The records with their groups' currencies. None for a group that the server cannot describe."""
        records = _records(rows)
        groups = sorted({one.group for one in records.values() if isinstance(one, LiveAccountRecord) and one.group})
        found = dict(zip(groups, await asyncio.gather(*(self._currency(one, call) for one in groups)), strict=True))
        return {
            login: one if isinstance(one, UpstreamError) else replace(one, currency=found.get(one.group or ""))
            for login, one in records.items()
        }

    async def _currency(self, group: str, call: Call) -> str | None:
        def read(answer: HttpAnswer) -> str | None:
            envelope = open_envelope(answer, self._link.failures, writes=False)
            return wire.read_text(msgspec.json.decode(envelope.answer, type=_Group).currency)

        async def fetch(own: Call) -> str | None:
            # The read is alone, because the answer need not name its group and is cached for an hour.
            request = HttpRequest(
                "GET", GROUP_PATH, {"group": escape(group)}, headers=HEADERS, lane=self._name, alone=True
            )
            return await self._link.read(request, read, own)

        try:
            return await self._currencies.get(group, fetch, call)
        except (Rejected, Misunderstood):
            return None


def _record(user: _User, now: datetime) -> LiveAccountRecord:
    rights = wire.read_whole(user.rights)
    return LiveAccountRecord(
        login=str(user.login),
        observed_at=now,
        system=SYSTEM,
        balance=wire.read_required_double(user.balance),
        credit=wire.read_double(user.credit),
        group=read_group(user.group),
        leverage=wire.read_money(user.leverage),
        enabled=None if rights is None else bool(rights & ENABLED),
        read_only=None if rights is None else bool(rights & TRADE_DISABLED),
        lead_source=wire.read_text(user.lead_source),
    )


def _checked(state: _State) -> _State:
    """The state with exact amounts. Without a margin there is no level, whatever number the server gives."""
    balance, credit, equity, margin, free = map(
        wire.read_required_double, (state.balance, state.credit, state.equity, state.margin, state.margin_free)
    )
    level = wire.read_double(state.margin_level) if margin else None
    return _State(state.login, balance, credit, equity, margin, free, level)


def _with_state(user: Seen | UpstreamError, state: _State | UpstreamError | None) -> Seen | UpstreamError:
    if isinstance(user, UpstreamError):
        return user
    if isinstance(state, UpstreamError):
        return state
    record, registration = user
    if state is None:
        # An idle account has no floating profit and no margin [I].
        equity = (record.balance or Decimal(0)) + (record.credit or Decimal(0))
        return replace(record, equity=equity, margin=Decimal(0), free_margin=equity), registration
    figures = replace(
        record,
        # A deposit between the two calls must not look like a profit, so that the figures are of one row.
        balance=state.balance,
        credit=state.credit,
        equity=state.equity,
        margin=state.margin,
        free_margin=state.margin_free,
        margin_level=state.margin_level,
    )
    return figures, registration


def _records(rows: SeenRows) -> Rows:
    return {login: one if isinstance(one, UpstreamError) else one[0] for login, one in rows.items()}
