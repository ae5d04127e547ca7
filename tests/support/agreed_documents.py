"""Partners, their requests, and the command line that keeps their documents."""

import asyncio
import json
import os
import re
import secrets
import subprocess
from dataclasses import dataclass
from hashlib import sha256

import asyncpg
import httpx
from click.testing import CliRunner

from api.cli import main
from support.graphs import Graph

CACHE_SECONDS = 0.3
PARTNERS = ("acme", "watched", "strict", "other")
NAMES = "query Names { viewer { name } }"
MUTATION = 'mutation Open { createTradingAccount(input: {clientNumber: 1, idempotencyKey: "document"}) { __typename } }'


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def apollo(text: str) -> dict:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}


@dataclass(frozen=True)
class Partner:
    graph: Graph
    key: str

    def post(self, accept: str = "application/graphql-response+json", **body) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}", "accept": accept, "content-type": "application/json"}
        return self.graph.client.post(f"{self.graph.url}/graphql", content=json.dumps(body), headers=headers)

    def get(self, headers: dict | None = None, **parameters) -> httpx.Response:
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
        sent = {"authorization": f"Bearer {self.key}", **(headers or {})}
        return self.graph.client.get(f"{self.graph.url}/graphql", params=texts, headers=sent)


def code(response: httpx.Response) -> tuple[int, str]:
    [error] = response.json()["errors"]
    return response.status_code, error["extensions"]["code"]


def brokergraph(box, state_url: str, *words: str) -> subprocess.CompletedProcess:
    """The command line in this process, which has the imports behind it."""
    inherited = {name: None for name in os.environ if name.startswith("BROKERGRAPH_")}
    ours = {"BROKERGRAPH_CONFIG": str(box.settings_path), "BROKERGRAPH_STATE__DATABASE_URL": state_url}
    done = CliRunner().invoke(main, words, env=inherited | ours)
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def execute(url: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def scratch_database(box) -> str:
    """A new database of the graph's role; it goes with the box."""
    name = f"documents_{secrets.token_hex(4)}"
    execute(box.database_url, f"CREATE DATABASE {name} OWNER brokergraph")
    return re.sub(r"(@[^/]*/)[^?]+", rf"\g<1>{name}", box.graph_database_url, count=1)
