"""What an operation will ask of each upstream, told before it runs (docs/resolvers.md).

A page is taken to be full, so keys are an upper bound; so are calls to trading platforms, because nobody knows yet on
which servers the accounts will be. Statements are exact.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_composite_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from resolvers.context import GraphLimits
from resolvers.directives import STATE_STATEMENT, Upstream
from resolvers.documents import Document
from resolvers.enums import UpstreamSystem
from upstreams.call import STATE_DATABASE

# Live figures beyond the account's own record come from a second vendor function.
_SECOND_FUNCTION = ("equity", "margin", "freeMargin", "marginLevel")
_UNLIMITED = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Servers:
    """How many servers with live figures each system leads to, and how many logins one call carries at each."""

    batches: Mapping[UpstreamSystem, tuple[int, ...]]


@dataclass(slots=True)
class Forecast:
    """Calls and keys by upstream."""

    calls: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    keys: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def shown(self) -> dict[str, dict[str, int]]:
        return {name: {"calls": self.calls[name], "keys": self.keys[name]} for name in sorted(self.calls)}


@dataclass(slots=True)
class _Walk:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues
    limits: GraphLimits
    # (path of fields, the look-up behind the last one) -> how many keys it will be asked for, and by which directives.
    asked: dict[tuple[Any, ...], tuple[int, list[Upstream]]] = field(default_factory=dict)

    def selection(self, selections: SelectionSetNode | None, parent: Any, parents: int, path: tuple[Any, ...]) -> None:
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                self._field(node, parent, parents, path)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                on = self.schema.get_type(fragment.type_condition.name.value)
                self.selection(fragment.selection_set, on, parents, path)
            else:
                condition = node.type_condition  # type: ignore[attr-defined]  # an inline fragment
                on = self.schema.get_type(condition.name.value) if condition else parent
                self.selection(node.selection_set, on, parents, path)  # type: ignore[attr-defined]

    def _field(self, node: FieldNode, parent: Any, parents: int, path: tuple[Any, ...]) -> None:
        found: GraphQLField | None = None
        if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            found = parent.fields.get(node.name.value)
        if found is None:
            return
        try:
            arguments = get_argument_values(found, node, self.variables)
        except GraphQLError:
            # The execution will say so, with the place.
            return
        here = (*path, (node.name.value, repr(sorted(arguments.items(), key=lambda item: item[0]))))
        self._ask(found, node, parents, path, here)
        named = get_named_type(found.type)
        if is_composite_type(named):
            rows = parents * self._rows(named.name, node.name.value, arguments)
            self.selection(node.selection_set, named, rows, here)

    def _ask(
        self, found: GraphQLField, node: FieldNode, parents: int, path: tuple[Any, ...], here: tuple[Any, ...]
    ) -> None:
        definition = found.extensions.get("strawberry-definition")
        upstreams = [one for one in getattr(definition, "directives", ()) if isinstance(one, Upstream)]
        if not upstreams:
            return
        resolver = getattr(getattr(definition, "base_resolver", None), "wrapped_func", None)
        lookup = getattr(resolver, "lookup", None)
        slot = here if lookup is None or lookup is getattr(resolver, "list_resolver", None) else (*path, lookup)
        second = any(
            isinstance(child, FieldNode) and child.name.value in _SECOND_FUNCTION
            for child in (node.selection_set.selections if node.selection_set else ())
        )
        self.asked[slot] = (parents * (2 if second else 1), upstreams)

    def _rows(self, type_name: str, field_name: str, arguments: Mapping[str, Any]) -> int:
        if type_name.endswith("Connection"):
            size = arguments.get("first") or arguments.get("last")
            return size if isinstance(size, int) and size > 0 else self.limits.page_default
        return len(arguments["ids"]) if field_name == "nodes" and "ids" in arguments else 1


def forecast(  # noqa: PLR0913, PLR0917 - everything that a cost depends on.
    schema: GraphQLSchema,
    document: Document,
    operation: OperationDefinitionNode,
    variables: VariableValues,
    limits: GraphLimits,
    servers: Servers,
) -> Forecast:
    fragments = {
        node.name.value: node for node in document.tree.definitions if isinstance(node, FragmentDefinitionNode)
    }
    walk = _Walk(schema, fragments, variables, limits)
    walk.selection(operation.selection_set, schema.get_root_type(operation.operation), 1, ())
    total = Forecast()
    for keys, upstreams in walk.asked.values():
        for name, calls, asked in _calls(keys, upstreams, servers, limits.single_live_accounts_max):
            total.calls[name] += calls
            total.keys[name] += asked
    return total


def _calls(keys: int, upstreams: list[Upstream], servers: Servers, single: int) -> Iterator[tuple[str, int, int]]:
    for upstream in upstreams:
        name = STATE_DATABASE if upstream is STATE_STATEMENT else upstream.system.value
        batch = upstream.batch_max if isinstance(upstream.batch_max, int) else _UNLIMITED
        sizes = servers.batches.get(upstream.system)
        if sizes is None or batch == _UNLIMITED:
            yield name, -(-keys // batch), keys
        else:
            # A server that answers one login per call takes no more of them than an operation may ask.
            yield name, sum(min(keys, single) if size == 1 else -(-keys // size) for size in sizes), keys * bool(sizes)
