from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import click

from api.cli.common import config_option, principal_named, run_async, settings_from, span
from api.cli.listing import json_option, print_list
from api.cli.webhook_lines import webhook_json, webhook_line
from core.errors import ConfigError
from core.secret import Secret

if TYPE_CHECKING:
    from api.settings.settings import Settings
    from instructions.webhook_message import Message
    from upstreams.services import StateStores
    from upstreams.state.instruction_log import LogPosition

T = TypeVar("T")
# The members of the graph's InstructionKind, without the import of the schema.
KINDS = ("CREATE_TRADING_ACCOUNT", "DEPOSIT", "OPEN_ACCOUNT_REQUEST", "WITHDRAWAL")


@click.group()
def command() -> None:
    """Add, list, test, rotate, disable and replay webhooks (docs/webhooks.md)."""


async def _with_stores(settings: Settings, use: Callable[[StateStores], Awaitable[T]]) -> T:
    from api.services import open_state

    async with open_state(settings) as stores:
        return await use(stores)


def _kinds(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    kinds = tuple(value.split(","))
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        raise click.BadParameter(f"{wrong[0]!r} is not a kind; write some of {','.join(KINDS)}.")
    return kinds


def _agencies(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    from resolvers.fields.ids import MAX_INT

    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}(,[0-9]{1,10})*", value, re.ASCII) or max(map(int, value.split(","))) > MAX_INT:
        raise click.BadParameter(f"{value!r} is not a list of agencies; write 1,2,3.")
    return tuple(map(int, value.split(",")))


def _sealed(settings: Settings, identity: str, secret: Secret) -> bytes:
    from api.webhook_secrets import SecretBox

    return SecretBox(_key(settings)).encrypt(identity, secret)


def _key(settings: Settings) -> Secret:
    if settings.webhooks.key is None:
        raise ConfigError("webhooks.key", "is missing; `openssl rand -base64 32` makes one (docs/webhooks.md)")
    return settings.webhooks.key


@command.command()
@config_option
@click.argument("principal", callback=principal_named)
@click.argument("url")
@click.option("--kinds", callback=_kinds, help=f"Some of {','.join(KINDS)}; default: every kind.")
@click.option("--agencies", callback=_agencies, help="Such as 1,2; default: every agency.")
@run_async
async def add(
    *,
    config: Path | None,
    principal: str,
    url: str,
    kinds: tuple[str, ...] | None,
    agencies: tuple[int, ...] | None,
) -> None:
    """Add a webhook for PRINCIPAL that sends the next events of instructions to URL. Its secret is shown once.

    Give the agencies that the principal's keys have. The receiver gets ids of no other agency's instructions then.
    """
    from instructions.webhook_message import make_secret
    from upstreams.http.webhook_address import BadAddress, parse_webhook_url
    from upstreams.state.webhooks import WebhookRecord

    settings = settings_from(config)
    try:
        parse_webhook_url(Secret(url), allow_private=settings.webhooks.allow_private)
    except BadAddress as error:
        raise click.BadParameter(f"The URL cannot be used: {error}.") from None
    secret, identity = make_secret(), f"hook-{secrets.token_hex(4)}"
    sealed = _sealed(settings, identity, secret)
    record = WebhookRecord(identity, principal, Secret(url), kinds, agencies, datetime.now(UTC))
    await _with_stores(settings, lambda stores: stores.webhooks.add(record, sealed))
    click.echo(f"{identity}: the secret is shown this once", err=True)
    click.echo(secret.reveal())


@command.command(name="list")
@config_option
@json_option
@run_async
async def list_webhooks(config: Path | None, *, as_json: bool) -> None:
    """List all webhooks, newest first. A path or query may hold a secret, so that only the host of a URL is shown."""
    webhooks = await _with_stores(settings_from(config), lambda stores: stores.webhooks.list_all())
    print_list(
        webhooks, webhook_line, webhook_json, as_json=as_json, empty="There are no webhooks; `webhooks add` adds one."
    )


@command.command()
@config_option
@click.argument("identity")
@run_async
async def test(config: Path | None, identity: str) -> None:
    """Send a test message to the webhook with this id, and report the answer."""
    from api.webhooks import message_writer
    from instructions.webhook_message import SecretUnreadable
    from upstreams.http.webhook_client import WebhookFailed

    settings, now = settings_from(config), datetime.now(UTC)
    writer = message_writer(_key(settings))
    target = await _with_stores(settings, lambda stores: stores.webhooks.target(identity, now))
    if target is None:
        raise _unknown(identity)
    try:
        status = await _send(settings, writer.test(target, now))
    except SecretUnreadable:
        raise ConfigError("webhooks.key", "is not the key that encrypted the webhook's secret") from None
    except WebhookFailed as error:
        raise click.ClickException(f"{identity} cannot be reached: {error}.") from None
    if not 200 <= status < 300:  # noqa: PLR2004 - the statuses of success.
        raise click.ClickException(f"{identity} answers with status {status}.")
    click.echo(f"{identity} answers with status {status}.")


async def _send(settings: Settings, message: Message) -> int:
    from api.webhooks import open_client

    with closing(open_client(settings.webhooks)) as client:
        status, _ = await client.post(message.url, message.headers, message.body)
    return status


@command.command()
@config_option
@click.argument("identity")
@click.option(
    "--overlap", callback=span, default="24h", show_default=True, help="How long both secrets sign: 90m, 12h, 7d."
)
@run_async
async def rotate(*, config: Path | None, identity: str, overlap: timedelta) -> None:
    """Make another secret. Until the end of the overlap each message has the signatures of both secrets."""
    from instructions.webhook_message import make_secret

    settings, secret, ends = settings_from(config), make_secret(), datetime.now(UTC) + overlap
    sealed = _sealed(settings, identity, secret)
    if not await _with_stores(settings, lambda stores: stores.webhooks.rotate(identity, sealed, ends)):
        raise _unknown(identity)
    click.echo(f"{identity}: shown this once. The old secret ends {ends:%Y-%m-%d %H:%M} UTC.", err=True)
    click.echo(secret.reveal())


@command.command()
@config_option
@click.argument("identity")
@run_async
async def disable(config: Path | None, identity: str) -> None:
    """Send nothing more to the webhook with this id."""
    now = datetime.now(UTC)
    if not await _with_stores(settings_from(config), lambda stores: stores.webhooks.disable(identity, now)):
        raise click.ClickException(f"There is no active webhook with the id {identity}.")
    click.echo(f"{identity} is disabled.")


@command.command()
@config_option
@click.argument("identity")
@run_async
async def enable(config: Path | None, identity: str) -> None:
    """Send to a disabled webhook again, beginning with the events that it has not got."""
    if not await _with_stores(settings_from(config), lambda stores: stores.webhooks.enable(identity)):
        raise click.ClickException(f"There is no disabled webhook with the id {identity}.")
    click.echo(f"{identity} is enabled.")


@command.command()
@config_option
@click.argument("identity")
@click.option("--after", "cursor", required=True, help="A cursor of a message or of instructionEventsCursor.")
@run_async
async def replay(*, config: Path | None, identity: str, cursor: str) -> None:
    """Send the events after a cursor once more, with the same message ids. Parked events are sent, too."""
    from resolvers.fields.ids import INSTRUCTION_EVENTS
    from resolvers.policy.errors import BadUserInput
    from upstreams.state.instruction_log import LogPosition

    try:
        epoch, seq = INSTRUCTION_EVENTS.decode(cursor)
    except BadUserInput:
        raise click.BadParameter("--after is not a cursor of instruction events.") from None

    async def replayed(stores: StateStores) -> bool:
        head, forgotten = await stores.log.head()
        _check(LogPosition(UUID(epoch), seq), head, forgotten)
        return await stores.webhooks.replay(identity, seq)

    if not await _with_stores(settings_from(config), replayed):
        raise _unknown(identity)
    click.echo(f"{identity} gets the events after the cursor again.")


def _check(after: LogPosition, head: LogPosition, forgotten: int) -> None:
    if after.epoch != head.epoch or after.seq < forgotten:
        raise click.ClickException("The log no longer has the events after this cursor.")
    if after.seq > head.seq:
        raise click.ClickException("The cursor is after the end of the log.")


def _unknown(identity: str) -> click.ClickException:
    return click.ClickException(f"There is no webhook with the id {identity}: see `webhooks list`.")
