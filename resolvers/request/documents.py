"""From a query's text to a document that may be executed: bounded, parsed, guarded and validated once, then kept."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

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

from engine import Plan
from engine.validation import find_problems
from resolvers.policy.authorization import Needs, enough_for, needs_of
from resolvers.policy.errors import BadUserInput
from resolvers.request.document_limits import DocumentLimits, guard
from resolvers.request.selected_fields import selected_fields

_MOST_KEPT = 1000
# A token costs some 300 bytes as part of a tree, and as much again in plans.
_MOST_KEPT_TOKENS = 250_000
_MOST_KEPT_CHARACTERS = 20_000
# Of one document: what is known of those of its operations that were asked for last.
_MOST_OPERATIONS = 8
# Python refuses to read longer ones, and no scalar of the schema has so many digits.
_MOST_DIGITS = 1000
_NUMBERS = (TokenKind.INT, TokenKind.FLOAT)


T = TypeVar("T")


class Unacceptable(Exception):
    """The document cannot be executed; `errors` say why."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Document:
    """A valid document of this schema. Nothing in it depends on the caller."""

    tree: DocumentNode
    fields: frozenset[str]
    needs: Mapping[str, Needs]
    """The scopes that its restricted fields need."""
    tokens: int = 0
    plans: dict[str | None, Plan | None] = field(default_factory=dict, compare=False)
    """The engine's plan of each operation, made when it is first asked for; None for what the engine does not run."""
    costs: dict[str | None, Any] = field(default_factory=dict, compare=False)
    """What resolvers/request/cost.py has reckoned of each operation."""
    variables: dict[str | None, Any] = field(default_factory=dict, compare=False)
    """What resolvers/request/variables.py knows of those of each operation."""
    operations: dict[str | None, OperationDefinitionNode] = field(default_factory=dict, compare=False)
    enough: frozenset[str] = field(init=False, compare=False)
    """Scopes that are enough for all that it selects."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "enough", enough_for(self.needs))

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to execute. Raises Unacceptable where the name does not tell which."""
        known = self.operations.get(name)
        return known or remember(self.operations, name, self._found(name))

    def _found(self, name: str | None) -> OperationDefinitionNode:
        operations = [node for node in self.tree.definitions if isinstance(node, OperationDefinitionNode)]
        named = [node for node in operations if name is None or (node.name and node.name.value == name)]
        if len(named) == 1:
            return named[0]
        known = ", ".join(node.name.value for node in operations if node.name) or "none with a name"
        problem = "operationName must say which operation to run" if name is None else f"There is no operation {name!r}"
        raise Unacceptable([BadUserInput(f"{problem}; the document has {known}.")])


def remember(kept: dict[str | None, T], operation: str | None, known: T) -> T:
    """Keep it with the document; a document with many operations keeps no more than its last few."""
    if len(kept) >= _MOST_OPERATIONS:
        del kept[next(iter(kept))]
    kept[operation] = known
    return known


def is_mutation(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.MUTATION


class Documents:
    """Keeps the documents used last; a flood of different ones pushes out only as many as there is room for."""

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits, *, introspection: bool) -> None:
        self._schema = schema
        self._needs = needs_of(schema)
        self._limits = limits
        self._introspection = introspection
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._tokens = 0

    def read(self, text: str) -> Document:
        """Raises Unacceptable."""
        known = self._kept.get(text)
        if known is not None:
            self._kept.move_to_end(text)
            return known
        document = self._prepare(text)
        if len(text) <= _MOST_KEPT_CHARACTERS:
            self._keep(text, document)
        return document

    def _keep(self, text: str, document: Document) -> None:
        self._kept[text] = document
        self._tokens += document.tokens
        while len(self._kept) > _MOST_KEPT or self._tokens > _MOST_KEPT_TOKENS:
            self._tokens -= self._kept.popitem(last=False)[1].tokens

    def _prepare(self, text: str) -> Document:
        try:
            tree = parse(text, max_tokens=self._limits.tokens)
            tokens = _checked_tokens(tree)
            guard(tree, self._limits, introspection=self._introspection)
        except GraphQLSyntaxError as error:
            raise Unacceptable([_coded(error, "GRAPHQL_PARSE_FAILED")]) from None
        except GraphQLError as error:
            raise Unacceptable([error]) from None
        except RecursionError:
            raise Unacceptable([BadUserInput("The document is nested too deeply to be read.")]) from None
        errors = find_problems(self._schema, tree, text)
        if errors:
            raise Unacceptable([_coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
        fields = selected_fields(tree, self._schema)
        return Document(tree, fields, {name: self._needs[name] for name in fields if name in self._needs}, tokens)


def _checked_tokens(tree: DocumentNode) -> int:
    """How many there are. Raises GraphQLError for one that cannot be read by what comes after."""
    assert tree.loc is not None, "parsed with its places"
    token: Token | None = tree.loc.start_token
    count = 0
    while token is not None:
        if problem := _problem(token):
            extensions = {"code": "BAD_USER_INPUT"}
            raise GraphQLError(problem, source=tree.loc.source, positions=[token.start], extensions=extensions)
        # The reference back is not needed, and a cycle would outlive its document until the next search for cycles.
        token.prev = None
        token, count = token.next, count + 1
    return count


def _problem(token: Token) -> str | None:
    value = token.value or ""
    if "\x00" in value:
        # No system behind the graph takes one, and a literal may hide it behind an escape.
        return "A text must not hold a null character."
    if token.kind in _NUMBERS and len(value) > _MOST_DIGITS:
        return f"A number must have at most {_MOST_DIGITS} digits."
    return None


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    """The error with a code, unless it brought its own."""
    if not error.extensions:
        error.extensions = {"code": code}
    return error
