"""The control port of a vendor, off by default. It takes faults and reports the vendor's calls."""

from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.vendors.answers import BadBody, Handler, json_answer, read_object
from sandbox.vendors.clock import SandboxClock
from sandbox.vendors.faults import Fault
from sandbox.vendors.switchboard import Switch

DEFAULT_LAST = 100


def build_control(switch: Switch, clock: SandboxClock) -> Starlette:
    """The app: POST /misbehave, /reset, /settings and /clock, GET /calls."""
    desk = Desk(switch, clock)
    routes = {"/misbehave": desk.misbehave, "/reset": desk.reset, "/settings": desk.settings, "/clock": desk.turn_clock}
    return Starlette(
        routes=[
            *(Route(path, _explain_errors(handler), methods=["POST"]) for path, handler in routes.items()),
            Route("/calls", _explain_errors(desk.calls), methods=["GET"]),
        ]
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """The handlers for one vendor. All vendors share the clock."""

    switch: Switch
    clock: SandboxClock

    async def misbehave(self, request: Request) -> Response:
        fault = msgspec.convert(await read_object(request), Fault)
        await self.switch.misbehave(fault)
        return json_answer({"fault": fault.fault})

    async def reset(self, _request: Request) -> Response:
        await self.switch.reset()
        self.clock.reset()
        return json_answer({"reset": self.switch.name})

    async def settings(self, request: Request) -> Response:
        self.switch.configure(await read_object(request))
        return json_answer(self.switch.settings)

    async def turn_clock(self, request: Request) -> Response:
        self.clock.advance(float((await read_object(request))["advance_seconds"]))
        return json_answer({"now": self.clock.now()})

    async def calls(self, request: Request) -> Response:
        return json_answer(_calls(self.switch, int(request.query_params.get("last", DEFAULT_LAST))))


def _calls(switch: Switch, last: int) -> dict[str, Any]:
    return {
        "vendor": switch.name,
        "total": switch.total,
        "by_path": dict(switch.counts),
        "calls": list(switch.calls)[-last:] if last else [],
    }


def _explain_errors(handler: Handler) -> Handler:
    """Answer 400 with the error for a wrong request. Otherwise a test would wait for a fault that never comes."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except (BadBody, ValueError, KeyError, TypeError) as error:
            return json_answer({"error": str(error)}, 400)

    return handle
