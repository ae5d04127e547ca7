"""What the stock view and the stock limiter do with the same requests: why the edge has code of its own."""

import logging
import sys

import httpx
import pytest
import strawberry
from graphql import parse
from strawberry.asgi import GraphQL
from strawberry.extensions import QueryDepthLimiter

from resolvers.policy.errors import LimitExceeded
from resolvers.request.document_facts import collect_facts
from resolvers.request.document_limits import DocumentLimits, check_limits
from resolvers.schema import core_schema

JSON, GRAPHQL_JSON = "application/json", "application/graphql-response+json"
SENT = {"content-type": JSON, "accept": GRAPHQL_JSON, "authorization": "Bearer demo-operator"}
TRAPS = {
    "null": b"null",
    "a number": b"5",
    "a text": b'"text"',
    "no utf-8": b"\xff",
    "nested": b'{"query":"{viewer{name}}","variables":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "ten thousand digits": b'{"query":"{viewer{name}}","variables":{"a":' + b"1" * 10_000 + b"}}",
}


@strawberry.type
class Viewer:
    name: str = "stock"


@strawberry.type
class Query:
    viewer: strawberry.auto = strawberry.field(resolver=Viewer, graphql_type=Viewer)


@pytest.fixture
async def stock():
    schema = strawberry.Schema(Query)
    transport = httpx.ASGITransport(GraphQL(schema), raise_app_exceptions=False)
    # What it says of these requests is its own matter.
    logging.disable(logging.CRITICAL)
    async with httpx.AsyncClient(transport=transport, base_url="http://stock") as client:
        yield client
    logging.disable(logging.NOTSET)


@pytest.mark.anyio
@pytest.mark.parametrize("body", TRAPS.values(), ids=TRAPS)
async def test_a_body_that_breaks_the_stock_view_is_refused_here(edge, stock, body):
    theirs = await stock.post("/", content=body, headers=SENT)
    ours = edge.client.post(f"{edge.url}/graphql", content=body, headers=SENT)

    assert (theirs.status_code, ours.status_code) == (500, 400)


@pytest.mark.anyio
async def test_the_stock_view_negotiates_nothing(edge, stock):
    body = b'{"query":"{viewer{name}}"}'
    large = body + b" " * 2_000_000

    for client, address in ((stock, "/"), (edge.client, f"{edge.url}/graphql")):
        found = []
        for content, accept in ((body, GRAPHQL_JSON), (body, "image/png"), (large, JSON)):
            response = client.post(address, content=content, headers=SENT | {"accept": accept})
            response = response if isinstance(response, httpx.Response) else await response
            found.append((response.status_code, response.headers["content-type"].partition(";")[0]))
        expected = [(200, JSON), (200, JSON), (200, JSON)]
        if client is not stock:
            expected = [(200, GRAPHQL_JSON), (406, JSON), (413, JSON)]
        assert found == expected


@pytest.mark.anyio
async def test_a_document_by_its_id_gets_the_stock_page(edge, stock):
    asked = {"accept": "text/html,*/*;q=0.8", "authorization": "Bearer demo-operator"}

    theirs = await stock.get("/", params={"documentId": "x"}, headers=asked)
    ours = edge.client.get(f"{edge.url}/graphql", params={"documentId": "x"}, headers=asked)

    assert theirs.headers["content-type"].startswith("text/html")
    assert ours.json()["errors"][0]["extensions"]["code"] == "UNKNOWN_DOCUMENT"


def doubled(levels: int) -> str:
    fragments = [f"fragment f{n} on Viewer {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels)]
    return f"{{ viewer {{ ...f0 }} }} {' '.join(fragments)} fragment f{levels} on Viewer {{ name }}"


def steps(work) -> int:
    """Python calls that the work takes, which no busy machine changes."""
    count = 0

    def seen(_frame, event, _argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_doubled_fragments_double_the_stock_limiters_work_and_not_ours():
    schema = strawberry.Schema(Query, extensions=[lambda: QueryDepthLimiter(max_depth=50)])
    levels = (6, 14)

    theirs = [steps(lambda size=size: schema.execute_sync(doubled(size))) for size in levels]
    ours = [steps(lambda size=size: measured(doubled(size))) for size in levels]

    assert theirs[1] > 10 * theirs[0]
    assert ours[1] < 4 * ours[0]


def measured(text: str) -> None:
    facts = collect_facts(parse(text, max_tokens=100_000), core_schema)
    with pytest.raises(LimitExceeded):
        check_limits(facts, DocumentLimits(fields=1), introspection=True)
