"""Demo accounts, recognised by the groups of their trading servers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

Patterns = Sequence[str] | None
"""`demo_groups` of a server's settings, with `*` for any text. None: the settings have none."""

# The usual names of demo groups: `demoforex` on MT4, `demo\forex` on MT5.
_USUAL: Final = ("demo*", "Demo*", "DEMO*")


def is_demo(group: str | None, patterns: Patterns) -> bool | None:
    """Whether accounts of the group are demo accounts.

    Without patterns in the settings the usual names are recognised, and all others are None: the settings do not say.
    """
    if group is None:
        return None
    if any(_regex(pattern).fullmatch(group) for pattern in _or_usual(patterns)):
        return True
    return None if patterns is None else False


def like_patterns(servers: Mapping[str, Patterns]) -> Iterator[tuple[str, str]]:
    """Each server with each of its patterns in the form of SQL's LIKE."""
    for name, patterns in servers.items():
        yield from ((name, _like(pattern)) for pattern in _or_usual(patterns))


def _or_usual(patterns: Patterns) -> Sequence[str]:
    return _USUAL if patterns is None else patterns


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def _like(pattern: str) -> str:
    return "%".join(re.sub(r"([\\%_])", r"\\\1", part) for part in pattern.split("*"))
