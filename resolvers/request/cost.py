"""The cost of an operation, computed before it runs from its document and variables and from the schema's `@cost` and
`@listSize`.

    cost of a field = weight + size x (1 for an object + cost of its selection)

This cost is counted for each parent of the field. docs/limits.md has an example, which a test computes.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache
from graphql import GraphQLSchema

from resolvers.policy.cost_table import PRICES
from resolvers.policy.errors import LimitExceeded
from resolvers.request.documents import RunnableOperation
from resolvers.request.selection import Selected, Selection, Selector

_OBJECT: Final = 1
# An answer to introspection is long even for a small selection.
_INTROSPECTION: Final = 50
_MOST_VARIANTS: Final = 20


@dataclass(frozen=True, slots=True)
class OperationCost:
    """The cost of an operation, or of a selection for one parent. `most_expensive` is the path of response keys to the
    field with the largest cost of its own. `share` is the cost of this field.
    """

    total: int
    share: int = 0
    most_expensive: tuple[str, ...] = ()


class CostExceeded(LimitExceeded):
    """The cost of the operation is above the limit for one operation."""

    def __init__(self, cost: OperationCost, limit: int) -> None:
        place = ".".join(cost.most_expensive)
        super().__init__(
            f"The operation costs {cost.total}; at most {limit} is allowed. The most expensive field is {place}, with "
            f"{cost.share} of it. Ask for smaller pages or fewer fields."
        )
        assert self.extensions is not None
        self.extensions |= {"cost": cost.total, "limit": limit, "mostExpensiveField": place}


def cost_of(selection: Selection) -> OperationCost:
    """The cost of the selection for one parent."""
    return _Sum().selection(selection)


class _Sum:
    """Computes the cost of each selection once, however often the selection appears."""

    def __init__(self) -> None:
        self._costs: dict[int, OperationCost] = {}

    def selection(self, selection: Selection) -> OperationCost:
        found = self._costs.get(id(selection))
        if found is None:
            costs = [self._field(field) for field in selection.fields]
            top = max(costs, key=lambda cost: cost.share, default=OperationCost(0))
            found = self._costs[id(selection)] = OperationCost(
                sum(cost.total for cost in costs), top.share, top.most_expensive
            )
        return found

    def _field(self, field: Selected) -> OperationCost:
        if field.definition is None:
            weight = 0 if field.name == "__typename" else _INTROSPECTION
            return OperationCost(weight, weight, (field.key,))
        weight = int(PRICES[field.coordinate].weight) if field.coordinate in PRICES else 0
        # The value of an abstract type has only one type, so that only the most expensive type counts.
        inner = max((self.selection(one) for one in field.inner), key=lambda cost: cost.total, default=OperationCost(0))
        own = weight + field.size * _OBJECT * bool(field.inner)
        total = own + field.size * inner.total
        if field.size * inner.share > own:
            return OperationCost(total, field.size * inner.share, (field.key, *inner.most_expensive))
        return OperationCost(total, own, (field.key,))


class Costs:
    """Computes costs of operations. The document caches them by those values of the variables that change the cost."""

    def __init__(self, schema: GraphQLSchema, page_default: int) -> None:
        self._schema = schema
        self._page_default = page_default

    def of(self, runnable: RunnableOperation) -> OperationCost:
        document, coerced = runnable.document, runnable.variables.coerced
        costs = document.costs.get(runnable.name)
        if costs is None:
            costs = document.costs[runnable.name] = LRUCache(_MOST_VARIANTS)
        key = tuple(_counted(coerced.get(one)) for one in document.facts.counted_variables)
        cost: OperationCost | None = costs.get(key)
        if cost is None:
            selector = Selector(self._schema, runnable, self._page_default)
            cost = cost_of(selector.operation())
            # Another request with equal sizes and conditions may include the field that is left out here.
            if not selector.has_left_out:
                costs[key] = cost
        return cost


def _counted(value: Any) -> Hashable:
    """The part of a variable's value that changes a cost: a number, a boolean, or the length of a list."""
    if isinstance(value, list):
        return "list", len(value)
    return value if isinstance(value, int) else None
