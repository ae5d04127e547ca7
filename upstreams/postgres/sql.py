"""Statements in .sql files. Each has a line `-- name:` and a line with its question.

A text that several statements share is defined once under `-- part:`. A statement includes the text by {its_name}.
"""

import re
from importlib.resources import files
from types import SimpleNamespace

_PARAMETER = re.compile(r"\$(\d+)")
_HEAD = re.compile(r"^-- (name|part): (\w+)\n", re.MULTILINE)


def read_statements(filename: str, **more_parts: str) -> SimpleNamespace:
    """The named statements of a file in this package, as attributes: `sql.clients_by_number`."""
    parts = read_parts(filename) | more_parts
    return SimpleNamespace(**{name: text.format(**parts) for name, text in _read(filename, "name").items()})


def read_statement(filename: str, name: str, **parts: str) -> str:
    """One statement of a file, with these parts alone."""
    return _read(filename, "name")[name].format(**parts)


def read_parts(filename: str) -> dict[str, str]:
    """The shared parts of a file, by name."""
    return _read(filename, "part")


def last_parameter(statement: str) -> int:
    """The highest number of a parameter."""
    return max(map(int, _PARAMETER.findall(statement)))


def moved(part: str, by: int, above: int = 0) -> str:
    """A part whose parameters with numbers above `above` are renumbered."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by * (int(found[1]) > above)}", part)


def _read(filename: str, wanted: str) -> dict[str, str]:
    fields = _HEAD.split(files("upstreams").joinpath(filename).read_text(encoding="utf-8"))[1:]
    entries = zip(fields[0::3], fields[1::3], fields[2::3], strict=True)
    return {name: text.strip() for kind, name, text in entries if kind == wanted}
