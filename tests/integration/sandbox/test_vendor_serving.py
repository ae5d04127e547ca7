"""The vendors' servers as a part of another process: they start, stop and hold nothing back."""

import asyncio
import logging
import signal
import socket
import time
from decimal import Decimal
from uuid import uuid4

import asyncpg
import httpx
import pytest
from support.clients import http_client

from sandbox.settings import CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET, HYPER_ACCESS_TOKEN, HYPER_REFRESH_TOKEN, SERVERS
from sandbox.vendors import VENDORS, start_vendors
from sandbox.vendors.hyper import DOCUMENTED_REQUESTS_PER_MINUTE
from sandbox.vendors.hyper import tokens as hyper_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

CLIENT = {"ClientNumber": 500608, "API_Password": "8Lba7u5smABC"}
TRANSACTION = f"/api/v2/MT4/{SERVERS[0].vendor_id}/TradeTransaction"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
async def pool(box):
    async with asyncpg.create_pool(box.database_url, min_size=1, max_size=5) as pool:
        yield pool


async def balance(vendors, token: str = HYPER_ACCESS_TOKEN) -> httpx.Response:
    async with http_client(timeout=20) as upstream:
        headers = {"authorization": f"Bearer {token}"}
        return await upstream.post(f"{vendors.urls['hyper']}/Get_Client_Balance_json", json=CLIENT, headers=headers)


async def test_each_vendor_has_its_own_address_and_no_control_unless_asked(pool):
    async with start_vendors(pool, control=False) as vendors:
        assert tuple(vendors.urls) == tuple(VENDORS)
        assert len(set(vendors.urls.values())) == len(VENDORS)
        assert vendors.control_urls == {}
        assert (await balance(vendors)).status_code == 200

    with pytest.raises(httpx.ConnectError):
        await balance(vendors)


async def test_listens_where_it_is_told(pool):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async with start_vendors(pool, control=True, ports={"hyper": port}) as vendors:
        assert vendors.urls["hyper"] == f"http://127.0.0.1:{port}"
        assert tuple(vendors.control_urls) == tuple(VENDORS)


async def test_leaves_signals_and_loggers_alone(pool):
    loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]

    def state() -> list[object]:
        return [
            signal.getsignal(signal.SIGINT),
            signal.getsignal(signal.SIGTERM),
            *((logger.level, logger.propagate, list(logger.handlers)) for logger in loggers),
        ]

    before = state()
    async with start_vendors(pool, control=True):
        assert state() == before
    assert state() == before


async def test_stops_while_a_call_hangs(pool):
    async with start_vendors(pool, control=True) as vendors:
        async with http_client() as tester:
            await tester.post(f"{vendors.control_urls['hyper']}/misbehave", json={"fault": "hang"})
        hanging = asyncio.create_task(balance(vendors))
        while vendors.state.switchboard["hyper"].total == 0:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.01)
        started = time.monotonic()

    with pytest.raises(httpx.TransportError):
        await hanging
    # Far below the read time-out of the waiting client, far above what a stop needs.
    assert time.monotonic() - started < 10


async def test_refuses_for_a_while_and_comes_back_on_its_own(pool):
    async with start_vendors(pool, control=True) as vendors, http_client() as tester:
        order = {"fault": "refuse", "seconds": 1}
        await tester.post(f"{vendors.control_urls['hyper']}/misbehave", json=order)
        with pytest.raises(httpx.ConnectError):
            await balance(vendors)

        assert (await when_it_listens(vendors)).status_code == 200


async def when_it_listens(vendors) -> httpx.Response:
    while True:
        try:
            return await balance(vendors)
        except httpx.ConnectError:
            await asyncio.sleep(0.02)


async def test_hyper_can_keep_its_documented_rate(pool):
    async with start_vendors(pool, control=False, hyper_requests_per_minute=DOCUMENTED_REQUESTS_PER_MINUTE) as vendors:
        answers = [await balance(vendors) for _ in range(21)]

    assert [answer.status_code for answer in answers] == [200] * 20 + [429]


async def test_a_deposit_and_its_key_survive_a_restart(pool, database):
    query = "SELECT balance FROM platform.account WHERE server = 'R1' AND login = 55521"
    before, key = await database.fetchval(query), str(uuid4())

    async def deposit() -> httpx.Response:
        async with start_vendors(pool, control=False) as vendors, http_client() as upstream:
            credentials = (CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET)
            given = await upstream.post(f"{vendors.urls['cplugin_auth']}/connect/token", data=GRANT, auth=credentials)
            body = {"tradeTransactionType": "BrBalance", "tradeCommand": "Balance", "orderBy": 55521, "price": 6.5}
            headers = {"authorization": f"Bearer {given.json()['access_token']}", "idempotency-key": key}
            return await upstream.post(vendors.urls["cplugin"] + TRANSACTION, json=body, headers=headers)

    first = await deposit()
    again = await deposit()

    assert again.content == first.content
    assert await database.fetchval(query) - before == Decimal("6.5")


async def test_hypers_tokens_survive_a_restart(pool):
    async with start_vendors(pool, control=False) as vendors, http_client() as upstream:
        headers = {"authorization": f"Bearer {HYPER_REFRESH_TOKEN}"}
        given = (await upstream.post(f"{vendors.urls['hyper']}/RefreshToken", headers=headers)).json()["AccessToken"]

    async with start_vendors(pool, control=False) as vendors:
        old, new = await balance(vendors), await balance(vendors, given)
    await hyper_tokens.restore(pool)

    assert (old.status_code, new.status_code) == (401, 200)


async def test_hyper_tells_a_dead_database_by_its_own_code(box):
    headers = {"authorization": f"Bearer {HYPER_ACCESS_TOKEN}"}
    box.tell("box", "/database/stop?mode=immediate")

    async with http_client(timeout=20, headers=headers) as upstream:
        answer = await upstream.post(f"{box.urls['hyper']}/Get_Client_Balance_json", json=CLIENT)
        box.reset()
        after = await upstream.post(f"{box.urls['hyper']}/Get_Client_Balance_json", json=CLIENT)

    assert (answer.status_code, answer.json()["ResponseCode"]) == (500, 4)
    assert after.status_code == 200
