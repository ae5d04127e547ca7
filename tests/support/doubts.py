"""What tests of lost answers share: a clock that never waits, adapters, orders and the trading server's own books."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count

from core.clock import Clock
from core.commands import DepositCommand, MoneyCommand
from support.adapters import MoneyAdapter
from support.vendor_calls import settings
from upstreams.open import Upstreams, open_upstreams
from upstreams.vendors.kit.token_store import memory_tokens

AMOUNT = Decimal("100.25")
_numbers = count(1)


class LeapingClock(Clock):
    """`sleep` moves the hands instead of waiting, and does what a test wants to happen meanwhile."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.slept: list[float] = []
        self.meanwhile: Callable[[], None] | None = None

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += seconds
        if self.meanwhile is not None:
            self.meanwhile()
        await asyncio.sleep(0)


@asynccontextmanager
async def opened(box, clock: Clock, change: Callable = lambda config: config) -> AsyncIterator[Upstreams]:
    async with open_upstreams(change(settings(box)), clock, memory_tokens) as house:
        yield house


async def an_order(database, server: str, command: type[MoneyCommand] = DepositCommand) -> MoneyCommand:
    """A new order for some account that may be paid into, and has enough for a withdrawal."""
    query = """
        SELECT login, currency FROM platform.account
        WHERE server = $1 AND enabled AND NOT read_only AND balance + least(0, floating - margin) > 10000
        ORDER BY login LIMIT 1
    """
    account = await database.fetchrow(query, server)
    reference = f"BGDOUBT{next(_numbers):06}"
    login, currency = str(account["login"]), account["currency"]
    return command(server, login, AMOUNT, currency, reference, f"key-{reference}")


async def books(database, server: str, order: MoneyCommand) -> list[tuple[str, Decimal]]:
    """What the trading server itself holds for the order: (ticket, amount)."""
    query = "SELECT ticket, amount FROM platform.deal WHERE server = $1 AND comment = $2 ORDER BY ticket"
    rows = await database.fetch(query, server, order.reference)
    return [(str(row["ticket"]), row["amount"]) for row in rows]


def sends(box, adapter: MoneyAdapter) -> list[dict]:
    """The calls for commands that reached the vendor."""
    return [call for call in box.calls(adapter.vendor)["calls"] if adapter.path in call["path"]]
