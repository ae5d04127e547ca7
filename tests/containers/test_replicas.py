"""docker/replicas/compose.yaml, run: queries, a deposit, a stream and a stop of each graph pass the load balancer."""

import asyncio
import json
import time
import urllib.request
from contextlib import suppress

import pytest
from support.clients import http_client
from support.composed import composed
from support.containers import DOCKER, podman
from support.rig import Order
from support.streams import EVENTS, EventSource

from resolvers.policy.scopes import Scope

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

GRAPHS = ("graph-one", "graph-two")
BESIDE = ("haproxy", "prometheus")
QUERY = "{ clients(first: 5) { nodes { clientNumber tradingAccounts(first: 2) { nodes { login } } } } }"
SETTINGS = ("--config", "/data/brokergraph.toml")


@pytest.fixture(scope="module")
def installation():
    with composed(DOCKER / "replicas" / "compose.yaml", "brokergraph-test") as running:
        for service in (*GRAPHS, *BESIDE):
            running.start(service)
        for service in GRAPHS:
            running.wait_until_healthy(service)
        yield running


@pytest.fixture(scope="module")
def url(installation):
    address = installation.url("sandbox", 8080)
    deadline = time.monotonic() + 60
    while True:
        with suppress(OSError), urllib.request.urlopen(f"{address}/readyz", timeout=5):
            return address
        assert time.monotonic() < deadline, installation.log("haproxy")
        time.sleep(0.2)


@pytest.fixture(scope="module")
def headers(installation):
    scopes = [word for scope in Scope for word in ("--scope", str(scope))]
    program = "/opt/brokergraph/bin/brokergraph"
    shown = installation.run_in("graph-one", program, "keys", "create", *SETTINGS, "tests", *scopes)
    return {"authorization": f"Bearer {shown.strip()}", "content-type": "application/json"}


async def ask(client, url, headers, content):
    answer = await client.post(f"{url}/graphql", content=content, headers=headers)
    body = answer.json()
    assert answer.status_code == 200, body
    assert "errors" not in body, body
    return body["data"]


async def deposited(url, headers, account):
    order = Order(*account, "USD", "1")
    async with http_client(timeout=30) as client:
        return (await ask(client, url, headers, order.body))["deposit"]


async def test_a_query_a_deposit_and_its_event_pass_through_the_load_balancer(url, headers):
    async with http_client(timeout=30) as client:
        found = await ask(client, url, headers, json.dumps({"query": QUERY}))
        cursor = await ask(client, url, headers, '{"query": "{ instructionEventsCursor }"}')
    assert len(found["clients"]["nodes"]) == 5

    key = headers["authorization"].removeprefix("Bearer ")
    after = {"after": cursor["instructionEventsCursor"]}
    async with EventSource.open(url, EVENTS, after, key) as stream:
        told = await deposited(url, headers, ("R1", "61436"))
        assert told["__typename"] == "DepositConfirmed", told
        seen = []
        while not seen or seen[-1] != (told["instruction"]["id"], "CONFIRMED"):
            event = (await stream.next())["data"]["instructionEvents"]
            if event["event"] is not None:
                seen.append((event["instruction"]["id"], event["event"]["status"]))
    assert {identity for identity, _ in seen} == {told["instruction"]["id"]}


@pytest.mark.parametrize("service", GRAPHS)
async def test_a_stop_under_requests_fails_none_and_exits_with_0(installation, url, headers, service):
    stop, failures, answers = asyncio.Event(), [], 0

    async def read():
        nonlocal answers
        async with http_client(timeout=30) as client:
            while not stop.is_set():
                try:
                    await ask(client, url, headers, json.dumps({"query": QUERY}))
                    answers += 1
                except Exception as error:  # noqa: BLE001 - each is a failed request.
                    failures.append(repr(error))

    readers = [asyncio.create_task(read()) for _ in range(4)]
    await asyncio.sleep(1)
    before = answers
    assert installation.run_in(service, "cat", "/proc/1/cmdline").count("\0serve\0") == 1
    name = installation.name(service)
    await asyncio.to_thread(podman, "kill", "--signal", "TERM", name)
    code = await asyncio.to_thread(installation.exit_code, service)
    await asyncio.sleep(1)
    after = answers
    await asyncio.to_thread(podman, "start", name)
    await asyncio.to_thread(installation.wait_until_healthy, service)
    # The load balancer has to notice that the replica is back.
    await asyncio.sleep(2)
    stop.set()
    await asyncio.gather(*readers)

    assert (code, failures) == (0, [])
    assert answers > after > before > 0


def asked(address, query):
    with urllib.request.urlopen(f"{address}/api/v1/query?query={query}", timeout=5) as answer:
        return json.load(answer)["data"]["result"]


def test_prometheus_scrapes_both_graphs(installation):
    address = installation.url("sandbox", 9090)
    deadline = time.monotonic() + 60
    while [one["value"][1] for one in asked(address, "up")] != ["1", "1"]:
        assert time.monotonic() < deadline, asked(address, "up")
        time.sleep(0.5)
    assert {one["metric"]["instance"] for one in asked(address, "brokergraph_requests_in_flight")} == {
        "127.0.0.1:8000",
        "127.0.0.1:8001",
    }


def test_each_container_is_confined(installation):
    for service in installation.services:
        [found] = json.loads(podman("inspect", installation.name(service)).stdout)
        confinement = found["HostConfig"]
        assert confinement["ReadonlyRootfs"], service
        assert found["EffectiveCaps"] in ([], None), service
        assert confinement["SecurityOpt"] == ["no-new-privileges"], service
        assert found["Config"]["User"] == "65534:65534", service
    status = installation.run_in("graph-one", "cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    with pytest.raises(Exception, match="non-zero exit status"):
        installation.run_in("graph-one", "touch", "/opt/brokergraph/new")
