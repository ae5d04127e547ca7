"""The ASGI layer in front of every vendor's app: it records each call and applies faults to it.

With "apply" the app runs and its state changes. Only its answer is lost or changed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.routing import Match, Route
from starlette.types import Message, Receive, Scope, Send

from sandbox.vendors import bending
from sandbox.vendors.faults import Fault
from sandbox.vendors.serving import TRANSPORT
from sandbox.vendors.switchboard import Switch, without_secrets

ACTIVE_FAULT = "sandbox.ordered"
"""The key in the scope for a fault that only the vendor's own app can apply: a function code or a business error."""

DEFAULT_SECONDS = 1.0
DEFAULT_DRIP_SECONDS = 0.05


class Misbehaving:
    def __init__(self, app: Starlette, switch: Switch) -> None:
        self.app = app
        self.switch = switch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(self, scope, receive, send)
        await exchange.read()
        self.switch.record(self._template(scope), _shown(scope, exchange.body))
        fault = self.switch.strike(scope["path"])
        await (exchange.run() if fault is None else PLAYS[fault.fault](exchange, fault))

    def _template(self, scope: Scope) -> str:
        """The path of the route, so that counts do not depend on logins."""
        for route in self.app.routes:
            if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL:
                return route.path
        return str(scope["path"])


class Exchange:
    """One call: its request, and the ways to answer it."""

    def __init__(self, front: "Misbehaving", scope: Scope, receive: Receive, send: Send) -> None:
        self.app, self.switch, self.scope = front.app, front.switch, scope
        self.body = b""
        self._receive, self._send = receive, send

    async def read(self) -> None:
        self.body = await _read(self._receive)

    async def run(self, send: Send | None = None) -> None:
        waiting = [{"type": "http.request", "body": self.body, "more_body": False}]

        async def receive() -> Message:
            return waiting.pop() if waiting else await self._receive()

        await self.app(self.scope, receive, send or self._send)

    async def capture(self) -> bending.Answer:
        """Run the app and store its answer instead of sending it."""
        answer = bending.Answer()

        async def keep(message: Message) -> None:
            answer.take(message)

        await self.run(keep)
        return answer

    async def answer(self, answer: bending.Answer) -> None:
        for message in answer.messages():
            await self._send(message)

    async def start(self, answer: bending.Answer) -> None:
        await self._send(answer.messages()[0])

    async def write(self, part: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": part, "more_body": more})

    def cut(self) -> None:
        self.scope[TRANSPORT].abort()

    async def pause(self, seconds: float | None) -> bool:
        """Wait. Returns False if the vendor was reset or the caller closed the connection in the meantime."""
        released = asyncio.ensure_future(self.switch.released.wait())
        gone = asyncio.ensure_future(self._gone())
        try:
            done, _ = await asyncio.wait({released, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            gone.cancel()
        return not done

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _latency(exchange: Exchange, fault: Fault) -> None:
    await exchange.pause(DEFAULT_SECONDS if fault.seconds is None else fault.seconds)
    await exchange.run()


async def _slow_then_ok(exchange: Exchange, fault: Fault) -> None:
    answer = await exchange.capture()
    await exchange.pause(DEFAULT_SECONDS if fault.seconds is None else fault.seconds)
    await exchange.answer(answer)


async def _hang(exchange: Exchange, fault: Fault) -> None:
    if fault.apply:
        await exchange.capture()
    await exchange.pause(fault.seconds)
    exchange.cut()


async def _drop_before(exchange: Exchange, _order: Fault) -> None:
    exchange.cut()


async def _drop_after(exchange: Exchange, _order: Fault) -> None:
    await exchange.capture()
    exchange.cut()


async def _canned(exchange: Exchange, fault: Fault) -> None:
    if fault.apply:
        await exchange.capture()
    await exchange.answer(bending.canned(fault))


async def _half(exchange: Exchange, fault: Fault) -> None:
    answer = await exchange.capture()
    if not fault.truncate:
        await exchange.answer(bending.bend(answer, bending.half))
        return
    await exchange.start(answer)
    await exchange.write(answer.body[: len(answer.body) // 2], more=True)
    # close() instead of abort(), because the written half must arrive.
    exchange.scope[TRANSPORT].close()


async def _drip(exchange: Exchange, fault: Fault) -> None:
    answer = await exchange.capture()
    await exchange.start(answer)
    for index in range(len(answer.body)):
        await exchange.write(answer.body[index : index + 1], more=True)
        if not await exchange.pause(DEFAULT_DRIP_SECONDS if fault.seconds is None else fault.seconds):
            await exchange.write(answer.body[index + 1 :], more=False)
            return
    await exchange.write(b"", more=False)


async def _bent(exchange: Exchange, fault: Fault) -> None:
    change = {"reversed": bending.backwards, "twice": bending.twice}.get(fault.fault) or bending.overlay(fault.json)
    await exchange.answer(bending.bend(await exchange.capture(), change))


async def _rewrite(exchange: Exchange, fault: Fault) -> None:
    await exchange.answer(
        bending.rewrite(await exchange.capture(), fault.find, fault.text.encode() + bytes.fromhex(fault.octets))
    )


async def _pass_to_function(exchange: Exchange, fault: Fault) -> None:
    exchange.scope[ACTIVE_FAULT] = fault
    await exchange.run()


Play = Callable[[Exchange, Fault], Awaitable[None]]
PLAYS: dict[str, Play] = {
    "latency": _latency,
    "slow_then_ok": _slow_then_ok,
    "refuse": _drop_before,
    "hang": _hang,
    "drop_before": _drop_before,
    "drop_after": _drop_after,
    "status": _canned,
    "nonsense": _canned,
    "json": _canned,
    "half": _half,
    "drip": _drip,
    "reversed": _bent,
    "twice": _bent,
    "patch": _bent,
    "rewrite": _rewrite,
    "function_code": _pass_to_function,
    "business_error": _pass_to_function,
}


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _shown(scope: Scope, body: bytes) -> dict[str, Any]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    shown_headers, shown_body = without_secrets(scope["path"], headers, body)
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return {
        "method": scope["method"],
        "path": scope["path"],
        "query": [[name, "***" if name == "API_Password" else value] for name, value in query],
        "headers": shown_headers,
        "body": shown_body,
    }
