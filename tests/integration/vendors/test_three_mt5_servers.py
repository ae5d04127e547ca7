"""A page over more than 200 accounts on three MT5 servers that are spoken to directly."""

import dataclasses
import tomllib
from collections import Counter

import asyncpg
import pytest
from support.boxes import running_box
from support.graphs import running_graph

pytestmark = pytest.mark.anyio

CHUNK = 50
MORE = {"M2": "2002", "M3": "2003"}
PAGE = """{ clients(first: 100) { nodes { tradingAccounts { nodes {
    login server { name } live { balance equity margin freeMargin marginLevel currency group } } } } } }"""
FIGURES = ("balance", "equity", "margin", "freeMargin")
SERVERS = """
    INSERT INTO platform.server SELECT $1, platform, face, $2, timezone, next_login, next_ticket FROM platform.server
    WHERE name = 'M1'
"""
GROUPS = "INSERT INTO platform.account_group VALUES ($1, 'real\\straight', 'USD', 100)"
ACCOUNTS = """
    INSERT INTO platform.account (server, login, client_number, name, group_name, currency, balance, credit, floating,
        margin, registered_local)
    SELECT $1, 9000000000 + client_number, client_number, client_full_name, 'real\\straight', 'USD',
        client_number % 997, client_number % 7, CASE WHEN client_number % 2 = 0 THEN client_number % 31 ELSE 0 END,
        CASE WHEN client_number % 2 = 0 THEN 10 ELSE 0 END, '2020-01-01'
    FROM hyper.clients
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """A sandbox with two more MT5 servers, each with an account of every client."""
    with running_box(tmp_path_factory.mktemp("three"), 300) as running:
        yield running


@pytest.fixture
async def graph(box, database, tmp_path):
    direct = tomllib.loads(box.settings_path.read_text())["mt5_web"]["direct"]
    sections = [box.settings_path.read_text()]
    for name, login in MORE.items():
        await database.execute(SERVERS, name, login)
        await database.execute("INSERT INTO hyper.trading_systems_list VALUES ($1, $1, 'MT5', 'UTC')", name)
        await database.execute(GROUPS, name)
        await database.execute(ACCOUNTS, name)
        sections.append(f'[mt5_web.{name}]\nurl = "{direct["url"]}"\nlogin = "{login}"\n')
        sections.append(f'password = "{direct["password"]}"\nfingerprint = "{direct["fingerprint"]}"\n')
        sections.append(f'[servers.{name}]\nplatform = "MT5"\nadapter = "mt5_web"\nconnection = "{name}"\nid = "x"\n')
    box.tell("box", "/synchronise")
    settings = tmp_path / "three.toml"
    settings.write_text("\n".join(sections))
    chunks = {f"MT5_WEB__{name}__CHUNK_LOGINS": str(CHUNK) for name in ("DIRECT", *MORE)}
    with running_graph(dataclasses.replace(box, settings_path=settings), **chunks) as running:
        yield running


async def test_all_figures_cost_two_calls_for_each_server_and_chunk(graph, box, database: asyncpg.Connection):
    before = Counter(box.calls("mt5_web")["by_path"])

    body = graph.ask(PAGE, explain=True)

    nodes = [one for client in body["data"]["clients"]["nodes"] for one in client["tradingAccounts"]["nodes"]]
    mine = [one for one in nodes if one["server"]["name"].startswith("M")]
    count = Counter(one["server"]["name"] for one in mine)
    assert [one for one in body.get("errors", ()) if one["extensions"]["system"] == "MT5_WEB"] == []
    assert set(count) == {"M1", "M2", "M3"}
    assert sum(count.values()) > 200
    chunks = sum(-(-number // CHUNK) for number in count.values())
    calls = Counter(box.calls("mt5_web")["by_path"]) - before
    assert calls["/api/user/get_batch"] == calls["/api/user/account/get_batch"] == chunks == 5
    plan = body["extensions"]["plan"]
    assert plan["actual"]["MT5_WEB"]["calls"] == 2 * chunks + calls["/api/group/get"]
    assert plan["actual"]["MT5_WEB"]["calls"] <= plan["predicted"]["MT5_WEB"]["calls"]

    held = await database.fetch("SELECT * FROM platform.account WHERE server LIKE 'M%'")
    books = {(row["server"], str(row["login"])): row for row in held}
    for one in mine:
        row = books[one["server"]["name"], one["login"]]
        equity = row["balance"] + row["credit"] + row["floating"]
        wanted = (row["balance"], equity, row["margin"], equity - row["margin"])
        live = one["live"]
        assert tuple(map(float, (live[name] for name in FIGURES))) == tuple(map(float, wanted))
        assert (live["marginLevel"] is None) == (row["margin"] == 0)
        assert (live["currency"], live["group"]) == (row["currency"], row["group_name"])
