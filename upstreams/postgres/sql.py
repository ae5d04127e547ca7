"""Statements in .sql files. Each has a line `-- name:` and a line with its question.

A text that several statements share is defined once under `-- part:`. A statement includes the text by {its_name}.
"""

import re
from importlib.resources import files
from types import SimpleNamespace

_HEAD = re.compile(r"^-- (name|part): (\w+)\n", re.MULTILINE)


def read_statements(filename: str, **more_parts: str) -> SimpleNamespace:
    """The named statements of a file in this package, as attributes: `sql.clients_by_number`."""
    parts = read_parts(filename) | more_parts
    statements = ((name, text) for kind, name, text in _entries(filename) if kind == "name")
    return SimpleNamespace(**{name: text.format(**parts) for name, text in statements})


def read_parts(filename: str) -> dict[str, str]:
    """The shared parts of a file, by name."""
    return {name: text for kind, name, text in _entries(filename) if kind == "part"}


def _entries(filename: str) -> list[tuple[str, str, str]]:
    fields = _HEAD.split(files("upstreams").joinpath(filename).read_text(encoding="utf-8"))[1:]
    return list(zip(fields[0::3], fields[1::3], (text.strip() for text in fields[2::3]), strict=True))
