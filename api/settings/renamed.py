"""Settings that had another name before version 0.1. With an old name the server does not start, and the message has
the new name.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.errors import ConfigError

# `*` matches every name.
_RENAMED: Final = {
    "settling.look_every_seconds": "reconciliation.poll_interval_seconds",
    "settling.at_once": "reconciliation.batch_size",
    "settling": "reconciliation",
    "overload.max_present": "overload.max_in_flight",
    "erp.lookups_at_once": "erp.concurrent_lookups",
    "erp.pages_at_once": "erp.concurrent_pages",
    "*.*.live_calls_at_once": "concurrent_live_calls",
}


def refuse_renamed(tables: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first setting with an old name."""
    for old, new in _RENAMED.items():
        for path in _paths(tables, old.split(".")):
            raise ConfigError(path, f"is called {new} now; rename it")


def _paths(tables: Any, names: list[str], above: str = "") -> Iterator[str]:
    """The paths of the settings that match these names."""
    if not names:
        yield above.removesuffix(".")
    elif isinstance(tables, Mapping):
        for name in tables:
            if names[0] in {"*", name}:
                yield from _paths(tables[name], names[1:], f"{above}{name}.")
