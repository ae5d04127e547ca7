"""One linear look at a document before anything costly touches it.

Each fragment is measured once and its measure added wherever it is spread, so that a kilobyte of doubled fragments
costs no more than a kilobyte of anything (docs/limits.md).
"""

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    SelectionSetNode,
)

from resolvers.policy.errors import LimitExceeded


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """How large a document may be. Counts are of what would be executed, fragments at every spread."""

    depth: int = 12
    fields: int = 1000
    aliases: int = 30
    directives: int = 50
    tokens: int = 2000
    root_fields: int = 20


@dataclass(slots=True)
class Measure:
    """Of a selection: how deep it goes and how much it holds."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    introspects: bool = False

    def add(self, other: "Measure", deeper: int = 0) -> None:
        self.depth = max(self.depth, other.depth + deeper)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.introspects = self.introspects or other.introspects


class _Measurer:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._measured: dict[str, Measure] = {}

    def selection(self, selections: SelectionSetNode | None) -> Measure:
        found = Measure()
        if selections is not None and not selections.selections:
            raise _empty(selections)
        for node in selections.selections if selections else ():
            found.directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                found.add(self._field(node), deeper=1)
            elif isinstance(node, FragmentSpreadNode):
                found.add(self._fragment(node.name.value))
            else:
                found.add(self.selection(node.selection_set))  # type: ignore[attr-defined]  # an inline fragment
        return found

    def _field(self, node: FieldNode) -> Measure:
        found = Measure(fields=1, aliases=node.alias is not None)
        found.add(self.selection(node.selection_set))
        if node.name.value in ("__schema", "__type"):
            # Introspection nests deeply by its nature; validation bounds that, but not how often it is asked.
            found.depth, found.introspects = 0, True
        return found

    def _fragment(self, name: str) -> Measure:
        if name not in self._measured:
            # A fragment that spreads itself is refused by validation; here it only must not run for ever.
            self._measured[name] = Measure()
            fragment = self._fragments.get(name)
            self._measured[name] = self.selection(fragment.selection_set) if fragment else Measure()
        return self._measured[name]


def _empty(selections: SelectionSetNode) -> GraphQLError:
    """The grammar wants a field; graphql-core 3.3 does not."""
    assert selections.loc is not None, "parsed with its places"
    return GraphQLSyntaxError(selections.loc.source, selections.loc.end - 1, "Expected a field, found '}'.")


def guard(document: DocumentNode, limits: DocumentLimits, *, introspection: bool) -> None:
    """Raise LimitExceeded for a document that asks for more than the limits allow."""
    measurer = _Measurer(document)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            _check(measurer.selection(node.selection_set), node, limits, introspection=introspection)


def _check(found: Measure, node: OperationDefinitionNode, limits: DocumentLimits, *, introspection: bool) -> None:
    if found.introspects and not introspection:
        text = "Introspection is switched off on this server; ask its operator for the schema file."
        raise LimitExceeded(text, node)
    counts = (
        ("levels of depth", found.depth, limits.depth),
        ("fields", found.fields, limits.fields),
        ("aliases", found.aliases, limits.aliases),
        ("directives", found.directives + len(node.directives or ()), limits.directives),
        ("root fields", len(node.selection_set.selections), limits.root_fields),
    )
    for name, count, limit in counts:
        if count > limit:
            raise LimitExceeded(f"The operation has {count} {name}; at most {limit} are allowed.", node)
