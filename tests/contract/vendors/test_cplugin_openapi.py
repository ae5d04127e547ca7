"""CPlugin's own OpenAPI file as the witness: every request of our adapter and every answer of the sandbox fits it."""

import json
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
from support.vendor_calls import a_call

from core.clock import Clock
from core.commands import DepositCommand, NewAccountCommand, WithdrawalCommand
from upstreams.http.request import HttpRequest
from upstreams.http.transport import HttpAnswer, Transport

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

ROOT = Path(__file__).parents[3]
# The calls that we use, of the file of the vendor (MIT).
SPEC = json.loads((Path(__file__).parent / "cplugin-v2-openapi.json").read_text())
ADAPTER = ROOT / "upstreams" / "vendors" / "cplugin"
FIGURES = frozenset({"balance", "equity", "margin", "free_margin", "margin_level", "currency"})


def with_null(schema: Any) -> Any:
    """The schema in JSON Schema's words: OpenAPI 3.0 writes `nullable` in place of a second type."""
    if isinstance(schema, list):
        return [with_null(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_null(value) for name, value in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


SCHEMAS = {"components": with_null(SPEC["components"])}
# The schema is the numbers of the flags, but the description of the field says that it is written as a text.
SCHEMAS["components"]["schemas"]["UsersRights"] = {"type": "string"}


def mistakes(schema: dict, value: Any) -> list[str]:
    validator = jsonschema_rs.validator_for({**with_null(schema), **SCHEMAS})
    return [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(value)]


@dataclass(frozen=True)
class Exchange:
    """One call and its answer. The adapter writes paths as the vendor's file does, with the same placeholders."""

    request: HttpRequest
    answer: HttpAnswer

    def mistakes(self) -> list[str]:
        operation = SPEC["paths"][self.request.path][self.request.method.lower()]
        return [*self._of_query(operation), *self._of_body(operation), *self._of_answer(operation)]

    def _of_query(self, operation: dict) -> list[str]:
        known = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
        found: list[str] = []
        for name in {name for name, _ in self.request.query}:
            values: Any = [read(text) for key, text in self.request.query if key == name]
            if name not in known:
                found.append(f"the query has {name}")
            elif known[name]["schema"].get("type") == "array":
                found += mistakes(known[name]["schema"], values)
            else:
                found += mistakes(known[name]["schema"], values[0])
        given = {name for name, _ in self.request.query}
        return found + [
            f"the query lacks {name}" for name in known if known[name].get("required") and name not in given
        ]

    def _of_body(self, operation: dict) -> list[str]:
        if "requestBody" not in operation:
            return ["a body"] if self.request.content else []
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        return mistakes(schema, json.loads(self.request.content or b"null"))

    def _of_answer(self, operation: dict) -> list[str]:
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        return mistakes(schema, json.loads(self.answer.body))


def read(text: str) -> Any:
    """The value of a text in a query."""
    return int(text) if re.fullmatch(r"-?\d+", text) else {"true": True, "false": False}.get(text, text)


@pytest.fixture
def exchanges(monkeypatch):
    """The exchanges with v2, while the adapters run over real sockets."""
    seen: list[Exchange] = []
    exchange = Transport.exchange

    async def recorded(transport, request, url, bounds, *, lane):
        answer = await exchange(transport, request, url, bounds, lane=lane)
        if request.path.startswith("/api/v2/"):
            seen.append(Exchange(request, answer))
        return answer

    monkeypatch.setattr(Transport, "exchange", recorded)
    return seen


async def test_requests_and_answers_fit_the_vendors_own_file(house, database, exchanges):
    await use(house, database)

    assert [(one.request.path, one.mistakes()) for one in exchanges if one.mistakes()] == []
    assert {one.request.path for one in exchanges} == calls_of_the_adapter()


def calls_of_the_adapter() -> set[str]:
    """The calls of v2 that the code of the adapter names."""
    code = "".join(path.read_text() for path in ADAPTER.rglob("*.py"))
    reads = set(re.findall(r'"(/api/v2/[^"?]+[^"?/])"', code))
    writes = set(re.findall(r'\.prepare\(\s*"(\w+[^"]*)"', code))
    return reads | {f"/api/v2/MT4/{{tradePlatform}}/{name}" for name in writes}


ACCOUNT = """
    SELECT login::text, currency FROM platform.account
    WHERE server = $1 AND enabled AND NOT read_only AND balance > 1 ORDER BY margin DESC LIMIT 1
"""


# More than 20 logins are asked in another way than a few.
LOGINS = "SELECT login::text FROM platform.account WHERE server = 'R1' ORDER BY margin DESC LIMIT 25"


async def use(house, database) -> None:
    """Use every function of the adapter, with success, and live figures for an unknown login as well."""
    for name in ("R1", "R2"):
        server, account = house.servers[name], await database.fetchrow(ACCOUNT, name)
        await server.live.fetch([account["login"], "1"], FIGURES, a_call())
    await use_trades(house, [row["login"] for row in await database.fetch(LOGINS)])
    server, account = house.servers["R1"], await database.fetchrow(ACCOUNT, "R1")
    common = ("R1", account["login"], Decimal("0.01"), account["currency"])
    for kind, port in ((DepositCommand, server.deposits), (WithdrawalCommand, server.withdrawals)):
        command = kind(*common, new_reference(), str(uuid4()))
        await (await port.prepare(command, a_call())).send()
        assert await server.money_history.find(command, Clock().now(), a_call())
    new = NewAccountCommand("R1", "Basic_EU", "Anna", None, "anna@example.com", new_reference(), str(uuid4()))
    await (await server.accounts.prepare(new, a_call())).send()
    assert await server.account_history.find(new, Clock().now(), a_call())


async def use_trades(house, logins) -> None:
    server, end = house.servers["R1"], Clock().now()
    for some in (logins, logins[:2]):
        await server.open_positions.fetch(some, a_call())
        await server.closed_trades.fetch(some, end - timedelta(days=30), end, a_call())
        await server.daily_reports.fetch(some, end - timedelta(days=5), end, a_call())
    await server.books_check.differences(logins, a_call())


def new_reference() -> str:
    return f"BG{uuid4().hex[:20]}"


async def test_a_field_that_the_vendor_does_not_know_is_found(house, database, exchanges):
    await use(house, database)
    deposit = next(one for one in exchanges if one.request.path.endswith("TradeTransaction"))
    body = json.loads(deposit.request.content)
    wrong = replace(deposit, request=replaced(deposit.request, content=json.dumps(body | {"amount": 1}).encode()))
    text = replace(deposit, request=replaced(deposit.request, content=json.dumps(body | {"price": "1"}).encode()))

    assert deposit.mistakes() == []
    assert wrong.mistakes()
    assert text.mistakes()


def replaced(request: HttpRequest, **changes: Any) -> HttpRequest:
    values = {name: getattr(request, name) for name in request.__struct_fields__}
    return HttpRequest(**values | changes)
