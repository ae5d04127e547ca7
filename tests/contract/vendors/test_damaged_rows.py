"""For every adapter with lists: damage of one row never changes the answer for another login (V2, V3)."""

import json
import random

import pytest
from support.adapters import LIVE, LiveAdapter
from support.vendor_calls import a_call, settings

from core.clock import Clock
from core.errors import Misunderstood
from core.records import LiveAccountRecord
from upstreams.http.sessions import SessionTransport
from upstreams.http.transport import HttpAnswer, Transport
from upstreams.open import open_upstreams
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

NOT_COMPARED = {"observed_at", "equity", "margin", "free_margin", "margin_level"}
WANTED = frozenset(LiveAccountRecord.__struct_fields__) - NOT_COMPARED
LISTS = {name: one for name, one in LIVE.items() if one.batched}
ROUNDS = 40
DAMAGE = [b"\x00", b"\x01", b"\n", b"\xe0", b'"', b"\\", b"\\ud800", b"NaN", b",", b":", b"1.#QNAN", b"-nan(ind)"]


@pytest.fixture(params=LISTS.values(), ids=LISTS.keys())
def adapter(request) -> LiveAdapter:
    return request.param


@pytest.fixture
async def server(box, adapter):
    async with open_upstreams(settings(box), Clock(), memory_tokens) as house:
        yield house.servers[adapter.server]


def damaged(body: bytes, dice: random.Random, adapter: LiveAdapter) -> tuple[bytes, str]:
    """The answer with damage in one row, and the row's login. The digits of the login are never another login's."""
    answer = json.loads(body)
    rows = [json.dumps(row, ensure_ascii=False).encode() for row in answer[adapter.rows]]
    bad = dice.randrange(len(rows))
    row, login = rows[bad], str(answer[adapter.rows][bad][adapter.login])
    after_login = row.index(login.encode()) + len(login) + 1
    place = dice.randrange(after_login, len(row) - 1)
    rows[bad] = row[:place] + dice.choice(DAMAGE) + row[min(place + dice.choice((0, 0, 1, 5)), len(row) - 1) :]
    head, tail = json.dumps(answer | {adapter.rows: 0}).split(f'"{adapter.rows}": 0')
    return b"".join((head.encode(), f'"{adapter.rows}": ['.encode(), b", ".join(rows), b"]", tail.encode())), login


def shown(answer):
    return {name: getattr(answer, name) for name in WANTED} if isinstance(answer, LiveAccountRecord) else answer


async def test_v2_v3_damage_of_one_row_never_changes_another(server, adapter, database, monkeypatch):
    query = "SELECT login FROM platform.account WHERE server = $1 ORDER BY login LIMIT 8"
    logins = [str(row["login"]) for row in await database.fetch(query, adapter.server)]
    before = await server.live.fetch(logins, WANTED, a_call())
    dice = random.Random(adapter.server)
    transport = SessionTransport if adapter.vendor == "mt5_web" else Transport
    exchange = transport.exchange
    sent = []

    async def corrupting(self, request, *args, **kwargs):
        answer = await exchange(self, request, *args, **kwargs)
        if adapter.path not in request.path:
            return answer
        sent.append(damaged(answer.body, dice, adapter))
        return HttpAnswer(answer.status, answer.headers, sent[-1][0])

    monkeypatch.setattr(transport, "exchange", corrupting)
    for _ in range(ROUNDS):
        after = await server.live.fetch(logins, WANTED, a_call())
        body, login = sent[-1]
        others = [one for one in logins if one != login]
        assert [shown(after[one]) for one in others] == [shown(before[one]) for one in others], body
        assert isinstance(after[login], LiveAccountRecord | Misunderstood), body


@pytest.mark.parametrize("name", ["R1", "R2"])
async def test_v2_a_group_that_cannot_be_read_costs_its_currency_alone(box, database, name):
    query = "SELECT login FROM platform.account WHERE server = $1 ORDER BY login LIMIT 3"
    logins = [str(row["login"]) for row in await database.fetch(query, name)]
    fault = {"fault": "rewrite", "find": '"currency": ?"[^"]*"', "text": '"currency":17', "path": "/Group"}
    box.tell("cplugin", "/misbehave", fault)
    async with open_upstreams(settings(box), Clock(), memory_tokens) as house:
        answer = await house.servers[name].live.fetch(logins, frozenset({"balance", "currency"}), a_call())

    assert [(one.currency, one.balance is None) for one in answer.values()] == [(None, False)] * len(logins)
