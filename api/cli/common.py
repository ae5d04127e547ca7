"""Common parts of the commands: the settings, errors with their place, and the sign of a long command.

The modules of commands import what a command needs in its function, so that help and completion are quick.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from core.errors import ConfigError, UpstreamError

if TYPE_CHECKING:
    from api.settings.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="BROKERGRAPH_CONFIG",
    default=None,
    help="The settings file; default: brokergraph.toml in this folder, if it exists.",
)

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# More than any key should live, and less than the maximum of dates.
MOST_DAYS = 36_500

_FIRST_SIGN_SECONDS = 2
_NEXT_SIGN_SECONDS = 5

_NO_FILE = ". There is no brokergraph.toml in {}; name the settings file with --config or BROKERGRAPH_CONFIG."


def settings_from(config: Path | None) -> Settings:
    """The settings. A mistake ends the command with the path of the wrong setting."""
    from api.settings.settings import load_settings

    found = settings_file(config)
    try:
        return load_settings(found)
    except ConfigError as error:
        remedy = _NO_FILE.format(Path.cwd()) if found is None and "missing required" in error.problem else ""
        raise click.ClickException(f"Settings: {error}{remedy}") from None


def settings_file(config: Path | None) -> Path | None:
    """The settings file: the chosen one, else the one in this folder."""
    here = Path("brokergraph.toml")
    return config or (here if here.exists() else None)


def principal_named(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    """Reject an empty principal, which is probably an empty variable of a script."""
    if not value.strip():
        raise click.BadParameter("The principal must not be empty.")
    return value


def span(_context: click.Context, _option: click.Parameter, value: str) -> timedelta:
    """A length of time such as 90m, 12h or 7d."""
    found = re.fullmatch(r"([0-9]{1,5})([mhd])", value, re.ASCII)
    if found is None:
        raise click.BadParameter(f"{value!r} is not a length of time; write 90m, 12h or 7d.")
    span = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if span > timedelta(days=MOST_DAYS):
        raise click.BadParameter(f"{value!r} is longer than {MOST_DAYS}d, the longest there is.")
    return span


@contextmanager
def silent_log() -> Iterator[None]:
    """Write only crashes to the log. The message of a command says what is wrong, and log lines would repeat it.

    The loggers are not cached, so that a server that starts in this process afterwards gets its own.
    """
    import logging

    import structlog

    before = structlog.get_config()
    wrapper = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=wrapper, cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def sign_of_life() -> Iterator[Callable[[], None]]:
    """Tell a person at a terminal after two seconds, and then every five, that the command is still at work.

    The block gets a function that ends the signs early.
    """
    done = threading.Event()
    if not sys.stderr.isatty():
        yield done.set
        return

    def tell() -> None:
        seconds = _FIRST_SIGN_SECONDS
        pause = _FIRST_SIGN_SECONDS
        while not done.wait(pause):
            click.echo(f"Still at work after {seconds} s; Ctrl-C stops it.", err=True)
            pause = _NEXT_SIGN_SECONDS
            seconds += pause

    threading.Thread(target=tell, daemon=True).start()
    try:
        yield done.set
    finally:
        done.set()


def run_async(command: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Run a coroutine as a command, and print errors that operators can correct as messages."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        import asyncio

        try:
            with silent_log(), sign_of_life():
                return asyncio.run(command(*args, **kwargs))
        except (UpstreamError, ConfigError) as error:
            raise click.ClickException(getattr(error, "message", str(error))) from None

    return wrapper
