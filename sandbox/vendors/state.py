"""What every vendor's app works with."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from sandbox.vendors.clock import SandboxClock
from sandbox.vendors.switchboard import Switchboard

if TYPE_CHECKING:
    import asyncpg

# As text: asyncpg's own classes take no parameters when the program runs.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Executor: TypeAlias = "asyncpg.Pool[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


@dataclass(slots=True)
class VendorState:
    """All lasting state lives behind `pool`, so that a deposit survives a restart of the sandbox."""

    pool: Pool
    switchboard: Switchboard = field(default_factory=Switchboard)
    clock: SandboxClock = field(default_factory=SandboxClock)
