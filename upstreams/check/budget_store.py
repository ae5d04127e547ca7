"""Does the store of the callers' budgets answer?"""

from core.clock import Clock
from core.errors import ConfigError
from upstreams.check.findings import Findings, ok, wrong
from upstreams.postgres.database import Database
from upstreams.state.budgets.budgets import BudgetConfig
from upstreams.state.budgets.opening import open_store
from upstreams.state.budgets.token_bucket import Draw, StoreAway

# A draw of nothing, by a principal that no key has.
_NOTHING = Draw(per_minute=1, cost=0, floor=0)


async def check_budget_store(config: BudgetConfig, state: Database, clock: Clock) -> Findings:
    """Only a store outside of the state database is asked."""
    if config.store != "redis":
        return
    try:
        store = open_store(config, state, clock)
        try:
            await store.take("brokergraph check", _NOTHING)
        finally:
            await store.aclose()
    except ConfigError as error:
        yield wrong(error.path, error.problem, "brokergraph.example.toml explains it.")
    except StoreAway as error:
        what = f"the store does not answer ({error}); until it does, each process has budgets of its own"
        yield wrong("budget.redis_url", what, "Correct the address or the password, or start Redis.")
    else:
        yield ok("budget.redis_url", "answers")
