"""Checks that each vendor is reachable, accepts the credentials and knows the trading servers. Each check is one
documented read.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from core.call import Call
from core.clock import Clock
from core.errors import Reason, Rejected, UpstreamError
from upstreams.check.findings import Finding, Findings, describe_error, ok, wrong
from upstreams.open import Upstreams, UpstreamsConfig, key_of, open_upstreams, path_of
from upstreams.vendors.kit.protocol import LiveFigures
from upstreams.vendors.kit.token_store import TokenStore
from upstreams.vendors.kit.vendor import Vendor
from upstreams.vendors.registry import vendor_of

# The login for reads that need one. The check also succeeds if no account has this login.
PROBE_LOGIN = "1"
_ANSWERS = "answers, accepts our credentials"
_KNOWN = f"{_ANSWERS} and knows the server"


async def check_vendors(
    config: UpstreamsConfig, clock: Clock, token_stores: Callable[[str], TokenStore], call: Call
) -> Findings:
    """`config` has only connections and servers that can be opened (`check_settings.openable_part`).

    All vendors are called concurrently and reported in order.
    """
    async with open_upstreams(config, clock, token_stores) as upstreams:
        tasks = [asyncio.create_task(_judged(one)) for one in _questions(config, upstreams, call)]
        for task in tasks:
            yield await task


@dataclass(frozen=True, slots=True)
class _Question:
    """`section` is the place of the address and the credentials in the settings."""

    subject: str
    section: str
    vendor: Vendor[Any, Any]
    asking: Coroutine[Any, Any, None]
    good: str


def _questions(config: UpstreamsConfig, upstreams: Upstreams, call: Call) -> Iterator[_Question]:
    for key, connection in upstreams.connections.items():
        vendor, path = vendor_of(key[0]), path_of(key)
        if vendor.check is not None:
            yield _Question(path, f"[{path}]", vendor, vendor.check(connection, None, call), _ANSWERS)
    for name, server in config.servers.items():
        key = key_of(server)
        vendor, live = vendor_of(server.adapter), upstreams.servers[name].live
        if live is not None:
            asking = _ask_live(live, call)
        elif vendor.check is not None:
            asking = vendor.check(upstreams.connections[key], server, call)
        else:
            continue
        yield _Question(f"servers.{name}", f"[{path_of(key)}]", vendor, asking, _KNOWN)


async def _judged(question: _Question) -> Finding:
    try:
        await question.asking
    except UpstreamError as error:
        return wrong(question.subject, describe_error(error), _remedy(question, error))
    return ok(question.subject, question.good)


def _remedy(question: _Question, error: UpstreamError) -> str:
    if isinstance(error, Rejected):
        unknown = error.upstream_code in question.vendor.unknown_server_codes
        if unknown or error.reason is Reason.CONNECTION_NOT_FOUND:
            return f"Is {question.subject}.id the vendor's own id of this server?"
        return "Ask the vendor about the permissions of these credentials."
    if "credentials" in error.message:
        return f"Are the credentials in {question.section} right, and not withdrawn?"
    return f"Is the address in {question.section} right, and may this machine reach it?"


async def _ask_live(live: LiveFigures, call: Call) -> None:
    """The adapter's own read of live figures, of an account that need not exist."""
    answer = (await live.fetch([PROBE_LOGIN], frozenset({"balance"}), call))[PROBE_LOGIN]
    if isinstance(answer, UpstreamError):
        raise answer
