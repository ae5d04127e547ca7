from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from api.cli.common import config_option, principal_named, run_async, settings_from
from api.documents.ids import canonical_id
from api.documents.manifest import ManifestError, read_manifest
from api.services import open_state
from api.settings.settings import Settings
from resolvers.request.schema_check import Checker, SchemaUnreadable, operation_names
from upstreams.state.documents import DocumentRecord, DocumentStore, IdTaken

T = TypeVar("T")
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def command() -> None:
    """Add, list, check and remove the documents that partners may run (docs/documents.md)."""


async def _with_store(settings: Settings, use: Callable[[DocumentStore], Awaitable[T]]) -> T:
    async with open_state(settings) as stores:
        return await use(stores.documents)


@command.command()
@config_option
@click.argument("principal", callback=principal_named)
@click.argument("file", type=_FILE)
@run_async
async def add(config: Path | None, principal: str, file: Path) -> None:
    """Add the documents of a manifest for PRINCIPAL ('*': all partners). All of them are added, or none.

    FILE is what graphql-codegen, Relay or Apollo write. The command refuses a document that is not valid for this
    version's schema, and an id that already has another text.
    """
    settings = settings_from(config)
    try:
        documents = [replace(one, name=operation_names(one.text)) for one in read_manifest(file, principal)]
    except ManifestError as error:
        raise click.ClickException(str(error)) from None
    if _report(Checker(settings.limits.document()), documents):
        raise click.ClickException("Nothing was added: these documents are not valid for the schema.")
    try:
        added = await _with_store(settings, lambda store: store.add(principal, documents))
    except IdTaken as error:
        message = f"Nothing was added: these ids already have other texts: {_some(error.ids)}."
        raise click.ClickException(message) from None
    click.echo(f"{principal}: {added} added, {len(documents) - added} known already.")


@command.command(name="list")
@config_option
@click.argument("principal", required=False)
@run_async
async def list_documents(config: Path | None, principal: str | None) -> None:
    """List the documents of all partners, or of PRINCIPAL."""
    for one in await _with_store(settings_from(config), lambda store: store.list_all(principal)):
        click.echo(f"{one.principal}  {one.id}  {one.name or '-'}  {one.added_at:%Y-%m-%d}")


@command.command()
@config_option
@click.option("--schema", "schema_file", type=_FILE, default=None, help="Default: the schema of this version.")
@click.argument("principal", required=False)
@run_async
async def check(config: Path | None, schema_file: Path | None, principal: str | None) -> None:
    """Report the documents that a schema would break. The exit status is 1 if there is one."""
    settings = settings_from(config)
    checker = _checker(settings, schema_file)
    documents = await _with_store(settings, lambda store: store.list_all(principal))
    broken = _report(checker, documents)
    click.echo(f"{len(documents)} documents checked, {broken} would break.", err=True)
    if broken:
        raise click.exceptions.Exit(1)


@command.command()
@config_option
@click.argument("principal")
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Remove all documents of PRINCIPAL.")
@run_async
async def remove(config: Path | None, principal: str, ids: tuple[str, ...], *, everything: bool) -> None:
    """Remove documents of PRINCIPAL. Servers cache them for some seconds more ([documents] cache_seconds)."""
    if bool(ids) == everything:
        raise click.UsageError("Give the IDS of the documents, or --all.")
    chosen = None if everything else [*ids, *map(canonical_id, ids)]
    removed = await _with_store(settings_from(config), lambda store: store.remove(principal, chosen))
    if ids and removed < len(set(map(canonical_id, ids))):
        raise click.ClickException(f"{principal}: {removed} removed; the others are not there.")
    click.echo(f"{principal}: {removed} removed.")


def _checker(settings: Settings, schema_file: Path | None) -> Checker:
    try:
        text = None if schema_file is None else schema_file.read_text(encoding="utf-8")
        return Checker(settings.limits.document(), text)
    except (OSError, UnicodeDecodeError, SchemaUnreadable) as error:
        raise click.ClickException(f"{schema_file} is not a schema: {error}") from None


def _report(checker: Checker, documents: Sequence[DocumentRecord]) -> int:
    """Print the problems. Returns the number of broken documents."""
    count = 0
    for one in documents:
        broken = checker.broken(one.text)
        count += bool(broken)
        for problem in broken:
            place = f"{problem.line}:{problem.column}"
            click.echo(f"{one.principal}  {one.id}  {one.name or '-'}  {place}  {problem.message}")
    return count


def _some(ids: Sequence[str], most: int = 10) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more
