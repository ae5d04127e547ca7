"""Broker Work's rows become the figures that each request selects."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from support.vendor_calls import UNHURRIED, a_call, answer

from core.clock import Clock
from core.errors import Misunderstood, System
from core.records import LiveAccountRecord
from core.secret import Secret
from upstreams.http.link import Link
from upstreams.vendors.broker_work.config import BrokerWorkConfig
from upstreams.vendors.broker_work.connection import BrokerWorkConnection
from upstreams.vendors.broker_work.trading_server import BrokerWorkLive
from upstreams.vendors.kit.server_config import ServerConfig

pytestmark = pytest.mark.anyio

EVERYTHING = frozenset(LiveAccountRecord.__struct_fields__)


@pytest.fixture
async def server(stranger) -> AsyncIterator[BrokerWorkLive]:
    config = BrokerWorkConfig(url=stranger.url, tenant_id="t", token=Secret("t"), concurrent_live_calls=1)
    link = Link(System("BROKER_WORK"), "main", stranger.url, UNHURRIED, Clock())
    trading = ServerConfig(platform="MT4", adapter="broker_work", connection="main", id="1")
    server = BrokerWorkLive("L1", trading, BrokerWorkConnection(config, link), ZoneInfo("Europe/Athens"))
    yield server
    await server.aclose()
    await link.aclose()


def rows(text: str) -> bytes:
    return answer(200, f'{{"result":true,"mcode":"m00000","data":[{text}]}}'.encode())


async def test_the_documents_types_and_the_samples_types_are_both_taken(server, stranger):
    stranger.answers = [
        rows(
            '{"login":"1","leverage":20,"leadSource":"","enable":1,"maxLeverage":0,"regdate":"2016-10-05 15:52:47"},'
            '{"login":2,"leverage":"300","leadSource":7,"enable":"0","oweId":42,"readOnly":true,"currency":"",'
            '"sendReports":"false","group":"G","swapFree":null,"frenchRisk":"","accountType":"NETTED",'
            '"totalMarginCalculationType":"SUM"}'
        )
    ]
    found = await server.fetch(["2", "1", "3"], EVERYTHING, a_call())

    one, two = found["1"], found["2"]
    assert (list(found), found["3"]) == (["2", "1", "3"], None)
    assert (one.leverage, one.lead_source, one.enabled, one.max_leverage) == (Decimal(20), None, True, Decimal(0))
    # The server's own time, three hours ahead in summer.
    assert one.registered_at == datetime(2016, 10, 5, 12, 52, 47, tzinfo=UTC)
    assert (two.leverage, two.lead_source, two.enabled, two.owner_id, two.read_only) == (300, "7", False, "42", True)
    assert (two.currency, two.send_reports, two.group, two.swap_free, two.french_risk) == (None, False, "G", None, None)
    assert (two.account_type, two.total_margin_calculation, two.system) == ("NETTED", "SUM", System("BROKER_WORK"))
    assert one.observed_at == two.observed_at
    assert abs((datetime.now(UTC) - one.observed_at).total_seconds()) < 60


@pytest.mark.parametrize(
    "figure,text",
    [
        ("leverage", '"leverage":"x"'),
        ("leverage", '"leverage":1e400'),
        ("max_leverage", '"maxLeverage":"NaN"'),
        ("enabled", '"enable":"perhaps"'),
        ("registered_at", '"regdate":"yesterday"'),
    ],
)
async def test_an_unreadable_figure_is_none_and_the_rest_of_its_row_stands(server, stranger, figure, text):
    stranger.answers = [rows(f'{{"login":"1","group":"G",{text}}},{{"login":"2","group":"H"}}')]

    found = await server.fetch(["1", "2"], frozenset({"group", figure}), a_call())

    assert getattr(found["1"], figure) is None
    assert (found["1"].group, found["2"].group) == ("G", "H")


async def test_a_row_without_a_login_puts_the_missing_in_doubt(server, stranger):
    stranger.answers = [rows('{"login":"2","leverage":1},{"leverage":2}')]

    found = await server.fetch(["1", "2"], frozenset({"leverage"}), a_call())

    assert isinstance(found["1"], Misunderstood)
    assert found["2"].leverage == 1


async def test_each_waiter_of_a_shared_call_reads_its_own_figures(server, stranger):
    go = asyncio.Event()

    async def later(writer):
        await go.wait()
        writer.write(rows('{"login":"1"}'))

    stranger.answers = [later, rows('{"login":"2","leverage":50,"group":"G"},{"login":"3","leverage":60,"group":"H"}')]
    first = asyncio.create_task(server.fetch(["1"], EVERYTHING, a_call()))
    await stranger.was_asked.wait()
    asked = [(["2"], {"leverage"}), (["2", "3"], {"group"}), (["3"], set())]
    sharing = [asyncio.create_task(server.fetch(logins, frozenset(one), a_call())) for logins, one in asked]
    await asyncio.sleep(0)
    go.set()
    _, levers, groups, bare = await asyncio.gather(first, *sharing)

    assert len(stranger.asked) == 2
    assert (levers["2"].leverage, levers["2"].group) == (50, None)
    assert {login: (one.leverage, one.group) for login, one in groups.items()} == {"2": (None, "G"), "3": (None, "H")}
    assert (list(bare), bare["3"].leverage, bare["3"].group) == (["3"], None, None)
