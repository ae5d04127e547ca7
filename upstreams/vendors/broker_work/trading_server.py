"""MT4, MT5 and cTrader behind Leanwork's Broker Work: what an account is, not what is on it [D, seed 004].

`result` says whether a call went well; `mcode` is written `m00000` and `m0000000` and is looked at for failures only.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from core.call import Call
from core.clock import Clock
from core.errors import Reason, UpstreamError
from upstreams.http import lenient_json as wire
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

# Logins are text here, but numbers on every platform behind it; anything else would spoil the list for the others.
_LOGINS = NumbersUpTo(MT5_LARGEST_LOGIN)

CREDENTIALS = frozenset({"BW_API_0000001", "BW_API_0000003"})
NOT_ALLOWED = frozenset({"BW_API_0000004", "RIGHT_NO_00000001"})
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
        self._figures = Figures(SYSTEM, zone, connection.link.failures)
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
                return require_asked(entries(whole.data), chunk, self._link.failures)
        except NONSENSE:
            # In two steps, then: what it says of the call, and row by row what can be read.
            pass
        envelope = _envelope.decode(answer.body)
        if not wire.read_flag(envelope.result):
            raise translate_mcode(envelope.mcode, self._link.failures)
        return read_rows(envelope.data, row_with(wanted), entries, chunk, self._link.failures)


def translate_mcode(mcode: Any, failures: Failures) -> UpstreamError:
    """What `result: false` means on a read."""
    code = str(mcode) if isinstance(mcode, int | str) else ""
    if code in CREDENTIALS:
        return failures.credentials(code, "our tenant or token is refused")
    if code in NOT_ALLOWED:
        return failures.refused(code)
    if code == "BW_INVALID_SERVERID":
        return failures.rejected(
            Reason.CONNECTION_NOT_FOUND, "Broker Work does not know this server.", upstream_code=code
        )
    if code == "BW_INVALID_PARAM":
        return failures.rejected(
            Reason.VALIDATION_FAILED, "Broker Work does not accept the logins.", upstream_code=code
        )
    refused = mt4_codes.translate_code(code.removeprefix(MT4_PREFIX), failures) if code.startswith(MT4_PREFIX) else None
    return refused or failures.unavailable("reported an error", upstream_code=code or None)


def build(name: str, config: ServerConfig, connection: BrokerWorkConnection, _clock: Clock) -> Platform:
    """Live figures only: neither a ticket nor a comment comes back from its balance call, so money is never put through
    it.
    """
    live = BrokerWorkLive(name, config, connection, timezone(name, config))
    return Platform(name=name, system=SYSTEM, live=live)
