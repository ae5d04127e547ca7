"""Runs GraphQL operations level by level: each field once for all objects of its level. Knows no broker.

    document --plan--> Plan --variant--> Selection --run--> rows, columns --build--> dicts --> one JSON encoding

`Engine` is the whole of it for those who use it; `markers` is what resolvers can tell it about themselves.
docs/engine.md has the picture.
"""

from engine.batching import Batcher, freeze
from engine.engine import Engine
from engine.execution import Outcome
from engine.markers import by_class, by_column, mark_as_guard
from engine.plan import Plan

__all__ = ["Batcher", "Engine", "Outcome", "Plan", "by_class", "by_column", "freeze", "mark_as_guard"]
