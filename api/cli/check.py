import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import click

from api.cli.common import config_option, settings_from, silent_log
from api.identity.check import check_issuers
from api.observability.redaction import known_secrets
from api.services import erp_database, state_database
from api.settings.settings import Settings
from core.clock import Clock
from core.secret import Secret
from upstreams.check.findings import Finding, Findings, note
from upstreams.check.run import CheckedSystems, run_check

_MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}
# The redaction of shorter credentials would also hide ordinary words.
_SHORTEST_SECRET = 4
_MOST_TOKEN_BYTES = 65_536


@click.command()
@config_option
@click.option("--offline", is_flag=True, help="Check only the settings; connect to no system.")
@click.option("--books", is_flag=True, help="Also check the trading servers' books, by one billed call per batch.")
@click.option(
    "--token",
    "token_file",
    type=click.File("rb"),
    default=None,
    help="Say what the example token (JWT) in this file would get; - reads it from the standard input.",
)
def command(config: Path | None, token_file: BinaryIO | None, *, offline: bool, books: bool) -> None:
    """Report missing and wrong items of the settings, the databases, the vendors and the issuers.

    The exit status is 1 if there is a problem.
    """
    settings = settings_from(config)
    token = None if token_file is None else _read_token(token_file)
    if token is not None and offline:
        raise click.UsageError("A token is checked with its issuer's keys, so --token cannot be --offline.")
    if books and offline:
        raise click.UsageError("The books are the vendors', so --books cannot be --offline.")
    with silent_log():
        problems = asyncio.run(_report(settings, token, offline=offline, books=books))
    if problems:
        raise SystemExit(1)


def _read_token(file: BinaryIO) -> Secret:
    """The token, also where `Bearer` stands before it. It is never shown, so that no message quotes it."""
    words = file.read(_MOST_TOKEN_BYTES).split()
    if not words or not words[-1].isascii():
        raise click.ClickException("The file of --token holds no token.")
    return Secret(words[-1].decode())


async def _report(settings: Settings, token: Secret | None, *, offline: bool, books: bool) -> int:
    """Print every finding immediately. Returns the number of problems."""
    secrets = sorted((text for text in known_secrets(settings) if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)
    systems = CheckedSystems(
        vendors=settings.upstreams,
        erp=erp_database(settings),
        state=state_database(settings),
        state_setting="state.database_url" if settings.state.database_url else "erp.database_url (state)",
        budget=settings.budget,
        accounting_currency=settings.erp.accounting_currency,
    )
    total = problems = 0
    try:
        async for finding in _all(settings, systems, token, offline=offline, books=books):
            click.echo(_hidden(_text_of(finding), secrets))
            total += 1
            problems += finding.verdict == "wrong"
    finally:
        await systems.aclose()
    click.echo(f"\n{total} looked at, {problems} wrong" if problems else f"\n{total} looked at, nothing wrong")
    return problems


async def _all(
    settings: Settings, systems: CheckedSystems, token: Secret | None, *, offline: bool, books: bool
) -> Findings:
    if settings.server.graphiql_key is not None and not settings.server.graphiql:
        remedy = "Set server.graphiql = true, or remove the key."
        yield note("server.graphiql_key", "has no effect, because GraphiQL is off", remedy)
    async for finding in run_check(systems, offline=offline, books=books):
        yield finding
    if not offline:
        async for finding in check_issuers(settings.auth.oidc, token, Clock()):
            yield finding


def _text_of(finding: Finding) -> str:
    what = f": {finding.what}" if finding.what else ""
    remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
    return f"{_MARKS[finding.verdict]} {finding.subject}{what}{remedy}"


def _hidden(line: str, secrets: Iterable[str]) -> str:
    """Because the text of another library's error may have a value of the settings, it is redacted."""
    for secret in secrets:
        line = line.replace(secret, "***")
    return line
