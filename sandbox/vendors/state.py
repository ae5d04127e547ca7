"""The state that every vendor's app uses."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from sandbox.vendors.clock import SandboxClock
from sandbox.vendors.switchboard import Switchboard

if TYPE_CHECKING:
    import asyncpg

# The types are texts, because asyncpg's classes accept no type parameters at run time.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Executor: TypeAlias = "asyncpg.Pool[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"


@dataclass(slots=True)
class VendorState:
    """All durable state is in the database of `pool`, so that deposits survive a restart of the sandbox."""

    pool: Pool
    switchboard: Switchboard = field(default_factory=Switchboard)
    clock: SandboxClock = field(default_factory=SandboxClock)
