"""Hyper's web API: checks in the documented order, two functions and tokens [D, H-1445, H-1675, H-1244]."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.vendors.answers import BadBody, Handler, read_object
from sandbox.vendors.faults import Fault
from sandbox.vendors.hyper import tokens
from sandbox.vendors.hyper.codes import (
    BAD_INPUT,
    DATABASE_ERROR,
    NOT_A_FUNCTION,
    NOT_AUTHORISED,
    OK,
    TECHNICAL_ERROR,
    HyperRefusal,
    answer,
)
from sandbox.vendors.hyper.functions import create_tp_account, get_client_balance
from sandbox.vendors.misbehaviour import ACTIVE_FAULT
from sandbox.vendors.state import VendorState

__all__ = ["DOCUMENTED_REQUESTS_PER_MINUTE", "build"]

DOCUMENTED_REQUESTS_PER_MINUTE: Final = 20
"""The usual limit for each IP address in API mode. It can be configured, as at the vendor [D, H-1445]."""
MINUTE = timedelta(minutes=1)
TOO_MANY = 429

Function = Callable[[VendorState, dict[str, Any]], Awaitable[Response]]
FUNCTIONS: Final[dict[str, Function]] = {
    # The suffix has the case of each function's own page.
    "Create_TP_Account_Json": create_tp_account,
    "Get_Client_Balance_json": get_client_balance,
}


def build(state: VendorState) -> Starlette:
    switch = state.switchboard["hyper"]
    switch.default(ip_allowed=True, blocked=[], refresh="fixed", token_life_seconds=tokens.ACCESS_LIFE_SECONDS)
    switch.defaults.setdefault("requests_per_minute", DOCUMENTED_REQUESTS_PER_MINUTE)
    switch.settings.setdefault("requests_per_minute", DOCUMENTED_REQUESTS_PER_MINUTE)
    gate = Gate(state)
    switch.on_reset.append(gate.forget)

    async def expire() -> None:
        gate.tokens_touched = True
        await tokens.expire(state.pool)

    async def restore() -> None:
        # The tokens are restored only after a change, because a reset must also work while the database is down.
        if gate.tokens_touched:
            await tokens.restore(state.pool)
            gate.tokens_touched = False

    switch.expire_tokens = expire
    switch.on_reset.append(restore)
    routes = [Route("/alive_check", _alive, methods=["GET", "POST"])]
    routes += [Route(f"/{name}", _function(state, gate, name), methods=["GET", "POST"]) for name in FUNCTIONS]
    routes += [Route("/RefreshToken", _refresh(state, gate), methods=["GET", "POST"])]
    routes += [Route("/{name:path}", _unknown, methods=["GET", "POST"])]
    return Starlette(routes=routes)


class Gate:
    """The checks before any function, in the documented order: IP, blocked function, token, rate."""

    def __init__(self, state: VendorState) -> None:
        self.state = state
        self.tokens_touched = False
        self._recent: defaultdict[str, deque[datetime]] = defaultdict(deque)

    async def forget(self) -> None:
        self._recent.clear()

    def admit(self, name: str) -> None:
        settings = self.state.switchboard["hyper"].settings
        if not settings["ip_allowed"] or name in settings["blocked"]:
            raise HyperRefusal(NOT_AUTHORISED)

    def count(self, ip: str) -> None:
        """Count a call in a sliding minute. The vendor does not document its method of counting."""
        now = self.state.clock.now()
        recent = self._recent[ip]
        while recent and now - recent[0] >= MINUTE:
            recent.popleft()
        if len(recent) >= self.state.switchboard["hyper"].settings["requests_per_minute"]:
            raise HyperRefusal(TECHNICAL_ERROR, TOO_MANY, "Too many requests")
        recent.append(now)


def _function(state: VendorState, gate: Gate, name: str) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            gate.admit(name)
            await tokens.check_token(state, request)
            gate.count(_ip(request))
            return await _perform(state, name, request)
        except HyperRefusal as refusal:
            return refusal.response()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return HyperRefusal(DATABASE_ERROR).response()

    return handle


async def _perform(state: VendorState, name: str, request: Request) -> Response:
    fault: Fault | None = request.scope.get(ACTIVE_FAULT)
    if fault is None or fault.apply:
        done = await FUNCTIONS[name](state, await _fields(request))
    if fault is not None:
        # Code 5 of the trading system does not say whether the account was made.
        raise HyperRefusal(int(fault.code or 0))
    return done


def _refresh(state: VendorState, gate: Gate) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            gate.admit("RefreshToken")
            gate.count(_ip(request))
            gate.tokens_touched = True
            return await tokens.refresh(state, request)
        except HyperRefusal as refusal:
            return refusal.response()

    return handle


async def _alive(_request: Request) -> Response:
    """Answer without any check."""
    return answer(OK, "OK", {})


async def _unknown(_request: Request) -> Response:
    return HyperRefusal(NOT_A_FUNCTION).response()


def _ip(request: Request) -> str:
    return request.client.host if request.client else ""


async def _fields(request: Request) -> dict[str, Any]:
    """The fields: JSON, a form or the query [D, H-1259]. In a form and a query every value is text."""
    if request.method == "GET":
        return _typed(dict(request.query_params))
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return _typed(dict(parse_qsl((await request.body()).decode("utf-8", "replace"))))
    try:
        return await read_object(request)
    except BadBody as error:
        raise HyperRefusal(BAD_INPUT) from error


def _typed(fields: dict[str, str]) -> dict[str, Any]:
    number = fields.get("ClientNumber", "")
    return fields | ({"ClientNumber": int(number)} if number.isascii() and number.isdigit() else {})
