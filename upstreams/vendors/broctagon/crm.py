"""Broctagon's CRM Open API: account requests, and signed calls for the trading server [D, B-*].

Each body is serialised once, because the signature is over the bytes that are sent.
"""

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Generic

import msgspec
from msgspec.structs import replace

from core.call import Call
from core.commands import AccountRequestCommand
from core.errors import Reason, Rejected, System, Unavailable, UpstreamError
from core.secret import Secret
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Link, Read, T
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.broctagon.config import BroctagonConfig
from upstreams.vendors.broctagon.refusals import DOCUMENTED_STATUSES, REFUSAL_TYPES, SUCCESSES, refusal_of
from upstreams.vendors.kit.history_search import read_history
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.vendor import Opening

SYSTEM: Final = System("BROCTAGON")

# The report's largest page. An MT4 server has fewer than twenty thousand transactions in five days.
PAGE_ROWS = 500
MOST_REPORT_PAGES = 40


class Transaction(msgspec.Struct):
    """A record of the report, with the fields that we read. Only names are documented, so that any may be missing."""

    id: int | str | None = None
    type: str | None = None
    currency: str | None = None
    amount: msgspec.Raw = msgspec.Raw(b"null")
    comment: str | None = None
    connection_id: int | str | None = msgspec.field(name="trading_connection_id", default=None)
    login: int | str | None = msgspec.field(name="trading_id", default=None)
    status: int | str | None = None


Transactions = tuple[list[Transaction], list[bytes]]


class _Report(msgspec.Struct):
    records: msgspec.Raw


class Broctagon:
    """The CRM behind one API key."""

    def __init__(self, config: BroctagonConfig, link: Link) -> None:
        self.link = link
        self.has_history = config.history
        self._key = config.key

    async def aclose(self) -> None:
        await self.link.aclose()

    async def prepare_request(self, command: AccountRequestCommand, call: Call) -> "PreparedWrite[None]":
        """Prepare POST /public/v1/requests/account. The CRM answers 200 and no id [D, seed 002]."""
        body = {name: value for name, value in dataclasses.asdict(command).items() if value is not None}
        return self.prepare("/public/v1/requests/account", {}, body, self._read_accepted, call)

    async def reconcile_request(self, command: AccountRequestCommand, call: Call) -> None:
        """Send the request again after a lost answer. Return normally if the CRM has a request.

        `pending_requests_exist` is a success here: our own earlier request or an equal request waits, because the CRM
        keeps one open request per connection [D, seed 002]. Raises Rejected for a refusal that the first attempt would
        also have got. Otherwise raises OutcomeUnknown, because an unsent repeat proves nothing about the earlier
        attempt.
        """
        try:
            await (await self.prepare_request(command, call)).send()
        except Rejected as error:
            if error.reason is Reason.REQUEST_ALREADY_PENDING:
                return
            if error.upstream_code in REFUSAL_TYPES and error.reason is not Reason.ACCOUNT_LIMIT_REACHED:
                raise
            # The code is not documented, or our own request was approved in the meantime and its account reaches the
            # limit [I].
            raise self._still_unknown("refuses the repeat of the request", error) from error
        except Unavailable as error:
            raise self._still_unknown("the request could not be repeated", error) from error

    async def probe(self, connection_id: str, call: Call) -> None:
        """Read one account of a connection [D, B-mt4/get-accounts], or one user without a connection [D, B-users]."""
        query: tuple[tuple[str, str], ...] = (("skip", "0"), ("limit", "1"))
        path = "/public/v1/users"
        if connection_id:
            path, query = "/public/v1/mt4/accounts", (("connection_id", connection_id), *query)
        request = HttpRequest(
            "GET", path, query=query, headers={"key": self._key.reveal()}, understands=DOCUMENTED_STATUSES
        )
        await self.link.read(request, self._read_anything, call)

    def _still_unknown(self, happened: str, error: UpstreamError) -> UpstreamError:
        unknown = self.link.failures.unknown(happened, upstream_code=error.upstream_code, detail=error.detail)
        unknown.retry_after_seconds = error.retry_after_seconds
        return unknown

    def prepare(  # noqa: PLR0913, PLR0917 - the parts of a signed write.
        self,
        path: str,
        values: Mapping[str, str],
        body: Mapping[str, Any],
        read: Read[T],
        call: Call,
        lane: str = "",
    ) -> "PreparedWrite[T]":
        """A signed POST, of which only `send` is left. Raises Unavailable while the circuit breaker is open."""
        self.link.check(lane, for_command=True)
        request = self._post(path, values, body, writes=True, lane=lane)
        return PreparedWrite(self.link, request, read, replace(call, for_command=True))

    async def transactions(self, start: date, end: date, call: Call, lane: str = "") -> Transactions:
        """All transactions between two days, and the rows that cannot be read. The POST is a read.

        [D, B-report/transactions; vendors.md 2.7]

        The vendor's page has the date format "DDDD-MM-YY", which is probably a typing error for the ISO format [I].
        """
        found: list[Transaction] = []
        unread: list[bytes] = []
        for page in range(MOST_REPORT_PAGES):
            body = {"skip": page * PAGE_ROWS, "limit": PAGE_ROWS, "start": f"{start}", "end": f"{end}"}
            request = self._post("/public/v1/report/transactions", {}, body, writes=False, lane=lane)
            rows, unreadable = await self.link.read(request, self._read_transactions, call)
            found += rows
            unread += unreadable
            if len(rows) + len(unreadable) < PAGE_ROWS:
                return found, unread
        raise self.link.failures.unavailable("has more transactions than can be searched")

    def _post(
        self, path: str, values: Mapping[str, str], body: Mapping[str, Any], *, writes: bool, lane: str
    ) -> HttpRequest:
        content = wire.encode(body)
        headers = {"key": self._key.reveal(), "signature": sign(content, self._key)}
        headers["content-type"] = "application/json"
        return HttpRequest(
            "POST",
            path,
            values,
            headers=headers,
            content=content,
            understands=DOCUMENTED_STATUSES,
            writes=writes,
            lane=lane,
            # The only read is the report. Its answer names neither its days nor its page.
            alone=True,
        )

    def check_status(self, answer: HttpAnswer) -> None:
        """Raise the error of a refusal."""
        if answer.status not in SUCCESSES:
            raise refusal_of(answer, self.link.failures)

    def _read_transactions(self, answer: HttpAnswer) -> Transactions:
        self.check_status(answer)
        return read_history(wire.decode(answer.body, _Report).records, Transaction)

    def _read_anything(self, answer: HttpAnswer) -> None:
        self.check_status(answer)
        # The answer holds personal data, so that it is only checked to be JSON.
        wire.decode(answer.body, msgspec.Raw)

    def _read_accepted(self, answer: HttpAnswer) -> None:
        self.check_status(answer)
        if answer.body.strip():
            # Because no field is documented, any JSON is an acceptance. A proxy's HTML page is not JSON.
            msgspec.json.decode(answer.body)


@dataclass(frozen=True, slots=True)
class PreparedWrite(Generic[T]):
    """A signed write, of which only `send` is left."""

    link: Link
    request: HttpRequest
    read: Read[T]
    call: Call

    async def send(self) -> T:
        return await self.link.write(self.request, self.read, self.call)


def sign(content: bytes, key: Secret) -> str:
    """`sha256=` and the hex HMAC-SHA256 of the raw body, with the API key as secret [D, B-authentication-v2]."""
    return f"sha256={hmac.new(key.reveal().encode(), content, hashlib.sha256).hexdigest()}"


def connect(opening: Opening, config: BroctagonConfig) -> Broctagon:
    return Broctagon(config, opening.link(config.url, config.limits, config.network))


async def check(crm: Broctagon, server: ServerConfig | None, call: Call) -> None:
    """Send the smallest read; for a server, a read of its connection."""
    await crm.probe("" if server is None else server.id, call)
