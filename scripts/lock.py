"""Writes requirements.lock, and the same versions into pyproject.toml: docs/decisions/0001-locking.md.

Run by `make lock`. Every version is the newest that pyproject.toml allows.
"""

import re
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parent.parent
PROJECT = HOUSE / "pyproject.toml"
LOCK = HOUSE / "requirements.lock"
CONSTRAINTS = re.compile(r"^constraint-dependencies = \[.*?\]$", re.MULTILINE | re.DOTALL)
PIN = re.compile(r"^(?P<pin>[A-Za-z0-9][^\s\\]*==[^\s\\]+(?: ; [^\\]+?)?) \\$", re.MULTILINE)
# One file for every platform and every Python that the project supports, each artifact by its hash, and no address.
COMPILE = "pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --upgrade"
QUIET = "--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet"


def constrained(project: str, pins: list[str]) -> str:
    """The text of pyproject.toml with these constraints in the place of its own."""
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    block = f"constraint-dependencies = [\n{lines}]" if pins else "constraint-dependencies = []"
    text, count = CONSTRAINTS.subn(lambda _: block, project)
    if count != 1:
        raise SystemExit("pyproject.toml: expected exactly one constraint-dependencies")
    return text


def pins_of(lock: str) -> list[str]:
    return PIN.findall(lock)


def main(uv: str) -> None:
    before = PROJECT.read_text(encoding="utf-8")
    # uv obeys the constraints that stand there, and would never find anything newer.
    PROJECT.write_text(constrained(before, []), encoding="utf-8")
    try:
        command = [uv, *COMPILE.split(), *QUIET.split(), "--output-file", str(LOCK)]
        subprocess.run(command, cwd=HOUSE, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - uv, as make found it.
    except BaseException:
        PROJECT.write_text(before, encoding="utf-8")
        raise
    PROJECT.write_text(constrained(before, pins_of(LOCK.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
