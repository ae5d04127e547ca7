"""Is each vendor reachable, does it accept our credentials, does it know our trading servers? Asked by reads that its
documents name and that cost no more than a call.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import msgspec

from core.call import Call
from core.clock import Clock
from core.errors import Reason, Rejected, System, UpstreamError
from upstreams.check.findings import Finding, Findings, ok, told, wrong
from upstreams.http import lenient_json as wire
from upstreams.http.access_tokens import AuthorisedLink
from upstreams.http.link import Link, TokenRefused
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer
from upstreams.open import Upstreams, open_upstreams
from upstreams.vendors.broctagon import crm as broctagon
from upstreams.vendors.broctagon.config import BroctagonConfig
from upstreams.vendors.broctagon.crm import Broctagon
from upstreams.vendors.config import UpstreamsConfig
from upstreams.vendors.hyper.api import DOCUMENTED, REFUSALS
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.hyper.tokens import HyperTokens, TokenStore
from upstreams.vendors.hyper.wire import Envelope
from upstreams.vendors.kit.protocol import Platform

# Asked for where a read wants a login. That nobody has it is a good answer, too.
PROBE_LOGIN = "1"
_MISSING_INPUT = frozenset({7, 14})
_ANSWERS = "answers, accepts our credentials"
_KNOWN = f"{_ANSWERS} and knows the server"


async def check_vendors(config: UpstreamsConfig, clock: Clock, store: TokenStore, call: Call) -> Findings:
    """`config` holds only what can be opened (`check_settings.sound`). All are asked at once and told in order."""
    async with open_upstreams(config, clock, store) as upstreams:
        tasks = [asyncio.create_task(_judged(one)) for one in _questions(config, upstreams, clock, store, call)]
        for task in tasks:
            yield await task


@dataclass(frozen=True, slots=True)
class _Question:
    """`section` is where the settings say whom to ask and with what credentials."""

    subject: str
    section: str
    asking: Coroutine[Any, Any, None]
    good: str


def _questions(
    config: UpstreamsConfig, upstreams: Upstreams, clock: Clock, store: TokenStore, call: Call
) -> Iterator[_Question]:
    if config.hyper is not None:
        yield _Question("hyper", "[hyper]", _ask_hyper(config.hyper, clock, store, call), _ANSWERS)
    crm, crm_config = upstreams.broctagon, config.broctagon
    if crm is not None and crm_config is not None:
        yield _Question("broctagon", "[broctagon]", _ask_crm(crm, crm_config, "", call), _ANSWERS)
    for name, server in config.servers.items():
        subject = f"servers.{name}"
        if server.adapter == "broctagon" and crm is not None and crm_config is not None:
            yield _Question(subject, "[broctagon]", _ask_crm(crm, crm_config, server.id, call), _KNOWN)
        else:
            section = f"[{server.adapter}.{server.connection}]"
            yield _Question(subject, section, _ask_server(upstreams.servers[name], call), _KNOWN)


async def _judged(question: _Question) -> Finding:
    try:
        await question.asking
    except UpstreamError as error:
        return wrong(question.subject, told(error), _remedy(question, error))
    return ok(question.subject, question.good)


def _remedy(question: _Question, error: UpstreamError) -> str:
    if isinstance(error, Rejected):
        # CPlugin answers 403 for a trade platform that is not ours [D, C-spec].
        foreign = error.system is System.CPLUGIN and error.upstream_code == "403"
        if foreign or error.reason is Reason.CONNECTION_NOT_FOUND:
            return f"Is {question.subject}.id the vendor's own id of this server?"
        return "Ask the vendor what it allows us."
    if "credentials" in error.message:
        return f"Are the credentials in {question.section} right, and not withdrawn?"
    return f"Is the address in {question.section} right, and may this machine reach it?"


async def _ask_server(server: Platform, call: Call) -> None:
    """The adapter's own read of live figures, of an account that need not exist."""
    answer = (await server.live([PROBE_LOGIN], frozenset({"balance"}), call))[PROBE_LOGIN]
    if isinstance(answer, UpstreamError):
        raise answer


async def _ask_crm(crm: Broctagon, config: BroctagonConfig, connection_id: str, call: Call) -> None:
    """One account of a connection [D, B-mt4/get-accounts]; without a connection one user [D, B-users]."""
    query: tuple[tuple[str, str], ...] = (("skip", "0"), ("limit", "1"))
    path = "/public/v1/users"
    if connection_id:
        path, query = "/public/v1/mt4/accounts", (("connection_id", connection_id), *query)
    headers = {"key": config.key.reveal()}
    request = HttpRequest("GET", path, query=query, headers=headers, understands=broctagon.DOCUMENTED)

    def read(answer: HttpAnswer) -> None:
        if answer.status not in broctagon.SUCCESSES:
            raise crm.refusal(answer)
        # People's data: looked at no closer than that it is JSON.
        wire.decode(answer.body, msgspec.Raw)

    await crm.link.read(request, read, call)


async def _ask_hyper(config: HyperConfig, clock: Clock, store: TokenStore, call: Call) -> None:
    """Get_Client_Balance_json without its input. The token is checked before the function, and missing input is 400/14
    [D, H-1445, H-1244]: an answer that misses the input has accepted the token, and no client was touched.
    `alive_check` would skip the token [D, H-1445].
    """
    async with AsyncExitStack() as stack:
        link = Link(
            System.HYPER, "hyper", config.url, config.limits, clock, requests_per_minute=config.requests_per_minute
        )
        authorised = AuthorisedLink(link, HyperTokens(config, link, store))
        stack.push_async_callback(authorised.aclose)
        headers = {"content-type": "application/json"}
        path = config.client_balance_path
        request = HttpRequest("POST", path, headers=headers, content=b"{}", understands=DOCUMENTED)
        await authorised.read(request, lambda answer: _read_hyper(answer, link), call)


def _read_hyper(answer: HttpAnswer, link: Link) -> None:
    try:
        code = wire.decode(answer.body, Envelope).code
    except (msgspec.DecodeError, ValueError):
        if answer.status == 401:  # noqa: PLR2004 - the token is checked before the function.
            raise TokenRefused from None
        raise link.failures.from_status(answer, writes=False) from None
    if code in _MISSING_INPUT:
        return
    if code == 99:  # noqa: PLR2004 - [D, H-1675] missing or wrong access token.
        raise TokenRefused
    reason, message = REFUSALS.get(code, (Reason.UPSTREAM_REFUSED, "The ERP's API refused."))
    raise link.failures.rejected(reason, message, upstream_code=str(code))
