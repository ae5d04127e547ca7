"""The limits of a document, checked against its facts before any expensive step (docs/limits.md)."""

from dataclasses import dataclass

from graphql import OperationDefinitionNode

from resolvers.policy.errors import LimitExceeded
from resolvers.request.document_facts import DocumentFacts, Measure


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The maximum size of a document. Fragments are counted at every spread."""

    depth: int = 12
    fields: int = 1000
    aliases: int = 30
    directives: int = 50
    tokens: int = 2000
    root_fields: int = 20


def check_limits(facts: DocumentFacts, limits: DocumentLimits, *, introspection: bool) -> None:
    """Raise LimitExceeded for a document that exceeds a limit."""
    for node, measure in facts.measures:
        _check(measure, node, limits, introspection=introspection)


def _check(found: Measure, node: OperationDefinitionNode, limits: DocumentLimits, *, introspection: bool) -> None:
    if found.introspects and not introspection:
        text = "Introspection is switched off on this server; ask its operator for the schema file."
        raise LimitExceeded(text, node)
    counts = (
        ("levels of depth", found.depth, limits.depth),
        ("fields", found.fields, limits.fields),
        ("aliases", found.aliases, limits.aliases),
        ("directives", found.directives, limits.directives),
        ("root fields", len(node.selection_set.selections), limits.root_fields),
    )
    for name, count, limit in counts:
        if count > limit:
            raise LimitExceeded(f"The operation has {count} {name}; at most {limit} are allowed.", node)
