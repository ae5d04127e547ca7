"""A vendor that answers twice leaves its second answer on the connection. It must never be the answer to the next
request, which is another caller's.
"""

import asyncio
import socket
import threading
from contextlib import contextmanager, suppress
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from support.vendor_calls import UNHURRIED, a_call, answer

from core.clock import Clock
from core.commands import DepositCommand, NewAccountCommand
from core.errors import Misunderstood, System
from core.secret import Secret
from upstreams.http.connection_pool import ConnectionPool
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest
from upstreams.http.tokens.access_tokens import AuthorisedLink
from upstreams.vendors.broctagon.config import BroctagonConfig
from upstreams.vendors.broctagon.crm import Broctagon
from upstreams.vendors.broker_work.config import BrokerWorkConfig
from upstreams.vendors.broker_work.connection import BrokerWorkConnection
from upstreams.vendors.broker_work.trading_server import build as broker_work_server
from upstreams.vendors.cplugin.config import CPluginConfig
from upstreams.vendors.cplugin.connection import CPluginConnection
from upstreams.vendors.cplugin.mt4 import mt4_server
from upstreams.vendors.cplugin.mt5 import mt5_server
from upstreams.vendors.hyper.api import Hyper
from upstreams.vendors.hyper.config import HyperConfig
from upstreams.vendors.kit.protocol import Platform
from upstreams.vendors.kit.server_config import ServerConfig
from upstreams.vendors.kit.token_store import MemoryTokenStore

pytestmark = pytest.mark.anyio

LOOPS = [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})]
ATHENS = ZoneInfo("Europe/Athens")
OLD, NEW = answer(200, b"old"), answer(200, b"new")
THING = HttpRequest("GET", "/thing")


class TwiceAnswered:
    """Answers the first request once more as soon as it is told to, and each later one by `NEW`. It runs in threads:
    the second copy comes while the loop of the test is busy, and has not seen it.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.again, self.said_again = threading.Event(), threading.Event()
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.again.set()
        self._listener.close()

    def repeat_unseen(self) -> None:
        self.again.set()
        assert self.said_again.wait(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError), connection:
            connection.recv(65536)
            connection.sendall(OLD if number == 1 else NEW)
            if number == 1:
                self.again.wait(10)
                connection.sendall(OLD)
                self.said_again.set()
            while connection.recv(65536):
                connection.sendall(NEW)


@contextmanager
def answering_twice():
    vendor = TwiceAnswered()
    try:
        yield vendor
    finally:
        vendor.close()


async def asked(link: Link, request: HttpRequest = THING, *, order: bool = False) -> bytes:
    return await link.read(request, lambda reply: reply.body, replace(a_call(), for_command=order))


def a_link(url: str) -> Link:
    return Link(System("HYPER"), "hyper", url, UNHURRIED, Clock())


@pytest.fixture
async def link(stranger):
    opened = a_link(stranger.url)
    yield opened
    await opened.aclose()


@pytest.mark.parametrize("anyio_backend", LOOPS, ids=["asyncio", "uvloop"])
async def test_an_answer_that_came_twice_is_not_the_next_ones():
    with answering_twice() as vendor:
        link = a_link(vendor.url)
        first = await asked(link)
        vendor.repeat_unseen()
        second = await asked(link)
        await link.aclose()

    assert (first, second, vendor.connections) == (b"old", b"new", 2)


@pytest.mark.parametrize("order", [False, True])
async def test_a_request_that_must_not_share_has_a_connection_of_its_own(link, stranger, order):
    request = THING if order else replace(THING, alone=True)
    await asked(link)
    for _ in range(2):
        await asked(link, request, order=order)
    await asked(link)

    assert stranger.connections == 3
    said = [b"connection: close" in head for head in stranger.asked]
    assert said == [False, True, True, False]


async def test_no_connection_goes_from_one_trading_server_to_another(link, stranger):
    for lane in ("R1", "R2", "R1", "R2"):
        await asked(link, replace(THING, lane=lane))

    assert stranger.connections == 2


async def test_an_answer_that_cannot_be_read_spoils_what_is_kept_for_its_lane(link, stranger):
    def nonsense(reply):
        raise ValueError

    for lane in ("R1", "R2"):
        await asked(link, replace(THING, lane=lane))
    with pytest.raises(Misunderstood):
        await link.read(replace(THING, lane="R1"), nonsense, a_call())
    for lane in ("R1", "R2"):
        await asked(link, replace(THING, lane=lane))

    assert stranger.connections == 3


class Silent:
    def __init__(self) -> None:
        self.closed = asyncio.Event()

    def is_silent(self) -> bool:
        return True

    def close(self) -> None:
        self.closed.set()


async def test_an_idle_lane_loses_its_connections():
    kept, one, other = ConnectionPool(0.05), Silent(), Silent()
    kept.keep(("vendor", "R1"), one)
    await asyncio.wait_for(one.closed.wait(), 10)
    kept.keep(("vendor", "R2"), other)
    kept.close()

    assert other.closed.is_set()
    assert kept.take(("vendor", "R1")) is kept.take(("vendor", "R2")) is None


async def test_an_answer_about_a_client_names_no_client(stranger):
    stranger.answers = [answer(200, b'{"ResponseCode":0}')]
    hyper = Hyper(HyperConfig(url=stranger.url, access_token=Secret("A0")), a_link(stranger.url), MemoryTokenStore())
    for number in (1, 2):
        await hyper.client_balance(number, Secret("p"), a_call())
    await hyper.aclose()

    assert stranger.connections == 2


async def test_a_page_of_the_report_says_of_no_day_that_it_is_its(stranger):
    stranger.answers = [answer(200, b'{"records":[]}')]
    crm = Broctagon(BroctagonConfig(url=stranger.url, key=Secret("k")), a_link(stranger.url))
    day = Clock().now().date()
    for _ in range(2):
        await crm.transactions(day, day, a_call())
    await crm.aclose()

    assert stranger.connections == 2


class OneToken:
    async def token(self, _call):
        return Secret("A0")

    async def aclose(self):
        pass


def broker_work(link: Link) -> Platform:
    config = BrokerWorkConfig(url="http://x", tenant_id="t", token=Secret("t"))
    server = ServerConfig(platform="MT4", adapter="broker_work", connection="main", id="1")
    return broker_work_server("S", server, BrokerWorkConnection(config, link), link.clock)


def cplugin(link: Link, platform: str, **more) -> Platform:
    config = CPluginConfig(url="http://x", auth_url="http://x", client_id="c", client_secret=Secret("s"), **more)
    server = ServerConfig(platform=platform, adapter="cplugin", connection="main", id="1")
    connection = CPluginConnection(config, AuthorisedLink(link, OneToken()))
    if platform == "MT5":
        return mt5_server("S", server, connection, ATHENS)
    return mt4_server("S", server, connection, ATHENS, link.clock)


ROW = '{"login":%d,"balance":7}'
KINDS = {
    "broker work": (broker_work, '{"result":true,"data":[%s]}'),
    "broker work, row by row": (broker_work, '{"result":true,"data":[{"login":8,"leverage":"x"},%s]}'),
    "cplugin mt4": (lambda link: cplugin(link, "MT4"), '{"data":[%s]}'),
    "cplugin mt4, row by row": (lambda link: cplugin(link, "MT4"), '{"data":[{"login":8,"balance":"x"},%s]}'),
    "cplugin mt4, v1": (lambda link: cplugin(link, "MT4", api="v1", read_through_v2=False), "%s"),
    "cplugin mt5": (lambda link: cplugin(link, "MT5"), '{"data":%s}'),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_login_that_was_not_asked_for_makes_the_whole_answer_unbelievable(link, stranger, kind):
    make, text = KINDS[kind]
    server = make(link)
    logins = ["8", "9"][-server.live.batch_max :]
    stranger.answers = [answer(200, (text % ROW).encode() % 7), answer(200, (text % ROW).encode() % 9)]

    of_another = await server.live.fetch(logins, frozenset({"leverage"}), a_call())
    right = await server.live.fetch(logins, frozenset({"leverage"}), a_call())
    await server.aclose()

    assert [type(one) for one in of_another.values()] == [Misunderstood] * len(logins)
    assert right["9"].login == "9"
    # And the connection on which it came is not used again.
    assert stranger.connections == 2


ORDER = DepositCommand("R1", "9", Decimal(1), "USD", "BGKEPT0000001", "key-BGKEPT0000001")
NEW_ACCOUNT = NewAccountCommand("R1", "G", "N", None, None, "BGKEPT0000001", "key-BGKEPT0000001")
ALONE = {
    "TradesUserHistory": lambda server: server.money_history.find(ORDER, Clock().now(), a_call()),
    "UsersRequest": lambda server: server.account_history.find(NEW_ACCOUNT, Clock().now(), a_call()),
    "GroupRecordGet": lambda server: server.live.fetch(["9"], frozenset({"currency"}), a_call()),
}


@pytest.mark.parametrize("path", ALONE)
async def test_what_proves_an_absence_or_is_kept_for_long_comes_on_a_connection_of_its_own(link, stranger, path):
    stranger.answers = [answer(200, b'{"data":[]}')]
    if path == "GroupRecordGet":
        stranger.answers = [answer(200, b'{"data":[{"login":9,"balance":7,"group":"G"}]}'), answer(200, b'{"data":{}}')]
    server = cplugin(link, "MT4")
    await ALONE[path](server)
    await server.aclose()

    [head] = [head for head in stranger.asked if path.encode() in head]
    assert b"connection: close" in head
