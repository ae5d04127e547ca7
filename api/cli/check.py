import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path

import click

from api.cli.common import config_option, settings_from
from api.observability.log import configure
from api.services import erp_database, state_database
from api.settings.settings import Settings
from core.call import Call, Tally
from core.clock import Clock, Deadline
from core.errors import UpstreamError
from core.secret import Secret
from upstreams.check.erp import check_erp
from upstreams.check.findings import Finding, Findings, secrets_of
from upstreams.check.settings import check_settings, sound
from upstreams.check.state import check_state
from upstreams.check.vendors import check_vendors
from upstreams.open import UpstreamsConfig
from upstreams.postgres.database import Database
from upstreams.state.vendor_tokens import DatabaseTokenStore

_MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}
_SECONDS = 20.0
# Shorter ones would blacken ordinary words.
_SHORTEST_SECRET = 4


@click.command()
@config_option
@click.option("--offline", is_flag=True, help="Check only the settings; connect to no system.")
def command(config: Path | None, *, offline: bool) -> None:
    """Tell what is missing or wrong in the settings, the databases and the vendors. Ends with 1 if anything is."""
    settings = settings_from(config)
    # What goes wrong is said in the findings; the log would say it again.
    configure("console", level=logging.CRITICAL)
    if asyncio.run(_report(settings, offline=offline)):
        raise SystemExit(1)


async def _report(settings: Settings, *, offline: bool) -> int:
    """Print every finding as it comes; how many are wrong."""
    secrets = _secrets(settings)
    total = problems = 0
    async for finding in _findings(settings, offline=offline):
        click.echo(_hidden(_line(finding), secrets))
        total += 1
        problems += finding.verdict == "wrong"
    click.echo(f"\n{total} looked at, {problems} wrong" if problems else f"\n{total} looked at, nothing wrong")
    return problems


async def _findings(settings: Settings, *, offline: bool) -> AsyncIterator[Finding]:
    clock = Clock()
    vendors = settings.upstreams
    async for finding in check_settings(vendors, clock):
        yield finding
    if offline:
        return
    erp, state = erp_database(settings), state_database(settings)
    try:
        for part in _online(settings, vendors, clock, erp, state):
            async for finding in part:
                yield finding
    finally:
        await erp.close()
        await state.close()


def _online(
    settings: Settings, vendors: UpstreamsConfig, clock: Clock, erp: Database, state: Database
) -> Iterable[Findings]:
    def call() -> Call:
        return Call(Deadline.after(_SECONDS, clock), Tally(), "check")

    state_subject = "state.database_url" if settings.state.database_url else "erp.database_url (state)"
    yield check_erp(erp, settings.erp.accounting_currency, list(settings.servers), call())
    depositing = sorted(name for name, server in settings.servers.items() if server.deposits)
    yield check_state(state, state_subject, depositing, call())
    yield _vendors(vendors, clock, state, call())


async def _vendors(vendors: UpstreamsConfig, clock: Clock, state: Database, call: Call) -> Findings:
    openable = await sound(vendors, clock)
    try:
        async for finding in check_vendors(openable, clock, partial(DatabaseTokenStore, state, clock), call):
            yield finding
    except UpstreamError as error:
        yield Finding("vendors", "wrong", error.message, "Mend what stands above, then look again.")


def _line(finding: Finding) -> str:
    what = f": {finding.what}" if finding.what else ""
    remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
    return f"{_MARKS[finding.verdict]} {finding.subject}{what}{remedy}"


def _secrets(settings: Settings) -> list[str]:
    urls = [
        settings.erp.database_url,
        settings.state.database_url,
        settings.state.listen_url,
        settings.budget.redis_url,
    ]
    secrets: list[Secret | None] = [*urls, settings.server.graphiql_key, *secrets_of(settings.upstreams)]
    texts = {secret.reveal() for secret in secrets if secret is not None}
    return sorted((text for text in texts if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)


def _hidden(line: str, secrets: Iterable[str]) -> str:
    """A foreign error may quote what it was given."""
    for secret in secrets:
        line = line.replace(secret, "***")
    return line
