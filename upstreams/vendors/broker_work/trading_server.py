"""Trading servers behind Leanwork's Broker Work: properties of accounts, no balances [D, seed 004].

`result` says whether a call succeeded. `mcode` has two forms (`m00000` and `m0000000`) and is read for failures only.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from core.call import Call
from core.clock import Clock
from core.errors import Reason, UpstreamError
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.failures import Failures
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.broker_work.connection import SYSTEM, BrokerWorkConnection
from upstreams.vendors.broker_work.figures import Figures, Seen, answer_with, row_with
from upstreams.vendors.kit import mt4_codes
from upstreams.vendors.kit.live_batches import (
    MT5_LARGEST_LOGIN,
    NumbersUpTo,
    Rows,
    ask_in_chunks,
    coalesce_live_calls,
)
from upstreams.vendors.kit.protocol import LiveAnswer, Platform
from upstreams.vendors.kit.rows import NONSENSE, read_rows, require_asked
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.server_settings import timezone

INFO_PATH = "/v1/api/account/info"

# Logins are text here and numbers on every platform behind it. Another text would make the list invalid for the other
# logins.
_LOGINS = NumbersUpTo(MT5_LARGEST_LOGIN)

CREDENTIALS = frozenset({"BW_API_0000001", "BW_API_0000003"})
NOT_ALLOWED = frozenset({"BW_API_0000004", "RIGHT_NO_00000001"})
INVALID: Mapping[str, tuple[Reason, str]] = {
    "BW_INVALID_SERVERID": (Reason.CONNECTION_NOT_FOUND, "Broker Work does not know this server."),
    "BW_INVALID_PARAM": (Reason.VALIDATION_FAILED, "Broker Work does not accept the logins."),
}
MT4_PREFIX = "MT4_"


class _Envelope(msgspec.Struct):
    result: bool | int | str
    mcode: int | str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(_Envelope)


class BrokerWorkLive:
    """The accounts of one server."""

    def __init__(self, name: str, config: ServerConfig, connection: BrokerWorkConnection, zone: ZoneInfo) -> None:
        self._name = name
        self.batch_max = connection.config.chunk_logins
        self._server_id = config.id
        self._figures = Figures(SYSTEM, zone)
        self._link = connection.link
        self._coalescing = coalesce_live_calls(
            self._info, connection.config.concurrent_live_calls, self.batch_max, connection.link.failures
        )
        self._headers = {
            "x-api-tenantId": connection.config.tenant_id,
            "x-api-token": connection.config.token.reveal(),
        }

    async def aclose(self) -> None:
        await self._coalescing.aclose()

    async def fetch(self, logins: Sequence[str], wanted: frozenset[str], call: Call) -> LiveAnswer:
        call = replace(call, wants=wanted)

        async def ask(chunk: Sequence[str]) -> Rows:
            return self._figures.records(await self._coalescing.ask(None, chunk, call), wanted)

        return await ask_in_chunks(logins, self.batch_max, _LOGINS, ask)

    async def _info(self, logins: Sequence[str], call: Call) -> Mapping[str, Seen | UpstreamError]:
        return await self._link.read(self._request(logins), lambda answer: self._read(answer, logins, call.wants), call)

    def _request(self, chunk: Sequence[str]) -> HttpRequest:
        query = (("serverId", self._server_id), ("accountId", ",".join(chunk)))
        return HttpRequest("GET", INFO_PATH, query=query, headers=self._headers, lane=self._name, keys=len(chunk))

    def _read(
        self, answer: HttpAnswer, chunk: Sequence[str], wanted: frozenset[str]
    ) -> Mapping[str, Seen | UpstreamError]:
        now = self._link.clock.now()

        def entries(rows: Iterable[Any]) -> dict[str, Seen]:
            return {str(row.login): (row, now) for row in rows}

        try:
            whole = answer_with(wanted).decode(answer.body)
            if wire.read_flag(whole.result):
                found = entries(whole.data)
                if len(found) == len(whole.data):
                    return require_asked(found, chunk, self._link.failures)
        except NONSENSE:
            # Read it in two steps: the result of the call, and then each row that can be read. The data of one account
            # may be an object.
            pass
        envelope = _envelope.decode(answer.body)
        if not wire.read_flag(envelope.result):
            raise translate_mcode(envelope.mcode, self._link.failures)
        return read_rows(envelope.data, row_with(wanted), entries, chunk, self._link.failures)


def translate_mcode(mcode: Any, failures: Failures) -> UpstreamError:
    """The error for `result: false` of a read."""
    code = str(mcode) if isinstance(mcode, int | str) else ""
    if code in CREDENTIALS:
        return failures.credentials(code, "our tenant or token is refused")
    if code in NOT_ALLOWED:
        return failures.refused(code)
    if code in INVALID:
        reason, message = INVALID[code]
        return failures.rejected(reason, message, upstream_code=code)
    refused = mt4_codes.translate_code(code.removeprefix(MT4_PREFIX), failures) if code.startswith(MT4_PREFIX) else None
    return refused or failures.unavailable("reported an error", upstream_code=code or None)


def build(name: str, config: ServerConfig, connection: BrokerWorkConnection, _clock: Clock) -> Platform:
    """Build a server with live figures only.

    The vendor's balance call returns neither a ticket nor a comment, so that deposits could not be found again.
    """
    live = BrokerWorkLive(name, config, connection, timezone(name, config))
    return Platform(name=name, system=SYSTEM, live=live)
