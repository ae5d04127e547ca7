"""The code blocks of the documents, and what their commands print."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

HOUSE = Path(__file__).parents[2]
# The address of the demo in all documents.
ADDRESS = "http://127.0.0.1:8000"
_BLOCK = re.compile(
    r"^(?P<blanks> *)```(?P<language>\w*)(?: title=\"(?P<title>[^\"]*)\")?\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_MARK = "---- the next block ----"
OUTPUTS = ("answer", "output")


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    title: str
    text: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Every document for people, without those that a tool writes."""
    paths = [*HOUSE.glob("*.md"), *HOUSE.glob("docs/**/*.md")]
    return sorted(path.relative_to(HOUSE).as_posix() for path in paths if path.name != "CHANGELOG.md")


def blocks(page: str, root: Path = HOUSE) -> list[Block]:
    """The blocks of a page in their order. The text of a block in a list is without the list's indentation."""
    text = (root / page).read_text()
    return [
        Block(
            page,
            found["language"],
            found["title"] or "",
            re.sub(rf"^{found['blanks']}", "", found["text"], flags=re.MULTILINE),
            text.count("\n", 0, found.start()) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def expected(page: str) -> Iterator[tuple[Block, Block | None]]:
    """Each block with the block right after it if this one is its output."""
    found = blocks(page)
    for block, after in zip(found, [*found[1:], None], strict=True):
        yield block, after if after is not None and after.title in OUTPUTS else None


def need_curl() -> None:
    """Skip the test on a machine without the program that most examples use."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed (Debian: apt-get install curl)")


class Terminal:
    """A shell that runs blocks one after another, as a reader does: a later block has the names of an earlier one."""

    def __init__(self, folder: Path, **variables: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BROKERGRAPH_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self._shell = subprocess.Popen(["sh", "-eu"], cwd=folder, env=clean | {"PATH": path} | variables, **pipes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.kill()
        self._shell.communicate()

    def run(self, block: Block) -> str:
        """What the block prints. It fails if one of its commands does."""
        self._shell.stdin.write(f"{{\n{block.text}\n}} </dev/null\nprintf '\\n{_MARK}\\n'\n")
        self._shell.stdin.flush()
        lines = []
        for line in self._shell.stdout:
            if line == f"{_MARK}\n":
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"{block.place} failed:\n{''.join(lines)}{self._shell.stderr.read()}")
