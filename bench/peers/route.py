"""No GraphQL: what the same four statements, dicts and one JSON encoding cost, written by hand for these documents."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from reading import ACCOUNTS, BALANCES, CLIENTS, CODES, PAGE, STATUSES, WEB_STATUSES, Upstreams
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

upstreams = Upstreams()
AS_TEXT = BALANCES.format(text="::text")


async def whole(clients: list[Any], *, live: bool) -> list[dict[str, Any]]:
    numbers = [number for number, _ in clients]
    fetch = upstreams.pool.fetch
    statuses, accounts, balances = await asyncio.gather(
        fetch(WEB_STATUSES, numbers), fetch(ACCOUNTS, numbers), fetch(AS_TEXT, numbers)
    )
    codes = {number: {"code": CODES[code], "text": text} for number, code, text in statuses}
    leverages = await upstreams.leverages([(row[1], row[2]) for row in accounts]) if live else {}
    held: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    totals: dict[int, str] = {}
    for number, currency, balance, value, cash, total in balances:
        held[number].append({"currency": currency, "balance": balance, "value": {"amount": value}, "cash": cash})
        totals[number] = total
    nodes: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    for number, server, login, platform, group, currency, status in accounts:
        one = {"login": login, "platform": platform, "group": group, "currency": currency, "status": STATUSES[status]}
        nodes[number].append(one | {"live": {"leverage": leverages[server, login]}} if live else one)
    return [
        {
            "clientNumber": number,
            "fullName": name,
            "webStatus": codes.get(number),
            "tradingAccounts": {"nodes": nodes[number]},
            "balances": held[number],
            "totalFloatingBalance": {"amount": totals.get(number, "0.00")},
        }
        for number, name in clients
    ]


async def answer(request: Request) -> Response:
    body = msgspec.json.decode(await request.body())
    variables, live = body["variables"], "live" in body["query"]
    if "number" in variables:
        found = await whole(await upstreams.pool.fetch(CLIENTS, [variables["number"]]), live=live)
        data: Any = {"client": found[0] if found else None}
    else:
        page = await upstreams.pool.fetch(PAGE, variables["after"], variables["first"])
        data = {"clients": {"nodes": await whole(page, live=live)}}
    return Response(msgspec.json.encode({"data": data}), media_type="application/json")


@contextlib.asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    await upstreams.start()
    yield
    await upstreams.stop()


app = Starlette(lifespan=lifespan, routes=[Route("/graphql", answer, methods=["POST"])])
