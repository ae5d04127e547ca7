"""Each vendor misbehaves when its control port says so, as long as it says so, and the port tells what was asked."""

import asyncio
import time

import httpx
import pytest
from support.clients import http_client

from sandbox.settings import BROKER_WORK_TENANT, BROKER_WORK_TOKEN

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

INFO = "/v1/api/account/info?serverId=1&accountId=3004273,3004272"
LOGINS = ["3004272", "3004273"]


@pytest.fixture
async def vendor(box):
    """Broker Work stands for all: the layer that misbehaves is the same in front of each."""
    headers = {"x-api-tenantId": BROKER_WORK_TENANT, "x-api-token": BROKER_WORK_TOKEN}
    async with http_client(base_url=box.urls["broker_work"], headers=headers, timeout=20) as upstream:
        yield upstream


@pytest.fixture
def misbehave(box):
    return lambda **order: box.tell("broker_work", "/misbehave", order)


async def logins(vendor) -> list[str]:
    return [account["login"] for account in (await vendor.get(INFO)).json()["data"]]


async def test_counts_calls_by_path_and_shows_them_without_secrets(vendor, box):
    await vendor.get(INFO)
    await vendor.get("/nowhere/17")

    calls = box.calls("broker_work")

    assert (calls["total"], calls["by_path"]) == (2, {"/v1/api/account/info": 1, "/nowhere/17": 1})
    first = calls["calls"][0]
    assert (first["method"], first["path"]) == ("GET", "/v1/api/account/info")
    assert first["query"] == [["serverId", "1"], ["accountId", "3004273,3004272"]]
    assert first["headers"]["x-api-token"] == "***"
    assert BROKER_WORK_TOKEN not in str(calls)


async def test_shows_no_password_of_any_vendor(box):
    secret = "Sw0rdfish!"
    async with http_client() as anyone:
        body = {"ClientNumber": 1, "API_Password": secret}
        await anyone.post(f"{box.urls['hyper']}/Get_Client_Balance_json", json=body)
        await anyone.get(f"{box.urls['hyper']}/Get_Client_Balance_json", params=body)
        await anyone.post(f"{box.urls['cplugin_auth']}/connect/token", data={"client_secret": secret, "x": "kept"})
        await anyone.post(f"{box.urls['cplugin']}/api/v2/MT4/x/UserPasswordSet/1", json=secret)

    calls = [box.calls(name) for name in ("hyper", "cplugin_auth", "cplugin")]

    assert [len(each["calls"]) for each in calls] == [2, 1, 1]
    assert secret not in str(calls)
    assert "Sw0rdfish" not in str(calls)
    assert "kept" in str(calls)


async def test_a_reset_forgets_faults_and_counts(vendor, box, misbehave):
    misbehave(fault="status", status=503)
    before = (await vendor.get(INFO)).status_code
    box.reset()

    assert (before, (await vendor.get(INFO)).status_code) == (503, 200)
    assert box.calls("broker_work")["total"] == 1


async def test_a_fault_lasts_for_its_times_and_its_paths(vendor, misbehave):
    misbehave(fault="status", status=429, retry_after=7, times=2, path="account/info$")

    elsewhere = await vendor.get("/nowhere")
    answers = [await vendor.get(INFO) for _ in range(3)]

    assert elsewhere.status_code == 404
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"


async def test_probability_is_repeatable_by_its_seed(vendor, box, misbehave):
    async def run() -> list[int]:
        box.reset()
        misbehave(fault="status", status=500, probability=0.5, seed=3)
        return [(await vendor.get(INFO)).status_code for _ in range(20)]

    first = await run()

    assert set(first) == {200, 500}
    assert await run() == first


@pytest.mark.parametrize(
    "kind, beginning", [("html", b"<!DOCTYPE html>"), ("json", b'{"data": [{"login"'), ("empty", b"")]
)
async def test_nonsense_is_200_without_meaning(vendor, misbehave, kind, beginning):
    misbehave(fault="nonsense", kind=kind)

    answer = await vendor.get(INFO)

    assert answer.status_code == 200
    assert answer.content.startswith(beginning)
    with pytest.raises(ValueError, match=r".*"):
        answer.json()


@pytest.mark.parametrize(
    "fault, given",
    [("half", LOGINS[:1]), ("reversed", LOGINS[::-1]), ("twice", [LOGINS[0], LOGINS[0], LOGINS[1], LOGINS[1]])],
)
async def test_bends_a_batch(vendor, misbehave, fault, given):
    misbehave(fault=fault)

    assert await logins(vendor) == given


async def test_rewrites_the_first_match_of_a_real_answer_json_or_not(vendor, misbehave):
    before = (await vendor.get(INFO)).content
    misbehave(fault="rewrite", find='"leverage": ?"?[0-9.]+"?', text='"leverage":NaN\\1')

    after = (await vendor.get(INFO)).content

    assert after.count(b'"leverage":NaN\\1') == 1
    assert before.count(b'"leverage"') == after.count(b'"leverage"') == len(LOGINS)


async def test_half_of_the_bytes_is_an_answer_cut_short(vendor, misbehave):
    misbehave(fault="half", truncate=True)

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await vendor.get(INFO)


async def test_cuts_the_connection_without_an_answer(vendor, misbehave):
    misbehave(fault="drop_before", times=1)
    misbehave(fault="drop_after", times=1)

    for _ in range(2):
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await vendor.get(INFO)
    assert await logins(vendor) == LOGINS


async def test_refuses_connections_until_the_reset(vendor, box, misbehave):
    await vendor.get(INFO)
    misbehave(fault="refuse")

    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            await vendor.get(INFO)
    async with http_client() as newcomer:
        with pytest.raises(httpx.ConnectError):
            await newcomer.get(box.urls["broker_work"])
    box.reset()

    assert await logins(vendor) == LOGINS


async def test_hangs_until_the_reset(vendor, box, misbehave):
    misbehave(fault="hang")
    hanging = asyncio.create_task(vendor.get(INFO))
    done, _ = await asyncio.wait({hanging}, timeout=0.3)
    box.reset()

    assert not done
    with pytest.raises(httpx.TransportError):
        await hanging
    assert await logins(vendor) == LOGINS


@pytest.mark.parametrize("fault", ["latency", "slow_then_ok"])
async def test_answers_late(vendor, misbehave, fault):
    misbehave(fault=fault, seconds=0.3, times=1)

    started = time.monotonic()
    answer = await logins(vendor)

    assert answer == LOGINS
    assert time.monotonic() - started >= 0.3


async def test_drips_a_byte_at_a_time_and_completely(vendor, misbehave):
    misbehave(fault="drip", seconds=0.0005)

    parts = []
    async with vendor.stream("GET", INFO) as answer:
        parts += [part async for part in answer.aiter_raw()]

    assert len(parts) > 50
    assert b"".join(parts).endswith(b'"mcode":"m0000000","result":true}')


async def test_the_control_port_answers_as_the_fault_says(vendor, misbehave):
    misbehave(fault="json", json={"mcode": "-1", "result": False}, status=502, headers={"X-Seen": "yes"})

    answer = await vendor.get(INFO)

    assert (answer.status_code, answer.json()) == (502, {"mcode": "-1", "result": False})
    assert answer.headers["x-seen"] == "yes"


@pytest.mark.parametrize(
    "order",
    [
        {"fault": "sulk"},
        {"fault": "latency", "second": 1},
        {"fault": "latency", "times": 0},
        {"fault": "latency", "probability": 2},
        {"fault": "latency", "seconds": -1},
        {"fault": "latency", "path": "("},
        {"fault": "status"},
        {"fault": "business_error"},
        {"fault": "expire_token"},
    ],
)
async def test_the_control_port_explains_a_wrong_fault(box, vendor, order):
    async with http_client() as tester:
        refused = await tester.post(f"{box.control_urls['broker_work']}/misbehave", json=order)

    assert refused.status_code == 400
    assert refused.json()["error"]
    assert await logins(vendor) == LOGINS


async def test_knows_only_the_settings_of_its_vendor(box):
    async with http_client() as tester:
        refused = await tester.post(f"{box.control_urls['hyper']}/settings", json={"requests_per_hour": 1})

    assert refused.status_code == 400
    assert "requests_per_minute" in refused.json()["error"]
