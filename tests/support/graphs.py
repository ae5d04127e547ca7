"""The graph as tests run it: a real server in a process of its own, against a sandbox."""

import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import anyio
import httpx

from api.cli import main
from api.cli.demo_keys import add_demo_keys
from api.settings.settings import load_settings
from support.forked import forked
from upstreams.postgres.migrate import migrate

DEADLINE_SECONDS = 3
# In which a refused document is a 400; application/json says 200 of it (docs/http.md).
GRAPHQL_JSON = {"accept": "application/graphql-response+json"}
# A breaker that stayed open would carry one test's faults into the next.
QUICK_TO_FORGIVE = {
    f"BROKERGRAPH_{section}__LIMITS__{name}": value
    for section in ("HYPER", "BROCTAGON", "CPLUGIN__MAIN", "CPLUGIN__LEGACY", "BROKER_WORK__MAIN", "MT5_WEB__DIRECT")
    for name, value in (("BREAKER_OPEN_SECONDS", "0.05"), ("BREAKER_FAILURES", "1000"))
}
# Figures that are shared for a second would make counts depend on the test before.
FRESH_MARGINS = {f"BROKERGRAPH_CPLUGIN__{name}__MARGINS_MAX_AGE_SECONDS": "0" for name in ("MAIN", "LEGACY")}


@dataclass
class Graph:
    url: str
    process: BaseProcess
    log: Any
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, headers=GRAPHQL_JSON))

    def written(self) -> str:
        """Everything that the server has logged so far; of an answer it is all written before the next one."""
        with suppress(httpx.TransportError):
            self.client.get(f"{self.url}/livez")
        return os.pread(self.log.fileno(), 100_000_000, 0).decode()

    def post(
        self,
        query: str,
        variables: dict | None = None,
        key: str = "demo-operator",
        *,
        explain: bool = False,
        **more: Any,
    ) -> httpx.Response:
        body = {"query": query, "variables": variables, "extensions": {"explain": explain}, **more}
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        return self.client.post(f"{self.url}/graphql", content=json.dumps(body), headers=headers)

    def ask(
        self, query: str, variables: dict | None = None, key: str = "demo-operator", *, explain: bool = False
    ) -> dict:
        """The whole body of an answer that must be 200."""
        response = self.post(query, variables, key, explain=explain)
        assert response.status_code == 200, response.text
        return response.json()

    def data(self, query: str, variables: dict | None = None, key: str = "demo-operator") -> dict:
        """The data of an answer that must have no errors."""
        body = self.ask(query, variables, key)
        assert "errors" not in body, body["errors"]
        return body["data"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def prepare(settings_path) -> None:
    settings = load_settings(settings_path, {})
    await migrate(settings.erp.database_url)
    await add_demo_keys(settings)


def serve(settings_path: Path, port: int) -> None:
    main(["serve", "--config", str(settings_path), "--port", str(port)])


@contextmanager
def running_graph(box, port: int | None = None, **settings: str) -> Iterator[Graph]:
    """`brokergraph serve`, on a free port by default; `settings` are BROKERGRAPH_... variables without the prefix."""
    # In a thread, because the test that asks may have a loop of its own running.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, prepare, box.settings_path).result()
    port = port or free_port()
    overrides = {f"BROKERGRAPH_{name}": value for name, value in settings.items()}
    environment = os.environ | QUICK_TO_FORGIVE | FRESH_MARGINS | overrides
    with tempfile.NamedTemporaryFile() as log:
        process = forked(serve, box.settings_path, port, environment=environment, log=Path(log.name))
        graph = Graph(f"http://127.0.0.1:{port}", process, log)
        try:
            wait_until_alive(graph)
            yield graph
        finally:
            graph.client.close()
            process.terminate()
            process.join(30)


def wait_until_alive(graph: Graph) -> None:
    for _ in range(1000):
        try:
            if graph.client.get(f"{graph.url}/livez").status_code == 200:
                return
        except httpx.TransportError:
            assert graph.process.exitcode is None, graph.written()
        time.sleep(0.02)
    raise AssertionError("the graph did not start")
