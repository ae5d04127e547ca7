"""The two servers of bench/lists.py: brokergraph and PostGraphile over one sandbox."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from machine import SERVER_CORE, family, pin
from servers import PEER_FOLDER, node, peer_variables
from support.boxes import RunningBox
from support.graphs import free_port, running_graph

POOL = 4
EXACT_MAX = 10_000
SETTINGS = {
    "BUDGET__STORE": "off",
    "RECONCILIATION__ENABLED": "false",
    "ERP__POOL_SIZE": str(POOL),
}


@dataclass
class Server:
    """A server over one kept connection."""

    name: str
    port: int
    key: str | None = None
    connection: HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = HTTPConnection("127.0.0.1", self.port, timeout=120)

    def body(self, document: str) -> bytes:
        return json.dumps({"query": document}).encode()

    def ask(self, body: bytes) -> bytes:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        try:
            self.connection.request("POST", "/graphql", body, headers)
            return self.connection.getresponse().read()
        except (BrokenPipeError, ConnectionResetError, RemoteDisconnected):
            # The server has closed a connection that was not used for long.
            self.connection.close()
            self.connection.request("POST", "/graphql", body, headers)
            return self.connection.getresponse().read()

    def data(self, document: str) -> Any:
        answer = json.loads(self.ask(self.body(document)))
        if answer.get("errors"):
            raise RuntimeError(f"{self.name}: {document}: {answer['errors']}")
        return answer["data"]


@contextmanager
def postgraphile(box: RunningBox, folder: Path) -> Iterator[Server]:
    """PostGraphile over the sandbox's tables."""
    port = free_port()
    variables = peer_variables(box.database_url, POOL) | {"PORT": str(port)}
    with (folder / "postgraphile.log").open("wb") as log:
        command = [node(), "postgraphile_lists.mjs"]
        process = subprocess.Popen(command, cwd=PEER_FOLDER, env=os.environ | variables, stdout=log, stderr=log)
        try:
            server = Server("postgraphile", port)
            _await_answer(server, process, folder / "postgraphile.log")
            pin(family(process.pid), SERVER_CORE)
            yield server
        finally:
            process.terminate()
            process.wait()


def _await_answer(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            server.data("{ __typename }")
        except OSError:
            if process.poll() is not None:
                break
            server.connection.close()
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostGraphile did not start: {log.read_text()[-2000:]}")


@contextmanager
def brokergraph(box: RunningBox, clients: int, snapshot_seconds: int = 86_400) -> Iterator[Server]:
    """The server of this tree. It sorts by the total from a snapshot also if there are few clients."""
    lists = {"EXACT_MAX": min(EXACT_MAX, clients // 2), "SNAPSHOT_SECONDS": snapshot_seconds}
    settings = SETTINGS | {f"LISTS__{name}": str(value) for name, value in lists.items()}
    with running_graph(box, **settings) as graph:
        pin(family(graph.process.pid or 0), SERVER_CORE)
        yield Server("brokergraph", urlsplit(graph.url).port or 0, "demo-operator")
