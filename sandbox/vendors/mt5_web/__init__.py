"""MetaTrader 5's own Web API: an access server with TLS, sessions by connection and text scalars [D, C; else I].

One listener stands for several MT5 servers. The login of the manager says which of them a connection belongs to.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.vendors.misbehaviour import ACTIVE_FAULT
from sandbox.vendors.mt5_web import accounts, balance, reads, trades
from sandbox.vendors.mt5_web.sessions import Sessions
from sandbox.vendors.mt5_web.visit import Refused, Visit, answer_with
from sandbox.vendors.state import VendorState

Command = Callable[[Visit], Awaitable[Any]]

COMMANDS: dict[str, Command] = {
    "/api/test/access": reads.nothing,
    "/api/time/server": reads.time_server,
    "/api/group/get": reads.group,
    "/api/user/get": reads.user,
    "/api/user/get_batch": reads.users,
    "/api/user/account/get_batch": reads.states,
    "/api/user/add": accounts.add,
    "/api/position/get_batch": trades.positions,
    "/api/deal/get_total": trades.deal_total,
    "/api/deal/get_page": trades.deal_page,
    "/api/deal/get_batch": trades.deals,
    "/api/daily/get_batch": trades.daily,
    "/api/daily_get": trades.older_daily,
    "/api/trade/balance": balance.trade_balance,
}


def build(state: VendorState) -> Starlette:
    switch = state.switchboard["mt5_web"]
    # `clock_minutes`: the offset of the server's clock from UTC, if it is not that of its time zone.
    switch.default(idle_seconds=180, clock_minutes=None)
    sessions = Sessions(state)

    async def end_sessions() -> None:
        sessions.end_all()

    switch.expire_tokens = end_sessions
    routes = [
        Route("/api/auth/start", sessions.start, methods=["GET", "POST"]),
        Route("/api/auth/answer", sessions.answer, methods=["GET", "POST"]),
        Route("/api/quit", sessions.quit, methods=["GET", "POST"]),
    ]
    routes += [
        Route(path, _handler(state, sessions, command), methods=["GET", "POST"]) for path, command in COMMANDS.items()
    ]
    return Starlette(routes=routes)


def _handler(state: VendorState, sessions: Sessions, command: Command) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        server = sessions.server_of(request)
        if server is None:
            return Response("<html><body>403 Forbidden</body></html>", 403, media_type="text/html")
        fault = request.scope.get(ACTIVE_FAULT)
        content = None
        if fault is None or fault.apply:
            try:
                content = await command(await Visit.of(state, request, server))
            except Refused as refused:
                return answer_with(refused.code, refused.words)
        return answer_with(0, "Done", content) if fault is None else answer_with(int(fault.code), "for a test")

    return handle
