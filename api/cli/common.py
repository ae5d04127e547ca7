"""What the commands share: reading the settings, and errors that name the place."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from api.observability.log import configure
from api.settings.settings import Settings, load_settings
from core.config_error import ConfigError
from core.errors import UpstreamError
from upstreams.postgres.migrate import MigrationError

P = ParamSpec("P")
T = TypeVar("T")

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="BROKERGRAPH_CONFIG",
    default=None,
    help="The settings file; default: brokergraph.toml here, if there is one.",
)

_NO_FILE = ". There is no brokergraph.toml in {}; name the settings file with --config or BROKERGRAPH_CONFIG."


def settings_from(config: Path | None) -> Settings:
    """The settings, or an end with the path of what is wrong."""
    here = Path("brokergraph.toml")
    found = config or (here if here.exists() else None)
    try:
        return load_settings(found)
    except ConfigError as error:
        remedy = _NO_FILE.format(Path.cwd()) if found is None and "missing required" in error.problem else ""
        raise click.ClickException(f"Settings: {error}{remedy}") from None


def principal_named(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    """Reject an empty principal: its likely reason is an empty variable in a script."""
    if not value.strip():
        raise click.BadParameter("A principal has a name; this one is empty.")
    return value


def run_async(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Let a command be a coroutine, and turn the errors that operators can mend into messages."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        # The message for the operator says what is wrong. Log lines would say it a second time.
        configure("console", level=logging.CRITICAL)
        try:
            return asyncio.run(command(*args, **kwargs))
        except (UpstreamError, MigrationError, ConfigError) as error:
            raise click.ClickException(getattr(error, "message", str(error))) from None

    return wrapper
