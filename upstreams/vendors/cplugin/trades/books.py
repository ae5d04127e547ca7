"""The check of MT4's books: AdmBalanceCheck, which only reads [D, C-spec].

MT4 computes the balance from the closed trades and the balance operations. The answer has the accounts with a
difference only.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final

import msgspec

from core.call import Call
from core.errors import UpstreamError
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.envelope import open_envelope
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.kit.live_batches import MT4_LARGEST_LOGIN, NumbersUpTo
from upstreams.vendors.kit.rows import read_rows

BOOKS_PATH = "/api/v2/MT4/{tradePlatform}/AdmBalanceCheck"
_LOGINS: Final = NumbersUpTo(MT4_LARGEST_LOGIN)


class _Difference(msgspec.Struct):
    MONEY: ClassVar = frozenset({"diff"})

    login: int
    diff: Decimal


class Mt4BooksCheck:
    """The books of one server."""

    def __init__(self, platform: TradePlatform) -> None:
        self.batch_max = platform.connection.config.chunk_logins
        self._platform = platform
        self._failures = platform.connection.authorised.failures

    async def differences(self, logins: Sequence[str], call: Call) -> Mapping[str, Decimal | UpstreamError]:
        asked = _LOGINS.among(logins) if logins else ()
        if not asked:
            return {}

        def entries(rows: Iterable[_Difference]) -> dict[str, Decimal]:
            return {str(row.login): wire.read_required_double(row.diff) for row in rows}

        def read(answer: HttpAnswer) -> Mapping[str, Decimal | UpstreamError]:
            data = open_envelope(answer, self._failures, writes=False)
            return read_rows(data, _Difference, entries, asked, self._failures)

        query = [("logins", login) for login in asked]
        # The read is alone, because an answer without differences names no account.
        found = await self._platform.get(BOOKS_PATH, read, call, query=query, keys=len(asked), alone=True)
        return {login: one for login, one in found.items() if one != 0}
