"""Hyper, the ERP's own API: a client's live balance, and a new trading account [D, H-1675, H-1244].

Functions of a client need the client's API password, which is sent only in the body. The ResponseCode decides whether a
call succeeded, not the HTTP status. The meaning of a code depends on the function.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from core.call import Call
from core.commands import NewAccountReceipt
from core.errors import Reason, System, UpstreamError
from core.records import LiveClientRecord
from core.secret import Secret
from upstreams.http.decoding import lenient_json as wire
from upstreams.http.link import Link, TokenRefused
from upstreams.http.request import HttpRequest
from upstreams.http.tokens.access_tokens import AuthorisedLink, AuthorisedWrite
from upstreams.http.transport import HttpAnswer
from upstreams.vendors.hyper import wire as hyper_wire
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.hyper.tokens import HyperTokens
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.token_store import TokenStore
from upstreams.vendors.kit.vendor import Opening

SYSTEM: Final = System("HYPER")

# Statuses that Hyper documents with its own body [D, H-1226].
BODY_STATUSES = frozenset({200, 400, 401, 403, 404, 422, 423, 500})

OK, RESTRICTED_OR_EXISTS = 0, 1
DATABASE_ERROR, TECHNICAL_ERROR = 4, 5
TOKEN_REFUSED = 99
BUSY = frozenset({10, 12})
MISSING_INPUT = frozenset({7, 14})
# How long "try later" means is not documented. An edit by an operator takes some seconds.
LOCKED_RETRY_SECONDS = 5.0

REFUSAL_CODES: Mapping[int, tuple[Reason, str]] = {
    2: (Reason.NOT_FOUND, "The ERP does not know this client."),
    3: (Reason.UPSTREAM_REFUSED, "The ERP's API does not offer this function."),
    6: (Reason.CREDENTIALS_REJECTED, "The ERP does not accept the client's API password."),
    7: (Reason.VALIDATION_FAILED, "The ERP reports a missing field."),
    8: (Reason.UPSTREAM_REFUSED, "The ERP does not allow this function for our token."),
    9: (Reason.VALIDATION_FAILED, "The ERP does not accept the language."),
    11: (Reason.CREDENTIALS_REJECTED, "The ERP does not accept the client's API password."),
    13: (Reason.VALIDATION_FAILED, "The ERP does not accept the password's form."),
    14: (Reason.VALIDATION_FAILED, "The ERP does not accept the data."),
    20: (Reason.NOT_FOUND, "The ERP does not know this account."),
    21: (Reason.NOT_FOUND, "The ERP does not know this client."),
}


class Hyper:
    """One API connection of the ERP."""

    system = SYSTEM

    def __init__(self, config: HyperConfig, link: Link, store: TokenStore) -> None:
        self.link = link
        self._config = config
        self._authorised = AuthorisedLink(link, HyperTokens(config, link, store))

    async def aclose(self) -> None:
        await self._authorised.aclose()

    async def client_balance(self, client_number: int, api_password: Secret, call: Call) -> LiveClientRecord:
        """Get_Client_Balance_json, for one client a call.

        Code 1 means a restricted client and is not a failure. The answer does not name its client.
        """
        request = _request(self._config.client_balance_path, client_number, api_password, alone=True)

        def read(answer: HttpAnswer) -> LiveClientRecord:
            code = self._code(answer, writes=False)
            now = self.link.clock.now()
            return hyper_wire.live_client(answer.body, client_number, code, now, self.link.failures)

        return await self._authorised.read(request, read, call)

    async def prepare_account(
        self, client_number: int, api_password: Secret, call: Call
    ) -> AuthorisedWrite[NewAccountReceipt]:
        """Prepare Create_TP_Account_Json. The ERP chooses server, group and currency.

        A client gets one account. Code 1 returns the existing account.
        """
        request = _request(self._config.create_account_path, client_number, api_password, writes=True)

        def read(answer: HttpAnswer) -> NewAccountReceipt:
            code = self._code(answer, writes=True)
            return hyper_wire.new_account(answer.body, existed=code == RESTRICTED_OR_EXISTS)

        return await self._authorised.prepare(request, read, call)

    async def probe(self, call: Call) -> None:
        """Call Get_Client_Balance_json without its input. This call proves the token and reads no client.

        The token is checked before the function, and missing input is 400/14 [D, H-1445, H-1244]. `alive_check` is not
        used, because it does not check the token [D, H-1445].
        """
        headers = {"content-type": "application/json"}
        path = self._config.client_balance_path
        request = HttpRequest("POST", path, headers=headers, content=b"{}", understands=BODY_STATUSES)
        await self._authorised.read(request, self._read_probe, call)

    def _read_probe(self, answer: HttpAnswer) -> None:
        code = self._response_code(answer, writes=False)
        if code in MISSING_INPUT:
            return
        reason, message = REFUSAL_CODES.get(code, (Reason.UPSTREAM_REFUSED, "The ERP's API refused."))
        raise self.link.failures.rejected(reason, message, upstream_code=str(code))

    def _code(self, answer: HttpAnswer, *, writes: bool) -> int:
        """The code, OK or RESTRICTED_OR_EXISTS. Raises the error of every other code."""
        code = self._response_code(answer, writes=writes)
        if code in {OK, RESTRICTED_OR_EXISTS} and answer.status == HTTPStatus.OK:
            return code
        raise self._failure(code, writes=writes)

    def _response_code(self, answer: HttpAnswer, *, writes: bool) -> int:
        """The ResponseCode. Raises TokenRefused, and the error of an answer without a code."""
        try:
            code = wire.decode(answer.body, hyper_wire.HyperEnvelope).code
        except (msgspec.DecodeError, ValueError):
            raise self._bodiless(answer, writes=writes) from None
        if code == TOKEN_REFUSED:
            raise TokenRefused
        return code

    def _failure(self, code: int, *, writes: bool) -> UpstreamError:
        failures, spelt = self.link.failures, str(code)
        if code in BUSY:
            # The client's record is locked, so that the command was not begun.
            happened = "is busy with this client's record"
            return failures.unavailable(happened, upstream_code=spelt, seconds=LOCKED_RETRY_SECONDS)
        if code in REFUSAL_CODES:
            reason, message = REFUSAL_CODES[code]
            return failures.rejected(reason, message, upstream_code=spelt)
        if writes:
            # Code 5 of a creation means that the trading system did not answer in time. The account may still be made.
            # Other codes are not documented for it and prove nothing.
            return failures.unknown("reported an internal error", upstream_code=spelt)
        return failures.unavailable("reported an internal error", upstream_code=spelt)

    def _bodiless(self, answer: HttpAnswer, *, writes: bool) -> Exception:
        """The error of an answer without a ResponseCode. A proxy, or a check before the function, sent such an
        answer.
        """
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return TokenRefused()
        if answer.status == HTTPStatus.FORBIDDEN:
            # The IP address is not allowed, or the function is blocked.
            return self.link.failures.refused("403")
        return self.link.failures.from_status(answer, writes=writes)


def _request(
    path: str, client_number: int, api_password: Secret, *, writes: bool = False, alone: bool = False
) -> HttpRequest:
    body = {"ClientNumber": client_number, "API_Password": api_password.reveal()}
    return HttpRequest(
        "POST",
        path,
        headers={"content-type": "application/json"},
        content=wire.encode(body),
        understands=BODY_STATUSES,
        writes=writes,
        alone=alone,
    )


def connect(opening: Opening, config: HyperConfig) -> Hyper:
    if config.refresh != "none" and not config.refresh_token:
        raise opening.setting_error("refresh_token", f'is missing, and refresh = "{config.refresh}" needs it')
    link = opening.link(config.url, config.limits, config.network, per_minute=config.requests_per_minute)
    hyper = Hyper(config, link, opening.token_store())
    opening.close_with(hyper.aclose)
    return hyper


async def check(hyper: Hyper, _server: ServerConfig | None, call: Call) -> None:
    """Ask for a balance without naming a client."""
    await hyper.probe(call)
