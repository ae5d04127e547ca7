from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from api.cli.common import MOST_DAYS, config_option, principal_named, run_async, settings_from, span
from api.cli.listing import json_option, print_list
from resolvers.policy.scopes import SCOPES, Scope

if TYPE_CHECKING:
    from upstreams.state.api_keys import KeyRecord, KeyStore

T = TypeVar("T")
_DAYS = click.IntRange(1, MOST_DAYS)
# PostgreSQL's integer.
_AGENCY = click.IntRange(0, 2**31 - 1)
_SCOPE_HELP = "May be given several times. One of: " + "; ".join(f"{scope} ({what})" for scope, what in SCOPES.items())


def _made_up() -> str:
    return f"key-{secrets.token_hex(4)}"


def _key_id(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The database has the same rule (0002_api_keys.sql), but a less clear message."""
    if value is not None and not re.fullmatch(r"[a-z0-9-]{1,40}", value, re.ASCII):
        raise click.BadParameter(f"{value!r} is not a valid key id; write 1 to 40 of a-z, 0-9 and -.")
    return value


@click.group()
def command() -> None:
    """Make, list, rotate and revoke API keys."""


async def _with_store(config: Path | None, use: Callable[[KeyStore], Awaitable[T]]) -> T:
    from api.services import open_state

    async with open_state(settings_from(config)) as stores:
        return await use(stores.keys)


@command.command()
@config_option
@click.argument("principal", callback=principal_named)
@click.option("--id", "identity", callback=_key_id, help="The id of the key; default: a random id.")
@click.option("--scope", "scopes", type=click.Choice([str(scope) for scope in Scope]), multiple=True, help=_SCOPE_HELP)
@click.option(
    "--agency", "agencies", type=_AGENCY, multiple=True, help="May be given several times; default: every agency."
)
@click.option("--days", type=_DAYS, default=None, help="The lifetime of the key; default: until revoked.")
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
    """Make a key for PRINCIPAL, the partner that will own the instructions sent with this key. The key is shown
    once.
    """
    from upstreams.state.api_keys import KeyRecord, make_key

    if not scopes:
        raise click.UsageError("Give at least one --scope; a key without a scope is useless.")
    name = identity or _made_up()
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    record = KeyRecord(name, principal, scopes, agencies or None, expires_at=expires)
    key = make_key(name)
    if not await _with_store(config, lambda store: store.add(record, key)):
        raise click.ClickException(f"There is a key with the id {name} already.")
    click.echo(f"{name}: shown this once, kept only as a hash", err=True)
    click.echo(key.reveal())


@command.command(name="list")
@config_option
@json_option
@run_async
async def list_keys(config: Path | None, *, as_json: bool) -> None:
    """List all keys, newest first."""
    keys = await _with_store(config, lambda store: store.list_all())
    print_list(keys, _line, _record, as_json=as_json, empty="There are no keys; `keys create` makes one.")


def _line(key: KeyRecord) -> str:
    agencies = "every agency" if key.agencies is None else f"agencies {list(key.agencies)}"
    return f"{key.id}  {key.principal}  {_state(key)}  {_used(key)}  {agencies}  {' '.join(key.scopes)}"


def _record(key: KeyRecord) -> dict[str, object]:
    return {
        "id": key.id,
        "principal": key.principal,
        "scopes": key.scopes,
        "agencies": key.agencies,
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
        "lastUsedAt": key.last_used_at,
        "successor": key.successor,
    }


def _state(record: KeyRecord) -> str:
    if record.revoked_at is not None:
        return f"revoked {record.revoked_at:%Y-%m-%d}"
    if record.expires_at is None:
        return "valid"
    word = "valid until" if record.expires_at > datetime.now(UTC) else "ended"
    followed = f", then {record.successor}" if record.successor else ""
    return f"{word} {record.expires_at:%Y-%m-%d %H:%M}{followed}"


def _used(record: KeyRecord) -> str:
    return "never used" if record.last_used_at is None else f"last used {record.last_used_at:%Y-%m-%d %H:%M}"


@command.command()
@config_option
@click.argument("identity")
@click.option(
    "--overlap", callback=span, default="7d", show_default=True, help="The time in which both keys work: 90m, 12h, 7d."
)
@click.option("--id", "successor", callback=_key_id, help="The id of the new key; default: a random id.")
@click.option(
    "--days", type=_DAYS, default=None, help="The lifetime of the new key; default: the lifetime of the old key."
)
@run_async
async def rotate(
    *, config: Path | None, identity: str, overlap: timedelta, successor: str | None, days: int | None
) -> None:
    """Make a successor of the key with this id. The old key ends at the end of the overlap.

    Both keys have the same principal, so that a command with the old key and its repeat with the new key are one
    instruction.
    """
    from upstreams.state.api_keys import make_key

    name, now = successor or _made_up(), datetime.now(UTC)
    key, new_ends = make_key(name), now + timedelta(days=days) if days else None

    async def replace(store: KeyStore) -> datetime | None:
        if await store.rotate(identity, name, key, now + overlap, new_ends) is None:
            return None
        # The old key may end before the end of the overlap.
        return next(one.expires_at for one in await store.list_all() if one.id == identity)

    ends = await _with_store(config, replace)
    if ends is None:
        problem = "There is no valid key with this id, it was already rotated, or the new id is taken"
        raise click.ClickException(f"{identity} cannot be rotated. {problem}: see `keys list`.")
    click.echo(f"{name}: shown this once, kept only as a hash. {identity} ends {ends:%Y-%m-%d %H:%M} UTC.", err=True)
    click.echo(key.reveal())


@command.command()
@config_option
@click.argument("identity")
@run_async
async def revoke(config: Path | None, identity: str) -> None:
    """Revoke the key with this id. Servers cache it for some seconds more ([auth] key_cache_seconds)."""
    if not await _with_store(config, lambda store: store.revoke(identity)):
        raise click.ClickException(f"There is no valid key with the id {identity}.")
    click.echo(f"{identity} is revoked.")
