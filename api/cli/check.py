from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from api.cli.common import config_option, settings_from, sign_of_life, silent_log
from api.cli.listing import json_option, print_json
from core.secret import Secret

if TYPE_CHECKING:
    from api.settings.settings import Settings
    from upstreams.check.findings import Finding, Findings
    from upstreams.check.replica import CheckedReplica
    from upstreams.check.run import CheckedSystems
    from upstreams.postgres.database import Database

_MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}
_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}
# The redaction of shorter credentials would also hide ordinary words.
_SHORTEST_SECRET = 4
_MOST_TOKEN_BYTES = 65_536


@click.command()
@config_option
@json_option
@click.option("--offline", is_flag=True, help="Check only the settings; connect to no system.")
@click.option("--books", is_flag=True, help="Also check the trading servers' books, by one billed call per batch.")
@click.option(
    "--token",
    "token_file",
    type=click.File("rb"),
    default=None,
    help="Say what the example token (JWT) in this file would get; - reads it from the standard input.",
)
def command(config: Path | None, token_file: BinaryIO | None, *, offline: bool, books: bool, as_json: bool) -> None:
    """Report missing and wrong items of the settings, the databases, the vendors and the issuers.

    The exit status is 1 if there is a problem.
    """
    import asyncio

    settings = settings_from(config)
    token = None if token_file is None else _read_token(token_file)
    if token is not None and offline:
        raise click.UsageError("A token is checked with its issuer's keys, so --token cannot be --offline.")
    if books and offline:
        raise click.UsageError("The books are the vendors', so --books cannot be --offline.")
    with silent_log(), sign_of_life():
        problems = asyncio.run(_report(settings, token, offline=offline, books=books, as_json=as_json))
    if problems:
        raise SystemExit(1)


def _read_token(file: BinaryIO) -> Secret:
    """The token, also where `Bearer` stands before it. It is never shown, so that no message quotes it."""
    words = file.read(_MOST_TOKEN_BYTES).split()
    if not words or not words[-1].isascii():
        raise click.ClickException("The file of --token holds no token.")
    return Secret(words[-1].decode())


async def _report(settings: Settings, token: Secret | None, *, offline: bool, books: bool, as_json: bool) -> int:
    """Print every finding immediately, or all as JSON. Returns the number of problems."""
    secrets, systems = _secrets_of(settings), _systems_of(settings)
    found = []
    try:
        async for finding in _all(settings, systems, token, offline=offline, books=books):
            shown = _hidden(finding, secrets)
            found.append(shown)
            if not as_json:
                click.echo(_text_of(shown))
    finally:
        await systems.aclose()
    problems = sum(one.verdict == "wrong" for one in found)
    if as_json:
        print_json(found)
    else:
        click.echo(f"\n{len(found)} looked at, {problems or 'nothing'} wrong")
    return problems


def _secrets_of(settings: Settings) -> list[str]:
    from api.observability.redaction import known_secrets

    return sorted((text for text in known_secrets(settings) if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)


def _systems_of(settings: Settings) -> CheckedSystems:
    from api.services import erp_database, state_database
    from upstreams.check.run import CheckedSystems

    erp, state = erp_database(settings), state_database(settings)
    return CheckedSystems(
        vendors=settings.upstreams,
        erp=erp,
        state=state,
        replicas=list(_replicas_of(settings, erp, state)),
        state_setting="state.database_url" if settings.state.database_url else "erp.database_url (state)",
        budget=settings.budget,
        accounting_currency=settings.erp.accounting_currency,
    )


def _replicas_of(settings: Settings, erp: Database, state: Database) -> Iterator[CheckedReplica]:
    from msgspec.structs import replace

    from upstreams.check.replica import CheckedReplica
    from upstreams.postgres.database import Database

    for name, section, primary in (("erp", settings.erp, erp), ("state", settings.state, state)):
        if section.replica_url is not None:
            setting, config = f"{name}.replica_url", replace(primary.config, url=section.replica_url)
            yield CheckedReplica(setting, primary, Database(config, label=setting), section.replica_lag_seconds)


async def _all(
    settings: Settings, systems: CheckedSystems, token: Secret | None, *, offline: bool, books: bool
) -> Findings:
    from api.identity.check import check_issuers
    from core.clock import Clock
    from upstreams.check.run import run_check

    for finding in _without_effect(settings):
        yield finding
    async for finding in run_check(systems, offline=offline, books=books):
        yield finding
    if not offline:
        async for finding in check_issuers(settings.auth.oidc, token, Clock()):
            yield finding


def _without_effect(settings: Settings) -> Iterator[Finding]:
    """Settings of pages that are off."""
    from upstreams.check.findings import note

    server = settings.server
    if server.graphiql_key is not None and not server.graphiql:
        remedy = "Set server.graphiql = true, or remove the key."
        yield note("server.graphiql_key", "has no effect, because GraphiQL is off", remedy)
    names = ["server.dashboard_key"] if server.dashboard_key is not None else []
    names += [
        f"auth.oidc.{name}.dashboard_client_id" for name, one in settings.auth.oidc.items() if one.dashboard_client_id
    ]
    for name in names if not server.dashboard else ():
        yield note(
            name, "has no effect, because the dashboard is off", "Set server.dashboard = true, or remove the setting."
        )


def _text_of(finding: Finding) -> str:
    mark = click.style(_MARKS[finding.verdict], fg=_COLOURS[finding.verdict])
    what = f": {finding.what}" if finding.what else ""
    remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
    return f"{mark} {finding.subject}{what}{remedy}"


def _hidden(finding: Finding, secrets: Iterable[str]) -> Finding:
    """Because the text of another library's error may have a value of the settings, it is redacted."""
    from upstreams.check.findings import Finding

    texts = [finding.subject, finding.what, finding.remedy]
    for secret in secrets:
        texts = [text.replace(secret, "***") for text in texts]
    subject, what, remedy = texts
    return Finding(subject, finding.verdict, what, remedy)
