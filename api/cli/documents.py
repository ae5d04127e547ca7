from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from api.cli.common import config_option, principal_named, run_async, settings_from
from api.cli.listing import json_option, print_json, print_list

if TYPE_CHECKING:
    from api.settings.settings import Settings
    from resolvers.request.schema_check import Checker
    from upstreams.state.documents import DocumentRecord, DocumentStore

T = TypeVar("T")
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def command() -> None:
    """Add, list, check and remove the documents that partners may run (docs/documents.md)."""


async def _with_store(settings: Settings, use: Callable[[DocumentStore], Awaitable[T]]) -> T:
    from api.services import open_state

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
    from api.documents.manifest import ManifestError, read_manifest
    from resolvers.request.schema_check import operation_names
    from upstreams.state.documents import IdTaken

    settings = settings_from(config)
    try:
        documents = [replace(one, name=operation_names(one.text)) for one in read_manifest(file, principal)]
    except ManifestError as error:
        raise click.ClickException(str(error)) from None
    if broken := list(_broken(_checker(settings, None), documents)):
        click.echo("\n".join(map(_problem_line, broken)))
        raise click.ClickException("Nothing was added: these documents are not valid for the schema.")
    try:
        added = await _with_store(settings, lambda store: store.add(principal, documents))
    except IdTaken as error:
        message = f"Nothing was added: these ids already have other texts: {_some(error.ids)}."
        raise click.ClickException(message) from None
    click.echo(f"{principal}: {added} added, {len(documents) - added} known already.")


@command.command(name="list")
@config_option
@json_option
@click.argument("principal", required=False)
@run_async
async def list_documents(config: Path | None, principal: str | None, *, as_json: bool) -> None:
    """List the documents of all partners, or of PRINCIPAL."""
    documents = await _with_store(settings_from(config), lambda store: store.list_all(principal))
    print_list(documents, _line, _record, as_json=as_json, empty="There are no documents; `documents add` adds some.")


def _line(one: DocumentRecord) -> str:
    return f"{one.principal}  {one.id}  {one.name or '-'}  {one.added_at:%Y-%m-%d}"


def _record(one: DocumentRecord) -> dict[str, object]:
    return {"principal": one.principal, "id": one.id, "name": one.name, "addedAt": one.added_at, "text": one.text}


@command.command()
@config_option
@json_option
@click.option("--schema", "schema_file", type=_FILE, default=None, help="Default: the schema of this version.")
@click.argument("principal", required=False)
@run_async
async def check(config: Path | None, schema_file: Path | None, principal: str | None, *, as_json: bool) -> None:
    """Report the documents that a schema would break. The exit status is 1 if there is one."""
    settings = settings_from(config)
    checker = _checker(settings, schema_file)
    documents = await _with_store(settings, lambda store: store.list_all(principal))
    problems = []
    for problem in _broken(checker, documents):
        problems.append(problem)
        if not as_json:
            click.echo(_problem_line(problem))
    if as_json:
        print_json(problems)
    broken = len({(one.principal, one.id) for one in problems})
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
    from api.documents.ids import canonical_id

    if bool(ids) == everything:
        raise click.UsageError("Give the IDS of the documents, or --all.")
    chosen = None if everything else [*ids, *map(canonical_id, ids)]
    removed = await _with_store(settings_from(config), lambda store: store.remove(principal, chosen))
    if ids and removed < len(set(map(canonical_id, ids))):
        raise click.ClickException(f"{principal}: {removed} removed; the others are not there.")
    click.echo(f"{principal}: {removed} removed.")


def _checker(settings: Settings, schema_file: Path | None) -> Checker:
    from resolvers.request.schema_check import Checker, SchemaUnreadable

    try:
        text = None if schema_file is None else schema_file.read_text(encoding="utf-8")
        return Checker(settings.limits.document(), text)
    except (OSError, UnicodeDecodeError, SchemaUnreadable) as error:
        raise click.ClickException(f"{schema_file} is not a schema: {error}") from None


@dataclass(frozen=True, slots=True)
class _Problem:
    """A place of a document that is not valid for the schema."""

    principal: str
    id: str
    name: str | None
    line: int
    column: int
    message: str


def _broken(checker: Checker, documents: Sequence[DocumentRecord]) -> Iterator[_Problem]:
    for one in documents:
        for problem in checker.broken(one.text):
            yield _Problem(one.principal, one.id, one.name, problem.line, problem.column, problem.message)


def _problem_line(one: _Problem) -> str:
    return f"{one.principal}  {one.id}  {one.name or '-'}  {one.line}:{one.column}  {one.message}"


def _some(ids: Sequence[str], most: int = 10) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more
