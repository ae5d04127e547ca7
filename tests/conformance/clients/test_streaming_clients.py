"""Clients that others wrote, as docs/subscriptions.md shows them, follow all four subscriptions at the same time.

The story: a deposit, an approval and a change of balances; a restart of the server with a deposit right after it; a key
that is revoked after the clients have got another one, with another deposit and another change of balances.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from support.boxes import RunningBox
from support.graphs import Graph, free_port, running_graph
from support.mutations import decide, deposit, withdraw
from support.node import installed, start_module
from support.served import execute, query

from api.services import open_state
from api.settings.settings import load_settings
from core.secret import Secret
from upstreams.state.api_keys import KeyRecord

HERE = Path(__file__).parent
DOCUMENT = (HERE.parents[2] / "docs" / "subscriptions.md").read_text()
EXAMPLES = dict(re.findall(r"```(?:js|python)\n(?://|#) (.*?)\n(.*?)```", DOCUMENT, re.DOTALL))
LOG = "all clients of JavaScript: the log"
CLIENTS = {
    "graphql-ws": ["graphql-ws", LOG],
    "graphql-sse": ["graphql-sse", LOG],
    "apollo": ["Apollo Client", LOG],
    "urql-ws": ["urql with graphql-ws", "urql, with either transport", LOG],
    "urql-sse": ["urql with server-sent events", "urql, with either transport", LOG],
    "gql": ["gql, with its extra `websockets`"],
}
PATIENCE_SECONDS = 40
SETTINGS = {"WITHDRAWALS__APPROVAL_ABOVE": '{ USD = "100" }', "STREAMS__BALANCES_SECONDS": "0.2"}
# Apollo adds `__typename` to each selection.
LIVE, BALANCES = "live { __typename balance }", "balances { __typename currency balance }"
STATES = {
    "instructionUpdated": "subscription ($id: ID!) { instructionUpdated(id: $id) { status } }",
    "tradingAccountsChanged": f"""subscription ($id: ID!) {{ tradingAccountsChanged(ids: [$id], everySeconds: 1) {{
        __typename account {{ __typename {LIVE} }} }} }}""",
    "clientBalancesChanged": f"""subscription ($number: Int!) {{ clientBalancesChanged(clientNumbers: [$number]) {{
        __typename client {{ __typename {BALANCES} }} }} }}""",
}
ACCOUNT = """SELECT t.server, t.login, c.client_number, b.currency FROM platform.account a
  JOIN brokergraph_erp.trading_account t ON t.server = a.server AND t.login = a.login::text
  JOIN brokergraph_erp.client c ON c.client_number = t.client_number
  JOIN brokergraph_erp.currency_balance b ON b.client_number = c.client_number
  WHERE a.server = 'R1' AND a.currency = 'USD' AND c.client_number > 600000 AND c.identity_locked
        AND c.erp_status IN (4, 5) AND a.enabled AND NOT a.read_only ORDER BY a.login LIMIT 1"""
FUND = "UPDATE platform.account SET balance = balance + 1000 WHERE server = $1 AND login = $2"
ENTRY = """INSERT INTO hyper.journal
  (client_number, currency, amount, reference_document_type, description, bk_entry_date)
  VALUES ($1, $2, $3::text::numeric, '02', 'A receipt in a test', '2025-01-01')"""
REVOKE = "UPDATE brokergraph.api_key SET revoked_at = now() WHERE id = $1"
FRESH = f"""query ($by: TradingAccountBy!, $number: Int!) {{
  account: tradingAccount(by: $by) {{ __typename {LIVE} }}
  client(by: {{ clientNumber: $number }}) {{ __typename {BALANCES} }} }}"""
ID = "query ($by: TradingAccountBy!) { tradingAccount(by: $by) { id } }"
SENT = ("RECEIVED", "SENT", "CONFIRMED")


@dataclass
class Client:
    """A running client, and what it has printed."""

    process: subprocess.Popen
    out: IO[Any]
    problems: IO[Any]

    def seen(self, stream: str) -> list[Any]:
        lines = os.pread(self.out.fileno(), 10_000_000, 0).decode().splitlines()
        return [value for name, value in map(json.loads, lines) if name == stream]

    def last(self, stream: str) -> Any:
        return (self.seen(stream) or [None])[-1]

    def events(self) -> list[tuple[str, str]]:
        events = self.seen("instructionEvents")
        return [(one["instruction"]["id"], one["event"]["status"]) for one in events if one["event"]]

    def take_key(self, key: str) -> None:
        self.process.stdin.write(f"{key}\n")
        self.process.stdin.flush()


@contextmanager
def started(name: str, address: str, asked: dict[str, Any]) -> Iterator[Client]:
    """A client in a process. Its program is the example, after the names that the example leaves open."""
    is_python = name == "gql"
    head = (HERE / ("streaming.py" if is_python else "streaming.mjs")).read_text()
    end = "asyncio.run(main(follow, follow_the_log))\n" if is_python else ""
    examples = [EXAMPLES[title].replace("localhost:8000", address) for title in CLIENTS[name]]
    text, variables = "\n".join([head, *examples, end]), {"ASKED": json.dumps(asked)}
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as problems:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": out, "stderr": problems, "text": True}
        if is_python:
            process = subprocess.Popen([sys.executable, "-c", text], env=os.environ | variables, **pipes)
        else:
            process = start_module(text, installed(HERE), variables, **pipes)
        try:
            yield Client(process, out, problems)
        finally:
            process.kill()
            process.communicate()


@dataclass
class Story:
    """What happens to an account while the clients follow it. Each step waits until all clients have seen it."""

    box: RunningBox
    account: dict[str, Any]
    clients: dict[str, Client] = field(default_factory=dict)
    expected: list[tuple[str, str]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def by(self) -> dict[str, Any]:
        return {"account": {name: self.account[name] for name in ("server", "login")}}

    def deposit(self, graph: Graph) -> None:
        payload = deposit(graph, self.account["server"], self.account["login"])
        self.expect(payload["instruction"]["id"])

    def expect(self, identity: str) -> None:
        """The three events of a command that is sent."""
        self.expected += [(identity, status) for status in SENT]
        self.wait(lambda one: one.events() == self.expected)

    def change_figures(self, graph: Graph, amount: str) -> None:
        entry = (self.account["client_number"], self.account["currency"], amount)
        execute(self.box.database_url, ENTRY, *entry)
        now = graph.data(FRESH, {"by": self.by, "number": self.account["client_number"]})
        self.figures = {
            "tradingAccountsChanged": {"__typename": "TradingAccountEvent", "account": now["account"]},
            "clientBalancesChanged": {"__typename": "ClientBalancesEvent", "client": now["client"]},
        }
        self.wait(lambda one: all(one.last(stream) == last for stream, last in self.figures.items()))

    def wait(self, holds: Callable[[Client], bool]) -> None:
        """Until it holds for all clients, or for a while: a client for which it does not hold fails its own test."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not all(map(holds, self.clients.values())) and time.monotonic() < deadline:
            time.sleep(0.05)


async def add_keys(settings_path: Path, *keys: str) -> None:
    scopes = ("instruction:read", "client:read", "balance:read")
    async with open_state(load_settings(settings_path, {})) as stores:
        for key in keys:
            await stores.keys.add(KeyRecord(key, key, scopes, None), Secret(key))


def wait_for_metric(graph: Graph, name: str, number: int) -> None:
    """Until the metric has this value, or for a while."""
    deadline, headers, text = time.monotonic() + PATIENCE_SECONDS, {"authorization": "Bearer demo-operator"}, ""
    while f"brokergraph_{name} {number}.0" not in text and time.monotonic() < deadline:
        time.sleep(0.05)
        text = graph.client.get(f"{graph.url}/metrics", headers=headers).text


@pytest.fixture(scope="module")
def story(box) -> Iterator[Story]:
    """The story after its end, with the clients."""
    box.reset()
    one = Story(box, dict(query(box.database_url, ACCOUNT)[0]))
    server, login, number = (one.account[name] for name in ("server", "login", "client_number"))
    execute(box.database_url, FUND, server, int(login))
    first, second, port = f"first-{uuid.uuid4().hex}", f"second-{uuid.uuid4().hex}", free_port()
    with ExitStack() as stack:
        with running_graph(box, port, **SETTINGS) as graph:
            asyncio.run(add_keys(box.settings_path, first, second))
            waiting = withdraw(graph, server, login, "150.00")["instruction"]["id"]
            variables = (
                {"id": waiting},
                {"id": graph.data(ID, {"by": one.by})["tradingAccount"]["id"]},
                {"number": number},
            )
            states = zip(STATES, STATES.values(), variables, strict=True)
            asked = {"first": first, "states": list(states)}
            for name in CLIENTS:
                one.clients[name] = stack.enter_context(started(name, f"127.0.0.1:{port}", asked))
            wait_for_metric(graph, "streams", 4 * len(CLIENTS))
            one.deposit(graph)
            decide(graph, "approveInstruction", waiting)
            one.expect(waiting)
            one.change_figures(graph, "7.25")
        with running_graph(box, port, **SETTINGS) as graph:
            one.deposit(graph)
            # The withdrawal is final, and its streams are over.
            wait_for_metric(graph, "streams", 3 * len(CLIENTS))
            for client in one.clients.values():
                client.take_key(second)
            execute(box.graph_database_url, REVOKE, first)
            wait_for_metric(graph, 'streams_ended_total{reason="revoked"}', 3 * len(CLIENTS))
            one.deposit(graph)
            wait_for_metric(graph, "streams", 3 * len(CLIENTS))
            one.change_figures(graph, "-7.25")
            yield one


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_follows_all_streams_over_a_restart_and_a_revoked_key(story, name):
    client = story.clients[name]
    said = Path(client.problems.name).read_text()

    assert client.process.poll() is None, said
    # Each event once and in order, so that the clients have continued after their cursors.
    assert client.events() == story.expected, said
    statuses = [one["status"] for one in client.seen("instructionUpdated")]
    assert (statuses[0], statuses[-1]) == ("NEEDS_APPROVAL", "CONFIRMED"), said
    assert {stream: client.last(stream) for stream in story.figures} == story.figures, said
