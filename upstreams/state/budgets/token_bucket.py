"""The token bucket of a caller's budget. Every store implements the same rule in its own language.

A level is the cost times 60,000, so that one millisecond adds exactly `per_minute`, and all stores compute with whole
numbers. A bucket is full again after a minute without a draw, so that the store may remove it.
"""

from typing import Final, Protocol

import msgspec

# A level is the cost times this number, which is also the milliseconds in which an empty bucket becomes full.
SCALE: Final = 60_000
# Levels stay below 2 ** 53, because Lua in Redis counts exactly up to there.
MOST_PER_MINUTE: Final = 1_000_000_000


class StoreAway(Exception):
    """The store did not answer in time. The draw may have been made."""


class Draw(msgspec.Struct, frozen=True):
    """A draw of `cost` from a bucket with the capacity `per_minute`. At least `floor` must stay in the bucket."""

    per_minute: int
    cost: int
    floor: int


class Level(msgspec.Struct, frozen=True):
    """The level of a bucket at a millisecond of its store's clock; `granted` is the result of the last draw."""

    level: int
    at: int
    granted: bool = True

    def whole(self) -> int:
        return self.level // SCALE

    def seconds_until(self, cost: int, per_minute: int) -> float:
        """The seconds until the bucket has this level, without further draws."""
        return max(0, cost * SCALE - self.level) / per_minute / 1000

    def drawn(self, draw: Draw, now: int) -> "Level":
        """The bucket after a draw. If the clock went back, the old time is used."""
        now = max(now, self.at)
        level = min(draw.per_minute * SCALE, self.level + (now - self.at) * draw.per_minute)
        granted = level - draw.cost * SCALE >= draw.floor * SCALE
        return Level(level - draw.cost * SCALE if granted else level, now, granted)


def full(draw: Draw, now: int) -> Level:
    return Level(draw.per_minute * SCALE, now)


class BudgetStore(Protocol):
    async def take(self, principal: str, draw: Draw) -> Level:
        """Draw the cost from the caller's bucket; draw nothing if its level is too low. Raises StoreAway."""
        ...

    async def aclose(self) -> None: ...
