"""Level-by-level GraphQL executor: resolves each field once for all objects of its level. It does not depend on the
brokerage.

    document --plan--> Plan --variant--> Selection --run--> rows, columns --build--> dicts --> one JSON encoding

`Engine` is the public entry point. `markers` declares how the engine may call a resolver. docs/engine.md has the
picture.
"""

from engine.batching import Batcher, freeze
from engine.engine import Engine
from engine.execution import Outcome
from engine.joint_field import JointField
from engine.markers import JointSources, by_class, by_column, joins_requests, mark_as_guard
from engine.plan import Plan, Variant

__all__ = [
    "Batcher",
    "Engine",
    "JointField",
    "JointSources",
    "Outcome",
    "Plan",
    "Variant",
    "by_class",
    "by_column",
    "freeze",
    "joins_requests",
    "mark_as_guard",
]
