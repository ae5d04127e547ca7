"""Finds the trusted documents that a schema would break."""

from dataclasses import dataclass

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, build_schema, parse

from resolvers.request.document_limits import DocumentLimits
from resolvers.request.documents import Documents, Unacceptable
from resolvers.schema import core_schema


@dataclass(frozen=True, slots=True)
class Broken:
    """One mistake of a document: the message with its line and column, both from 1; 0 for a mistake without a place."""

    message: str
    line: int
    column: int


class SchemaUnreadable(Exception):
    """The text is not a schema. The message has the reason."""


class Checker:
    """Checks documents with the schema of this version, or with another schema's text."""

    def __init__(self, limits: DocumentLimits, schema_text: str | None = None) -> None:
        self._documents = Documents(_schema(schema_text), limits, introspection=True)

    def broken(self, text: str) -> list[Broken]:
        """All mistakes that prevent the document from running."""
        try:
            self._documents.read(text)
        except Unacceptable as error:
            return [_broken(one) for one in error.errors]
        return []


def _schema(text: str | None) -> GraphQLSchema:
    if text is None:
        return core_schema
    try:
        return build_schema(text)
    except (GraphQLError, TypeError) as error:
        raise SchemaUnreadable(str(error)) from None


def _broken(error: GraphQLError) -> Broken:
    places = error.locations or []
    return Broken(error.message, places[0].line if places else 0, places[0].column if places else 0)


def operation_names(text: str) -> str | None:
    """The names of a document's operations, for people; None if the document has no names or is not GraphQL."""
    try:
        definitions = parse(text, no_location=True).definitions
    except (GraphQLError, RecursionError):
        return None
    operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
    return ", ".join(node.name.value for node in operations if node.name) or None
