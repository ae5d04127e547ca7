"""Makes an executable document from a text: parses it, checks its limits, validates it once and caches it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from cachetools import LRUCache
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    Token,
    TokenKind,
    parse,
)
from graphql.execution.values import VariableValues

from engine import Plan
from engine.validation import find_problems
from resolvers.policy.authorization import Needs, enough_for, needs_of
from resolvers.policy.errors import BadUserInput
from resolvers.request.document_facts import DocumentFacts, collect_facts
from resolvers.request.document_limits import DocumentLimits, check_limits

# The maximum for all cached documents. A token costs some 300 bytes in the tree, and as much again in plans.
_MOST_TOKENS = 250_000
# A smaller document counts as this number of tokens, which bounds the number of documents.
_FEWEST_TOKENS = 250
_MOST_CHARACTERS = 20_000
# The number of operations of one document whose plans, costs and variables are cached.
_MOST_OPERATIONS = 8
# Python refuses to convert longer numbers, and no scalar of the schema has so many digits.
_MOST_DIGITS = 1000
_NUMBERS = (TokenKind.INT, TokenKind.FLOAT)


class Unacceptable(Exception):
    """The document cannot be executed. `errors` has the reasons."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


_of_operations: partial[LRUCache[str | None, Any]] = partial(LRUCache, _MOST_OPERATIONS)


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document of this schema. Its content does not depend on a caller."""

    tree: DocumentNode
    facts: DocumentFacts
    needs: Mapping[str, Needs]
    """The scopes that its restricted fields need."""
    tokens: int = 0
    plans: LRUCache[str | None, Plan | None] = field(default_factory=_of_operations, compare=False)
    """The engine's plan of each operation, made at its first run; None for an operation that the engine does not run.
    """
    costs: LRUCache[str | None, Any] = field(default_factory=_of_operations, compare=False)
    """The costs of each operation (resolvers/request/cost.py)."""
    variables: LRUCache[str | None, Any] = field(default_factory=_of_operations, compare=False)
    """The types of the variables of each operation (resolvers/request/variables.py)."""
    enough: frozenset[str] = field(init=False, compare=False)
    """Scopes that are enough for all selected fields."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "enough", enough_for(self.needs))

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to execute. Raises Unacceptable if the name does not select one operation."""
        operations = self.facts.operations
        if name is None and len(operations) == 1:
            return next(iter(operations.values()))
        found = operations.get(name)
        if found is not None:
            return found
        known = ", ".join(filter(None, operations)) or "none with a name"
        problem = "operationName must name the operation to run" if name is None else f"There is no operation {name!r}"
        raise Unacceptable([BadUserInput(f"{problem}; the document has {known}.")])


class RunnableOperation(msgspec.Struct, frozen=True):
    """One operation of a document. `variables` are the coerced values, `raw` the values that the caller sent."""

    document: Document
    operation: OperationDefinitionNode
    variables: VariableValues
    raw: Mapping[str, Any] = {}

    @property
    def name(self) -> str | None:
        return None if self.operation.name is None else self.operation.name.value

    @property
    def is_mutation(self) -> bool:
        return is_mutation(self.operation)

    @property
    def is_subscription(self) -> bool:
        return self.operation.operation is OperationType.SUBSCRIPTION


def is_mutation(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.MUTATION


class Documents:
    """Caches the most recently used documents. A new document evicts only as many others as its size requires."""

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits, *, introspection: bool) -> None:
        self._schema = schema
        self._needs = needs_of(schema)
        self._limits = limits
        self._introspection = introspection
        self._documents: LRUCache[str, Document] = LRUCache(_MOST_TOKENS, _size)

    @property
    def cached(self) -> int:
        """The number of documents in the cache."""
        return len(self._documents)

    def read(self, text: str) -> Document:
        """The document with this text, from the cache or new. Raises Unacceptable."""
        known = self._documents.get(text)
        if known is not None:
            return known
        document = self._prepare(text)
        if len(text) <= _MOST_CHARACTERS:
            self._documents[text] = document
        return document

    def _prepare(self, text: str) -> Document:
        try:
            tree = parse(text, max_tokens=self._limits.tokens)
            tokens = _checked_tokens(tree)
            facts = collect_facts(tree, self._schema)
            check_limits(facts, self._limits, introspection=self._introspection)
        except GraphQLSyntaxError as error:
            raise Unacceptable([_coded(error, "GRAPHQL_PARSE_FAILED")]) from None
        except GraphQLError as error:
            raise Unacceptable([error]) from None
        except RecursionError:
            raise Unacceptable([BadUserInput("The document is nested too deeply.")]) from None
        errors = find_problems(self._schema, tree, text)
        if errors:
            raise Unacceptable([_coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
        needs = {name: self._needs[name] for name in facts.fields if name in self._needs}
        return Document(tree, facts, needs, tokens)


def _size(document: Document) -> int:
    return max(document.tokens, _FEWEST_TOKENS)


def _checked_tokens(tree: DocumentNode) -> int:
    """The number of tokens. Raises GraphQLError for a token that later steps cannot process."""
    assert tree.loc is not None, "parsed with its places"
    token: Token | None = tree.loc.start_token
    count = 0
    while token is not None:
        if problem := _problem(token):
            extensions = {"code": "BAD_USER_INPUT"}
            raise GraphQLError(problem, source=tree.loc.source, positions=[token.start], extensions=extensions)
        # The reference to the previous token is not needed, and would make cycles that only the garbage collector
        # frees.
        token.prev = None
        token, count = token.next, count + 1
    return count


def _problem(token: Token) -> str | None:
    value = token.value or ""
    if "\x00" in value:
        # No upstream accepts a null character. A literal can have it as an escape sequence.
        return "A text must not hold a null character."
    if token.kind in _NUMBERS and len(value) > _MOST_DIGITS:
        return f"A number must have at most {_MOST_DIGITS} digits."
    return None


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    """The error with the code, unless it already has a code."""
    if not error.extensions:
        error.extensions = {"code": code}
    return error
