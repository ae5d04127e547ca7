"""What an operation costs, known before it runs: from its document and variables, the schema's `@cost` and `@listSize`.

    cost of a field = weight + size x (1 for an object + cost of what is selected of it)

counted for each of its parents. docs/limits.md has an example, and a test that computes it.
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
# Answers of introspection are long, whatever little of it is asked.
_INTROSPECTION: Final = 50
_MOST_VARIANTS: Final = 20


@dataclass(frozen=True, slots=True)
class OperationCost:
    """Of an operation, or of a selection for one parent. `most_expensive` is the path, by response keys, to the field
    with the largest share of its own, which is `share`.
    """

    total: int
    share: int = 0
    most_expensive: tuple[str, ...] = ()


class CostExceeded(LimitExceeded):
    """The operation would cost more than one operation may."""

    def __init__(self, cost: OperationCost, limit: int) -> None:
        place = ".".join(cost.most_expensive)
        super().__init__(
            f"The operation costs {cost.total}; at most {limit} is allowed. The most expensive field is {place}, with "
            f"{cost.share} of it. Ask for smaller pages or fewer fields."
        )
        assert self.extensions is not None
        self.extensions |= {"cost": cost.total, "limit": limit, "mostExpensiveField": place}


def cost_of(selection: Selection) -> OperationCost:
    """What the selection costs for one parent."""
    return _Sum().selection(selection)


class _Sum:
    """Computes the cost of each selection once, however often it is reached."""

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
        # One value has one of the types that it may have: the most expensive one counts.
        inner = max((self.selection(one) for one in field.inner), key=lambda cost: cost.total, default=OperationCost(0))
        own = weight + field.size * _OBJECT * bool(field.inner)
        total = own + field.size * inner.total
        if field.size * inner.share > own:
            return OperationCost(total, field.size * inner.share, (field.key, *inner.most_expensive))
        return OperationCost(total, own, (field.key,))


class Costs:
    """Computes costs of operations. Their document caches them by what of the variables they depend on."""

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
            # A left-out field may be there for another request with equal sizes and conditions.
            if not selector.has_left_out:
                costs[key] = cost
        return cost


def _counted(value: Any) -> Hashable:
    """What of a variable a cost depends on: a number or a truth itself, a list by its length."""
    if isinstance(value, list):
        return "list", len(value)
    return value if isinstance(value, int) else None
