"""What the benches over a sandbox share: where it runs, and where their reports are."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import OTHER_CORE
from support.boxes import START_TIMEOUT_SECONDS, RunningBox, running_box

HERE = Path(__file__).parent


@contextmanager
def box_on_other_core(
    clients: int, data: Path | None = None, seconds: float = START_TIMEOUT_SECONDS
) -> Iterator[tuple[RunningBox, Path]]:
    """A sandbox beside this process, both on the core that servers do not have, and its folder. A given folder is kept
    with the loaded data for the next run.
    """
    # Its children inherit it.
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory() as scratch:
        folder = data or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ready.json").unlink(missing_ok=True)
        with running_box(folder, clients, seconds) as box:
            yield box, folder


def write_report(name: str, text: str, facts: Any) -> None:
    """Write NAME.md and name.json of this folder."""
    (HERE / f"{name.upper()}.md").write_text(text, encoding="utf-8")
    (HERE / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
