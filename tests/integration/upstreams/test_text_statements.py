"""The plans that PostgreSQL makes for rendered pages: it expects a handful of clients, and thousands may come."""

import json

import asyncpg
import pytest

from upstreams.erp.rendering.builder import StatementBuilder
from upstreams.erp.rendering.sql_json import number, object_of, text

pytestmark = pytest.mark.anyio

KINDS = ["forward", "backward", "filtered_forward", "filtered_backward", "by_number"]


def statement_of(relations):
    """Clients with these relations of theirs."""
    builder = StatementBuilder()
    members = [("number", number(builder.client.column("client_number")))]
    if "web status" in relations:
        members.append(("status", builder.web_status(lambda row: number(row.column("web_status")))))
    if "balances" in relations:
        members.append(("balances", builder.balances(object_of([("currency", text("b.currency"))]))))
    return builder.statement([object_of(members)])


def nodes(plan):
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.fixture
async def connection(box):
    connection = await asyncpg.connect(box.database_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("relations", [("web status",), ("balances",), ("web status", "balances")], ids="+".join)
async def test_relations_are_never_joined_by_nested_loops(connection, relations, kind):
    sql = getattr(statement_of(relations), kind).of(0)
    prepared = await connection.prepare(sql)
    unknown = ", ".join(["NULL"] * len(prepared.get_parameters()))
    await connection.execute(f"SET plan_cache_mode = force_generic_plan; PREPARE page AS {sql}")

    [[plan]] = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE page({unknown})")

    found = list(nodes(json.loads(plan)[0]["Plan"]))
    joins = [node for node in found if "client_number" in node.get("Hash Cond", node.get("Merge Cond", ""))]
    assert len(joins) == len(relations)
    assert not [node for node in found if "client_number" in node.get("Join Filter", "")]


def test_equal_statements_are_one_object_so_that_equal_requests_share_it():
    assert statement_of(("balances",)) is statement_of(("balances",))
    assert statement_of(("balances",)) is not statement_of(("web status",))
