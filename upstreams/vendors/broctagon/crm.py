"""Broctagon's CRM Open API: requests to open an account, and signed calls for whoever else needs them [D, B-*].

Bodies are serialised once: the signature is over the very bytes that are sent.
"""

import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.call import Call
from core.commands import AccountRequestCommand
from core.errors import Reason, Rejected, System, Unavailable, UpstreamError
from core.secret import Secret
from upstreams.http import lenient_json as wire
from upstreams.http.link import Link, Read
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.broctagon.config import BroctagonConfig
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.vendor import Opening

SYSTEM: Final = System("BROCTAGON")

# 400 is told apart by its type, 403 is access denied, 404 not found; success is 200, 201 or 204 [D, B-introduction].
SUCCESSES = frozenset({200, 201, 204})
DOCUMENTED_STATUSES = SUCCESSES | {400, 403, 404}

REFUSAL_TYPES: Mapping[str, tuple[Reason, str]] = {
    "trading_account_limit_exceeded": (Reason.ACCOUNT_LIMIT_REACHED, "The client has as many accounts as allowed."),
    "pending_requests_exist": (Reason.REQUEST_ALREADY_PENDING, "A request on this connection is waiting already."),
    # The vendor's spelling, and the one it may correct it to.
    "servce_is_demo": (Reason.DEMO_CONNECTION_NOT_ALLOWED, "The connection is a demo server."),
    "service_is_demo": (Reason.DEMO_CONNECTION_NOT_ALLOWED, "The connection is a demo server."),
    "mt4_connection_not_found": (Reason.CONNECTION_NOT_FOUND, "The CRM does not know this connection."),
    "mt5_connection_not_found": (Reason.CONNECTION_NOT_FOUND, "The CRM does not know this connection."),
    "trade_connection_not_found": (Reason.CONNECTION_NOT_FOUND, "The CRM does not know this connection."),
    "invalid_account_type": (Reason.INVALID_ACCOUNT_TYPE, "The account type does not exist on this connection."),
    "mt4_account_not_found": (Reason.NOT_FOUND, "The CRM does not know this account."),
    "insufficient_funds": (Reason.INSUFFICIENT_FUNDS, "There are not enough funds."),
}


# The report's own largest page; twenty thousand transactions in five days are more than an MT4 server sees.
PAGE_ROWS = 500
MOST_REPORT_PAGES = 40


class Transaction(msgspec.Struct):
    """A record of the report, as far as we read it. All fields may be missing: only their names are documented."""

    id: int | str | None = None
    type: str | None = None
    currency: str | None = None
    amount: msgspec.Raw = msgspec.Raw(b"null")
    comment: str | None = None
    connection_id: int | str | None = msgspec.field(name="trading_connection_id", default=None)
    login: int | str | None = msgspec.field(name="trading_id", default=None)
    status: int | str | None = None


class _Report(msgspec.Struct):
    records: list[Transaction]


class Broctagon:
    """The CRM behind one API key."""

    def __init__(self, config: BroctagonConfig, link: Link) -> None:
        self.link = link
        self.has_history = config.history
        self._key = config.key

    async def aclose(self) -> None:
        await self.link.aclose()

    async def prepare_request(self, command: AccountRequestCommand, call: Call) -> "PreparedWrite":
        """POST /public/v1/requests/account, ready to go. The CRM answers 200 and no id [D, seed 002]."""
        body = {name: value for name, value in dataclasses.asdict(command).items() if value is not None}
        return self.prepare("/public/v1/requests/account", {}, body, self._read_accepted, call)

    async def reconcile_request(self, command: AccountRequestCommand, call: Call) -> None:
        """Ask again after a lost answer; returns when a request is in. `pending_requests_exist` is success then: our
        own earlier request waits, or one that is as good, for the CRM keeps one open request per connection [D, seed
        002]. Rejected for what would have been refused the first time too, OutcomeUnknown for everything else: an
        attempt that proves to be unsent proves nothing about the earlier one.
        """
        try:
            await (await self.prepare_request(command, call)).send()
        except Rejected as error:
            if error.reason is Reason.REQUEST_ALREADY_PENDING:
                return
            if error.upstream_code in REFUSAL_TYPES and error.reason is not Reason.ACCOUNT_LIMIT_REACHED:
                raise
            # Undocumented; or the account from our own request, approved meanwhile, fills the limit [I].
            raise self._still_unknown("refuses to be asked again", error) from error
        except Unavailable as error:
            raise self._still_unknown("could not be asked again", error) from error

    async def probe(self, connection_id: str, call: Call) -> None:
        """Read one account of a connection [D, B-mt4/get-accounts]; without a connection one user [D, B-users]."""
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
        read: Read[None],
        call: Call,
        lane: str = "",
    ) -> "PreparedWrite":
        """A signed POST that needs no more than to be sent."""
        self.link.check(lane, for_command=True)
        request = self._post(path, values, body, writes=True, lane=lane)
        return PreparedWrite(self.link, request, read, replace(call, for_command=True))

    async def transactions(self, start: date, end: date, call: Call, lane: str = "") -> list[Transaction]:
        """The report of transactions between two days, whole [D, B-report/transactions; vendors.md 2.7]. A read,
        although it is a POST. The page writes its dates "DDDD-MM-YY", evidently a typing error for the ISO form [I].
        """
        found: list[Transaction] = []
        for page in range(MOST_REPORT_PAGES):
            body = {"skip": page * PAGE_ROWS, "limit": PAGE_ROWS, "start": f"{start}", "end": f"{end}"}
            request = self._post("/public/v1/report/transactions", {}, body, writes=False, lane=lane)
            rows = await self.link.read(request, self._read_transactions, call)
            found += rows
            if len(rows) < PAGE_ROWS:
                return found
        raise self.link.failures.unavailable("has more transactions than can be searched")

    def _post(
        self, path: str, values: Mapping[str, str], body: Mapping[str, Any], *, writes: bool, lane: str
    ) -> HttpRequest:
        content = wire.encode(body)
        headers = {
            "key": self._key.reveal(),
            "signature": sign(content, self._key),
            "content-type": "application/json",
        }
        return HttpRequest(
            "POST",
            path,
            values,
            headers=headers,
            content=content,
            understands=DOCUMENTED_STATUSES,
            writes=writes,
            lane=lane,
            # Its one read is the report, which does not say of which days and page it is.
            alone=True,
        )

    def refusal(self, answer: HttpAnswer) -> UpstreamError:
        """What a documented refusal means: all of them are final, nothing was done."""
        failures = self.link.failures
        if answer.status == 403:  # noqa: PLR2004
            return failures.credentials("403", "our key or its signature is refused")
        kind = find_refusal_type(answer.body)
        if kind is not None:
            reason, message = REFUSAL_TYPES[kind]
            return failures.rejected(reason, message, upstream_code=kind)
        if answer.status == 404:  # noqa: PLR2004
            return failures.rejected(Reason.NOT_FOUND, "The CRM does not know it.", upstream_code="404")
        return failures.refused(str(answer.status))

    def _read_transactions(self, answer: HttpAnswer) -> list[Transaction]:
        if answer.status not in SUCCESSES:
            raise self.refusal(answer)
        return wire.decode(answer.body, _Report).records

    def _read_anything(self, answer: HttpAnswer) -> None:
        if answer.status not in SUCCESSES:
            raise self.refusal(answer)
        # People's data: looked at no closer than that it is JSON.
        wire.decode(answer.body, msgspec.Raw)

    def _read_accepted(self, answer: HttpAnswer) -> None:
        if answer.status not in SUCCESSES:
            raise self.refusal(answer)
        if answer.body.strip():
            # The page documents no field, so any JSON will do; a proxy's HTML page is no acceptance.
            msgspec.json.decode(answer.body)


@dataclass(frozen=True, slots=True)
class PreparedWrite:
    link: Link
    request: HttpRequest
    read: Read[None]
    call: Call

    async def send(self) -> None:
        await self.link.write(self.request, self.read, self.call)


def sign(content: bytes, key: Secret) -> str:
    """`sha256=` and the hex HMAC-SHA256 of the raw body, with the API key as secret [D, B-authentication-v2]."""
    return f"sha256={hmac.new(key.reveal().encode(), content, hashlib.sha256).hexdigest()}"


def find_refusal_type(body: bytes) -> str | None:
    """The known type that a 400 names. The body's shape is documented only as "told apart by a type" [I]: looked for
    under the likely names, else anywhere in the text; the longest match wins.
    """
    try:
        fields = msgspec.json.decode(body)
    except msgspec.DecodeError:
        fields = None
    if isinstance(fields, dict):
        for name in ("type", "error", "message"):
            value = fields.get(name)
            if isinstance(value, str) and value.strip().lower() in REFUSAL_TYPES:
                return value.strip().lower()
    spelt = body[:4096].decode("utf-8", "replace").lower()
    return max((kind for kind in REFUSAL_TYPES if kind in spelt), key=len, default=None)


def connect(opening: Opening, config: BroctagonConfig) -> Broctagon:
    return Broctagon(config, opening.link(config.url, config.limits))


async def check(crm: Broctagon, server: ServerConfig | None, call: Call) -> None:
    """Ask for what costs no more than a call; with a server, of its connection."""
    await crm.probe("" if server is None else server.id, call)
