"""Plain strawberry with a DataLoader for each relation, as its documentation shows it."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import strawberry
from reading import ACCOUNTS, BALANCES, CLIENTS, CODES, PAGE, STATUSES, WEB_STATUSES, Upstreams
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.types import Info

upstreams = Upstreams()
PLAIN = BALANCES.format(text="")


@strawberry.type
class Money:
    amount: Decimal


@strawberry.type
class WebStatus:
    code: str
    text: str


@strawberry.type
class LiveAccount:
    leverage: Decimal | None


@strawberry.type
class TradingAccount:
    server: strawberry.Private[str]
    login: str
    platform: str
    group: str | None
    currency: str | None
    status: str

    @strawberry.field
    async def live(self, info: Info) -> LiveAccount | None:
        return await info.context["live"].load((self.server, self.login))


@strawberry.type
class TradingAccountConnection:
    nodes: list[TradingAccount]


@strawberry.type
class CurrencyBalance:
    total: strawberry.Private[Decimal]
    currency: str
    balance: Decimal
    cash: Decimal
    value: Money | None


@strawberry.type
class Client:
    client_number: int
    full_name: str

    @strawberry.field
    async def web_status(self, info: Info) -> WebStatus | None:
        return await info.context["web_status"].load(self.client_number)

    @strawberry.field
    async def trading_accounts(self, info: Info, first: int = 50) -> TradingAccountConnection:
        return TradingAccountConnection(nodes=(await info.context["accounts"].load(self.client_number))[:first])

    @strawberry.field
    async def balances(self, info: Info) -> list[CurrencyBalance]:
        return await info.context["balances"].load(self.client_number)

    @strawberry.field
    async def total_floating_balance(self, info: Info) -> Money:
        rows = await info.context["balances"].load(self.client_number)
        return Money(amount=rows[0].total if rows else Decimal("0.00"))


def client(row: Any) -> Client:
    return Client(client_number=row[0], full_name=row[1])


@strawberry.type
class ClientConnection:
    nodes: list[Client]


@strawberry.input
class ClientBy:
    client_number: int


@strawberry.type
class Query:
    @strawberry.field
    async def clients(self, first: int, after: int) -> ClientConnection:
        return ClientConnection(nodes=[client(row) for row in await upstreams.pool.fetch(PAGE, after, first)])

    @strawberry.field
    async def client(self, by: ClientBy) -> Client | None:
        rows = await upstreams.pool.fetch(CLIENTS, [by.client_number])
        return client(rows[0]) if rows else None


async def web_statuses(numbers: list[int]) -> list[WebStatus | None]:
    rows = await upstreams.pool.fetch(WEB_STATUSES, numbers)
    by = {number: WebStatus(code=CODES[code], text=text) for number, code, text in rows}
    return [by.get(number) for number in numbers]


async def accounts(numbers: list[int]) -> list[list[TradingAccount]]:
    by: defaultdict[int, list[TradingAccount]] = defaultdict(list)
    for number, server, login, platform, group, currency, status in await upstreams.pool.fetch(ACCOUNTS, numbers):
        by[number].append(
            TradingAccount(
                server=server, login=login, platform=platform, group=group, currency=currency, status=STATUSES[status]
            )
        )
    return [by[number] for number in numbers]


async def balances(numbers: list[int]) -> list[list[CurrencyBalance]]:
    by: defaultdict[int, list[CurrencyBalance]] = defaultdict(list)
    for number, currency, balance, value, cash, total in await upstreams.pool.fetch(PLAIN, numbers):
        by[number].append(
            CurrencyBalance(total=total, currency=currency, balance=balance, cash=cash, value=Money(amount=value))
        )
    return [by[number] for number in numbers]


async def live(keys: list[tuple[str, str]]) -> list[LiveAccount]:
    found = await upstreams.leverages(keys)
    return [LiveAccount(leverage=Decimal(found[key])) for key in keys]


class App(GraphQL[Any, Any]):
    async def get_context(self, request: Any, response: Any = None) -> Any:
        load = {"web_status": web_statuses, "accounts": accounts, "balances": balances, "live": live}
        return {name: DataLoader(function) for name, function in load.items()}


@contextlib.asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    await upstreams.start()
    yield
    await upstreams.stop()


app = Starlette(lifespan=lifespan, routes=[Route("/graphql", App(strawberry.Schema(query=Query)))])
