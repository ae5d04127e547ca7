"""The same as bench/prepare.py for commits that lack it: python -P bench/prepare_older.py FOLDER < DATABASES

PYTHONPATH names the other commit's tree and its `bench`. All names are those that `bench/world.py` of such a commit
has; they never change, because those commits never change.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import world


async def prepare(folder: Path, erp: str, state: str, vendor: int) -> list[str]:
    """Write that commit's settings, migrate the state database and add its keys."""
    of_erp, mark, of_state = world.SETTINGS.partition("[state]")
    rest: dict[str, Any] = {"executor": "engine", "vendor": vendor, "pool": getattr(world, "POOL", 4)}
    path = folder / "engine.toml"
    path.touch(mode=0o600)
    path.write_text(of_erp.format(database=erp, **rest) + mark + of_state.format(database=state, **rest))
    settings = world.load_settings(path, {})
    await world.migrate(settings.state.database_url)
    await world.add_demo_keys(settings)
    return ["-m", "api.cli", "serve", "--config", str(path)]


if __name__ == "__main__":
    arguments = asyncio.run(prepare(Path(sys.argv[1]), **json.load(sys.stdin)))
    json.dump({"arguments": arguments, "key": "demo-operator"}, sys.stdout)
