"""Figures that an MT4 record lacks: margins of all accounts of a server, and the currency of a group."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
from msgspec import structs

from core.call import Call
from core.clock import Clock
from core.errors import UpstreamError
from core.records import LiveAccountRecord
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.envelope import open_envelope
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.kit.rows import NONSENSE, read_all_rows, unreadable_row
from upstreams.vendors.kit.ttl_cache import SharedAnswer

MARGINS_PATH = "/api/v2/MT4/{tradePlatform}/MarginsGet"
# The answer has all accounts with an open trade, some 250 bytes each. The limit is enough for a quarter of a million
# accounts.
MARGINS_MAX_BYTES = 64 * 1024 * 1024
MARGIN_FIELDS = frozenset({"equity", "margin", "free_margin", "margin_level"})

# A group's currency cannot change while it has accounts. A changed configuration is read after an hour.
CURRENCY_MAX_AGE_SECONDS = 3600.0


class _Margin(msgspec.Struct):
    login: int
    equity: Decimal
    margin: Decimal
    free: Decimal
    level: Decimal | None = None


class _Group(msgspec.Struct):
    currency: str | None = None


_Rows = tuple[Mapping[str, _Margin | UpstreamError], UpstreamError | None]
"""The margins by login, and the error of each other login if a row without a readable login is among them."""


class Margins:
    """The margins of one server. MarginsGet has no filter, so that all callers share one cached answer for a short
    time.
    """

    def __init__(self, platform: TradePlatform, clock: Clock) -> None:
        self._platform = platform
        connection = platform.connection
        self._failures = connection.authorised.failures
        self._shared: SharedAnswer[_Rows] = SharedAnswer(
            clock,
            self._failures,
            max_age_seconds=connection.config.margins_max_age_seconds,
            fetch_seconds=connection.config.limits.total_timeout_seconds,
        )

    async def add(
        self, records: list[LiveAccountRecord], call: Call
    ) -> tuple[list[LiveAccountRecord], Mapping[str, UpstreamError]]:
        """The records with their margins, and the error of each login with an unreadable margin."""
        rows, unassigned = await self._shared.get("margins", self._fetch, call)
        errors: dict[str, UpstreamError] = {}
        completed: list[LiveAccountRecord] = []
        for record in records:
            row = rows.get(record.login, unassigned)
            try:
                if isinstance(row, UpstreamError):
                    errors[record.login] = row
                else:
                    completed.append(_with_margin(record, row))
            except NONSENSE as error:
                errors[record.login] = unreadable_row(type(error).__name__, self._failures)
        return completed, errors

    async def aclose(self) -> None:
        await self._shared.aclose()

    async def _fetch(self, call: Call) -> _Rows:
        return await self._platform.get(MARGINS_PATH, self._read, call, max_answer_bytes=MARGINS_MAX_BYTES)

    def _read(self, answer: HttpAnswer) -> _Rows:
        data = open_envelope(answer, self._failures, writes=False)
        return read_all_rows(data, _Margin, lambda rows: {str(row.login): row for row in rows}, self._failures)


def _with_margin(record: LiveAccountRecord, row: _Margin | None) -> LiveAccountRecord:
    if row is None:
        # An account without an open trade is not in the list, and has no floating profit [I].
        equity = (record.balance or Decimal(0)) + (record.credit or Decimal(0))
        return structs.replace(record, equity=equity, margin=Decimal(0), free_margin=equity, margin_level=None)
    margin = wire.read_required_double(row.margin)
    return structs.replace(
        record,
        equity=wire.read_required_double(row.equity),
        margin=margin,
        free_margin=wire.read_required_double(row.free),
        # Without a margin there is no level, whatever number the vendor gives.
        margin_level=wire.read_double(row.level) if margin else None,
    )


class GroupCurrencies:
    """The currencies of groups, which are those of their accounts. MT4 and MT5 have different calls for them."""

    def __init__(self, platform: TradePlatform, path: str, clock: Clock) -> None:
        self._platform = platform
        self._path = path
        self._shared: SharedAnswer[str | None] = SharedAnswer(
            clock,
            platform.connection.authorised.failures,
            max_age_seconds=CURRENCY_MAX_AGE_SECONDS,
            fetch_seconds=platform.connection.config.limits.total_timeout_seconds,
        )

    async def of(self, group: str, call: Call) -> str | None:
        async def fetch(own: Call) -> str | None:
            # The read is alone, because the answer does not name its group and is cached for an hour.
            return await self._platform.get(self._path, self._read, own, values={"group": group}, alone=True)

        return await self._shared.get(group, fetch, call)

    async def aclose(self) -> None:
        await self._shared.aclose()

    def _read(self, answer: HttpAnswer) -> str | None:
        data = open_envelope(answer, self._platform.connection.authorised.failures, writes=False)
        return wire.read_text(msgspec.json.decode(data, type=_Group).currency)
