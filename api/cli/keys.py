import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from api.cli.common import config_option, run_async, settings_from
from api.house import state_database
from resolvers.scopes import SCOPES, Scope
from upstreams.clock import Clock
from upstreams.keys import KeyRecord, KeyStore, new_key

T = TypeVar("T")
_SCOPE_HELP = "May be given often. One of: " + "; ".join(f"{scope} ({what})" for scope, what in SCOPES.items())


@click.group()
def command() -> None:
    """Make, list and revoke API keys."""


async def _with_store(config: Path | None, use: Callable[[KeyStore], Awaitable[T]]) -> T:
    database = state_database(settings_from(config))
    try:
        return await use(KeyStore(database, Clock()))
    finally:
        await database.close()


@command.command()
@config_option
@click.argument("principal")
@click.option("--id", "identity", default=None, help="The key's own name; default: a made-up one.")
@click.option("--scope", "scopes", type=click.Choice([str(scope) for scope in Scope]), multiple=True, help=_SCOPE_HELP)
@click.option("--agency", "agencies", type=int, multiple=True, help="May be given often; default: every agency.")
@click.option("--days", type=click.IntRange(1), default=None, help="How long it is valid; default: until revoked.")
@run_async
async def create(  # noqa: PLR0913 - one for each option.
    *,
    config: Path | None,
    principal: str,
    identity: str | None,
    scopes: tuple[str, ...],
    agencies: tuple[int, ...],
    days: int | None,
) -> None:
    """Make a key for PRINCIPAL, the partner whose instructions its orders will be. The key is shown once."""
    if not scopes:
        raise click.UsageError("Give at least one --scope; a key without any could do nothing.")
    name = identity or f"key-{secrets.token_hex(4)}"
    expires = Clock().now() + timedelta(days=days) if days else None
    record = KeyRecord(name, principal, scopes, agencies or None, expires_at=expires)
    key = new_key(name)
    if not await _with_store(config, lambda store: store.add(record, key)):
        raise click.ClickException(f"There is a key with the id {name} already.")
    click.echo(f"{name}: shown this once, kept only as a hash", err=True)
    click.echo(key.reveal())


@command.command(name="list")
@config_option
@run_async
async def list_keys(config: Path | None) -> None:
    """List all keys, newest first."""
    for record in await _with_store(config, KeyStore.list_all):
        agencies = "every agency" if record.agencies is None else f"agencies {list(record.agencies)}"
        state = _state(record)
        click.echo(f"{record.id}  {record.principal}  {state}  {agencies}  {' '.join(record.scopes)}")


def _state(record: KeyRecord) -> str:
    if record.revoked_at is not None:
        return f"revoked {record.revoked_at:%Y-%m-%d}"
    return "valid" if record.expires_at is None else f"valid until {record.expires_at:%Y-%m-%d}"


@command.command()
@config_option
@click.argument("identity")
@run_async
async def revoke(config: Path | None, identity: str) -> None:
    """End the life of the key with this id. Servers believe it for a few seconds more ([auth] key_cache_seconds)."""
    if not await _with_store(config, lambda store: store.revoke(identity)):
        raise click.ClickException(f"There is no valid key with the id {identity}.")
    click.echo(f"{identity} is revoked.")
