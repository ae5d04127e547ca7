"""The one rule of a caller's budget, a token bucket; every store carries it out in its own language.

Levels are whole numbers: cost times 60,000, so that what one millisecond brings back is exactly `per_minute` and no
store rounds otherwise than another. A bucket from which nobody drew for a minute is full, so it may be forgotten.
"""

from typing import Final, Protocol

import msgspec

# A level is the cost times this, which is also how many milliseconds it takes to fill an empty bucket.
SCALE: Final = 60_000
# Levels stay below 2 ** 53, which is as far as Redis' Lua counts exactly.
MOST_PER_MINUTE: Final = 1_000_000_000


class StoreAway(Exception):
    """The store cannot be asked, or did not answer in time. Whether it took something is not known."""


class Draw(msgspec.Struct, frozen=True):
    """Somebody wants `cost` of a bucket that holds `per_minute`, and must leave `floor` in it for others."""

    per_minute: int
    cost: int
    floor: int


class Level(msgspec.Struct, frozen=True):
    """How full a bucket is, at a millisecond of its store's own clock; `granted` says what became of the last draw."""

    level: int
    at: int
    granted: bool = True

    def whole(self) -> int:
        return self.level // SCALE

    def seconds_until(self, cost: int, per_minute: int) -> float:
        """How long until so much is in it, if nobody draws."""
        return max(0, cost * SCALE - self.level) / per_minute / 1000

    def drawn(self, draw: Draw, now: int) -> "Level":
        """The bucket after a draw. A clock that went back counts as one that stood still."""
        now = max(now, self.at)
        level = min(draw.per_minute * SCALE, self.level + (now - self.at) * draw.per_minute)
        granted = level - draw.cost * SCALE >= draw.floor * SCALE
        return Level(level - draw.cost * SCALE if granted else level, now, granted)


def full(draw: Draw, now: int) -> Level:
    return Level(draw.per_minute * SCALE, now)


class BudgetStore(Protocol):
    async def take(self, principal: str, draw: Draw) -> Level:
        """Take the cost from the caller's bucket, or nothing where it does not suffice. Raises StoreAway."""
        ...

    async def aclose(self) -> None: ...
