"""Makes brokergraph ready to be measured: python bench/prepare.py FOLDER < DATABASES

DATABASES is JSON: `erp`, an address of the bench's tables; `state`, an address of an empty database; `vendor`, a port.
It writes settings into FOLDER, migrates `state` and adds a key. Then it prints JSON: `arguments` for Python, to which
`--port` is added, and the `key`.

`bench/run.py --against` runs the file of the OTHER commit. So its input and output stay as they are, whatever is
renamed: a commit knows its own settings, commands and modules, and no other commit has to.
"""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from api.cli.demo_keys import add_demo_keys
from api.settings.settings import load_settings
from upstreams.postgres.migrate import migrate

KEY = "demo-operator"
POOL = 4

# The limits stay on, and are above what is asked here: a page of 5,000 is no dashboard.
SETTINGS = """
[server]
host = "127.0.0.1"
executor = "{executor}"
[erp]
database_url = {erp!r}
accounting_currency = "ILS"
pool_size = {pool}
[state]
database_url = {state!r}
[limits]
page_max = 5000
cost_max = 100_000_000
[budget]
cost_per_minute = 1_000_000_000
[broker_work.main]
url = "http://127.0.0.1:{vendor}"
tenant_id = "bench"
token = "bench"
chunk_logins = 1000
[broker_work.main.limits]
max_in_flight = 32
max_waiting = 10000
requests_per_minute = 100_000_000
[servers.L1]
platform = "MT4"
adapter = "broker_work"
connection = "main"
id = "1"
[servers.L2]
platform = "MT5"
adapter = "broker_work"
connection = "main"
id = "2"
"""


@dataclass(frozen=True)
class Databases:
    """What the server reads and writes, and the port of the vendor's stand-in."""

    erp: str
    state: str
    vendor: int


@dataclass(frozen=True)
class Prepared:
    """How the server is started, and the key that it takes."""

    arguments: tuple[str, ...]
    key: str


async def prepare(folder: Path, databases: Databases, executor: str = "engine") -> Prepared:
    """Write the settings, migrate the state database and add the key."""
    path = folder / f"{executor}.toml"
    path.touch(mode=0o600)
    path.write_text(SETTINGS.format(executor=executor, pool=POOL, **vars(databases)), encoding="utf-8")
    settings = load_settings(path, {})
    assert settings.state.database_url is not None
    await migrate(settings.state.database_url)
    await add_demo_keys(settings)
    return Prepared(("-m", "api.cli", "serve", "--config", str(path)), KEY)


def main() -> None:
    databases: dict[str, Any] = json.load(sys.stdin)
    prepared = asyncio.run(prepare(Path(sys.argv[1]), Databases(**databases)))
    json.dump({"arguments": prepared.arguments, "key": prepared.key}, sys.stdout)


if __name__ == "__main__":
    main()
