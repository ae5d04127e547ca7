"""Statements live in .sql files, each under `-- name:` with a line that says which question it answers.

What several statements share stands once under `-- part:` and is put in where they say {its_name}.
"""

import re
from importlib.resources import files
from types import SimpleNamespace

_HEAD = re.compile(r"^-- (name|part): (\w+)\n", re.MULTILINE)


def read_statements(filename: str) -> SimpleNamespace:
    """The named statements of a file in this package, as attributes: `sql.clients_by_number`."""
    fields = _HEAD.split(files("upstreams").joinpath(filename).read_text(encoding="utf-8"))[1:]
    entries = list(zip(fields[0::3], fields[1::3], (text.strip() for text in fields[2::3]), strict=True))
    parts = {name: text for kind, name, text in entries if kind == "part"}
    return SimpleNamespace(**{name: text.format(**parts) for kind, name, text in entries if kind == "name"})
