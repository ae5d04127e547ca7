"""The public API keys of the demo. Only `brokergraph demo` makes them, in its own database."""

from dataclasses import dataclass

from api.services import open_state
from api.settings.settings import Settings
from core.secret import Secret
from resolvers.policy.scopes import Scope
from upstreams.state.api_keys import KeyRecord


@dataclass(frozen=True, slots=True)
class DemoKey:
    key: str
    scopes: tuple[Scope, ...]
    agencies: tuple[int, ...] | None
    what: str
    account: str | None = None
    """A trading account (SERVER/LOGIN) that the key may pay into. The sandbox always has it."""


DEMO_KEYS = (
    DemoKey("demo-operator", tuple(Scope), None, "every scope, every agency", "R1/61436"),
    DemoKey(
        "demo-partner",
        (Scope.CLIENT_READ, Scope.BALANCE_READ, Scope.TRADE_READ, Scope.INSTRUCTION_READ, Scope.DEPOSIT_CREATE),
        (1,),
        "agency 1 only: read and deposit",
        "A1/71001",
    ),
    DemoKey(
        "demo-approver",
        (Scope.CLIENT_READ, Scope.INSTRUCTION_READ, Scope.WITHDRAWAL_APPROVE),
        None,
        "approve or decline withdrawals of others",
    ),
    DemoKey("demo-reader", (Scope.CLIENT_READ,), None, "read only, no balances"),
)


async def add_demo_keys(settings: Settings) -> None:
    """Make the demo's keys, unless they exist."""
    async with open_state(settings) as stores:
        for one in DEMO_KEYS:
            record = KeyRecord(one.key, one.key, tuple(str(scope) for scope in one.scopes), one.agencies)
            await stores.keys.add(record, Secret(one.key))
