"""Settings that had another name before version 0.1: an old name stops the start and says what it is called now."""

from collections.abc import Mapping
from typing import Any, Final

from core.config_error import ConfigError

_RENAMED: Final = {
    "settling.look_every_seconds": "reconciliation.poll_interval_seconds",
    "settling.at_once": "reconciliation.batch_size",
    "settling": "reconciliation",
    "overload.max_present": "overload.max_in_flight",
    "erp.lookups_at_once": "erp.concurrent_lookups",
    "erp.pages_at_once": "erp.concurrent_pages",
}


def refuse_renamed(tables: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first setting that has its old name."""
    for old, new in _RENAMED.items():
        if _has(tables, old.split(".")):
            raise ConfigError(old, f"is called {new} now; rename it")


def _has(tables: Any, path: list[str]) -> bool:
    for name in path:
        if not isinstance(tables, Mapping) or name not in tables:
            return False
        tables = tables[name]
    return True
