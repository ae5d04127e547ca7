"""Runs all checks: first the settings of the vendors, then the databases, then the vendors."""

from collections.abc import Sequence
from functools import partial

import msgspec

from core.call import Call, background_call
from core.clock import Clock
from core.errors import UpstreamError
from upstreams.check.books import check_all_books
from upstreams.check.budget_store import check_budget_store
from upstreams.check.durability import check_durability
from upstreams.check.erp import check_erp
from upstreams.check.findings import Finding, Findings
from upstreams.check.pooler import check_pooler
from upstreams.check.replica import CheckedReplica, check_replica
from upstreams.check.settings import check_settings, openable_part
from upstreams.check.state import check_state
from upstreams.check.vendors import check_vendors
from upstreams.check.version import check_version
from upstreams.open import UpstreamsConfig, open_upstreams
from upstreams.postgres.database import Database
from upstreams.state.budgets.budgets import BudgetConfig
from upstreams.state.vendor_tokens import DatabaseTokenStore
from upstreams.vendors.kit.token_store import memory_tokens

_SECONDS = 20.0


class CheckedSystems(msgspec.Struct, frozen=True, kw_only=True):
    """The settings to check. `state_setting` is the setting that names the state database."""

    vendors: UpstreamsConfig
    erp: Database
    state: Database
    state_setting: str
    budget: BudgetConfig
    accounting_currency: str
    replicas: Sequence[CheckedReplica] = ()

    async def aclose(self) -> None:
        for database in (self.erp, self.state, *(one.database for one in self.replicas)):
            await database.close()


async def run_check(systems: CheckedSystems, *, offline: bool, books: bool = False) -> Findings:
    """Yield each finding immediately. `offline` checks only the settings and connects to no system. `books` also checks
    the trading servers' books.
    """
    clock = Clock()
    parts = [check_settings(systems.vendors, clock)]
    if not offline:
        servers = systems.vendors.servers
        money = [
            (name, kind)
            for name, server in sorted(servers.items())
            for kind in ("deposit", "withdrawal")
            if getattr(server, f"{kind}s")
        ]
        openable = await openable_part(systems.vendors, clock)
        without_history = await _without_history(openable, clock)
        parts += [
            check_erp(systems.erp, systems.accounting_currency, list(servers), _call()),
            check_version(systems.erp, "erp.database_url"),
            check_pooler(systems.erp, "erp.prepared_statements"),
            check_state(systems.state, systems.state_setting, money, without_history, _call()),
            check_version(systems.state, systems.state_setting),
            check_durability(systems.state, systems.state_setting, _call()),
            check_pooler(systems.state, "state.prepared_statements"),
            *(check_replica(one) for one in systems.replicas),
            check_budget_store(systems.budget, systems.state, clock),
            _check_vendors(openable, systems.state, clock),
        ]
        if books:
            tokens = partial(DatabaseTokenStore, systems.state, clock)
            parts.append(check_all_books(openable, systems.erp, clock, tokens, _call))
    for part in parts:
        async for finding in part:
            yield finding


async def _without_history(openable: UpstreamsConfig, clock: Clock) -> set[str]:
    """The servers that move money and have no history which could be searched."""
    async with open_upstreams(openable, clock, memory_tokens) as upstreams:
        servers = upstreams.servers.items()
        return {name for name, one in servers if (one.deposits or one.withdrawals) and one.money_history is None}


async def _check_vendors(openable: UpstreamsConfig, state: Database, clock: Clock) -> Findings:
    tokens = partial(DatabaseTokenStore, state, clock)
    try:
        async for finding in check_vendors(openable, clock, tokens, _call()):
            yield finding
    except UpstreamError as error:
        yield Finding("vendors", "wrong", error.message, "Correct the problems above, then run the check again.")


def _call() -> Call:
    return background_call(_SECONDS, "check")
