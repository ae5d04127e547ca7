"""Writes to one trade platform. v2 takes an Idempotency-Key and a deadline. v1 documents neither."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from core.call import Call
from core.errors import UpstreamError
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.failures import Failures
from upstreams.http.link import Read
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.cplugin.commands.idempotent_write import KeyedWrite
from upstreams.vendors.cplugin.envelope import DOCUMENTED, ApiError, check_status, find_refusal, open_envelope
from upstreams.vendors.cplugin.reads import TradePlatform
from upstreams.vendors.kit.command_checks import check_key
from upstreams.vendors.kit.protocol import Prepared

T = TypeVar("T")

# We wait for the vendor's deadline and 30 s more, because the server may add 20 s for connecting [D, C-py].
GRACE_SECONDS = 30.0

# v1 documents no form of a refusal. Bodies with these statuses are searched for a known code [I].
V1_REFUSALS = frozenset({400, 404})


class Writer:
    def __init__(self, platform: TradePlatform) -> None:
        self.platform = platform
        self.failures = platform.connection.authorised.failures
        self.v2 = platform.connection.config.api == "v2"

    async def prepare(  # noqa: PLR0913 - the parts of a POST.
        self,
        function: str,
        body: object,
        read: Read[T],
        call: Call,
        *,
        key: str,
        values: Mapping[str, str] | None = None,
    ) -> Prepared[T]:
        """Prepare a POST to `function`, the last part of the path. A write of v2 is repeated with its key, a write of
        v1 is not.
        """
        base = "/api/v2/MT4/{tradePlatform}/" if self.v2 else "/api/MT4/{tradePlatform}/"
        seconds = self.platform.connection.config.write_timeout_header_seconds
        headers = {"content-type": "application/json"}
        if self.v2:
            check_key(key)
            headers |= {"idempotency-key": key, "x-request-timeout": str(seconds)}
        request = HttpRequest(
            "POST",
            base + function,
            {"tradePlatform": self.platform.trade_platform, **(values or {})},
            headers=headers,
            content=wire.encode(body),
            understands=DOCUMENTED if self.v2 else DOCUMENTED | V1_REFUSALS,
            writes=True,
            lane=self.platform.lane,
            total_seconds=seconds + GRACE_SECONDS,
        )
        write = await self.platform.connection.authorised.prepare(request, read, call)
        return KeyedWrite(write) if self.v2 else write

    def data(self, answer: HttpAnswer) -> msgspec.Raw:
        """The data of the answer, which has an envelope in v2 and none in v1."""
        if self.v2:
            return open_envelope(answer, self.failures, writes=True)
        check_status(answer, self.failures)
        if answer.status in V1_REFUSALS:
            raise v1_refusal(answer, self.failures)
        return msgspec.Raw(answer.body)


def v1_refusal(answer: HttpAnswer, failures: Failures) -> UpstreamError:
    """The error of a refusal. It is final only if the body has a known code, because a 400 is not documented."""
    try:
        refusal = find_refusal(wire.decode(answer.body, ApiError), failures)
    except (msgspec.DecodeError, ValueError):
        refusal = None
    return refusal or failures.from_status(answer, writes=True)
