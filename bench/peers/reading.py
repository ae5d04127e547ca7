"""What both Python peers read, and how: the same statements as the node peers'."""

import asyncio
import os
from collections import defaultdict
from typing import Any

import asyncpg
import httpx
import msgspec

PAGE = "SELECT client_number, name FROM app.clients WHERE client_number > $1 ORDER BY client_number LIMIT $2"
CLIENTS = "SELECT client_number, name FROM app.clients WHERE client_number = ANY($1::int[])"
WEB_STATUSES = "SELECT client_number, code, text FROM app.web_status WHERE client_number = ANY($1::int[])"
ACCOUNTS = """SELECT client_number, server, login, platform, "group", currency, status FROM app.trading_accounts
    WHERE client_number = ANY($1::int[]) ORDER BY client_number, server, login"""
BALANCES = """SELECT b.client_number, b.currency, b.balance{text} AS balance,
      round(b.balance * r.rate, 2){text} AS value, b.cash{text} AS cash,
      (sum(round(b.balance * r.rate, 2)) OVER (PARTITION BY b.client_number)){text} AS total
    FROM app.currency_balances b JOIN app.rates r USING (currency)
    WHERE b.client_number = ANY($1::int[]) ORDER BY b.client_number, b.currency"""
CODES = ("BLOCKED", "PENDING_APPROVAL", "APPROVED", "ON_HOLD")
STATUSES = ("UNKNOWN", "CLOSED", "READONLY", "ACTIVE")


class Upstreams:
    """Open between `start` and `stop`."""

    pool: Any
    vendor: httpx.AsyncClient

    async def start(self) -> None:
        pool = int(os.environ["DATABASE_POOL"])
        self.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=pool, max_size=pool)
        self.vendor = httpx.AsyncClient(
            base_url=os.environ["VENDOR_URL"],
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32),
            headers={"x-api-tenantId": "bench", "x-api-token": "bench"},
            timeout=10,
        )

    async def stop(self) -> None:
        await self.vendor.aclose()
        await self.pool.close()

    async def leverages(self, accounts: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Of (server, login), one call for each server."""
        by: defaultdict[str, list[str]] = defaultdict(list)
        for server, login in accounts:
            by[server].append(login)

        async def ask(server: str, logins: list[str]) -> dict[tuple[str, str], str]:
            parameters = {"serverId": server[1:], "accountId": ",".join(logins)}
            answer = await self.vendor.get("/v1/api/account/info", params=parameters)
            return {(server, row["login"]): str(row["leverage"]) for row in msgspec.json.decode(answer.content)["data"]}

        found: dict[tuple[str, str], str] = {}
        for part in await asyncio.gather(*(ask(*one) for one in by.items())):
            found |= part
        return found
