"""Runs GraphQL operations level by level: each field once for all objects of its level. Knows no broker.

    document --plan--> Plan --variant--> Selection --run--> rows, columns --build--> dicts --> one JSON encoding

`Engine` is the whole of it for those who use it; `markers` is what resolvers can tell it about themselves.
docs/engine.md has the picture.
"""

from engine.engine import Engine
from engine.markers import by_class, by_column, goes_behind
from engine.plan import Plan
from engine.run import Outcome
from engine.slots import Slots, frozen

__all__ = ["Engine", "Outcome", "Plan", "Slots", "by_class", "by_column", "frozen", "goes_behind"]
