"""The fields that PostgreSQL can render, found by their declarations, and the statement of each."""

from collections.abc import Iterator
from types import SimpleNamespace

from graphql import GraphQLField, GraphQLObjectType, get_named_type, parse

from engine import Engine
from resolvers.fields.rendering import BY_RESOLVER, RENDERING, UNRENDERED
from resolvers.schema import core_schema, schema

# Rendered as a whole: each field of a server is read from the settings by its own attribute.
WHOLE = {"TradingAccount.server": "name"}
ROOTS = {"client": "client(by: {clientNumber: 1})", "clients": "clients"}


def declaration(field: GraphQLField):
    return field.extensions["strawberry-definition"].metadata


def reached() -> Iterator[tuple[str, GraphQLField, str]]:
    """The coordinate of each field that a rendering may come to, with the shortest operation that selects it: `{}` is
    for its own selection.
    """
    found = [(core_schema.query_type.fields[name].type, "{ " + root + " { {} } }") for name, root in ROOTS.items()]
    known = set()
    for type_, operation in found:
        kind = get_named_type(type_)
        if kind.name in known:
            continue
        known.add(kind.name)
        for name, field in kind.fields.items():
            coordinate = f"{kind.name}.{name}"
            yield coordinate, field, operation.replace("{}", name + selection(coordinate, field))
            ends = declaration(field).get(RENDERING) in (BY_RESOLVER[RENDERING], UNRENDERED[RENDERING])
            if isinstance(get_named_type(field.type), GraphQLObjectType) and not ends and coordinate not in WHOLE:
                found.append((field.type, operation.replace("{}", name + " { {} }")))


def selection(coordinate: str, field: GraphQLField) -> str:
    """The least that may be selected of the field's own type."""
    if not isinstance(get_named_type(field.type), GraphQLObjectType):
        return ""
    return f" {{ {WHOLE.get(coordinate, '__typename')} }}"


def statement_of(operation: str):
    """The statement that renders the operation's only field; None where it is resolved."""
    document = parse(operation)
    plan = Engine(core_schema, schema, hot_after=0).plan(document, document.definitions[0])
    variant = plan.variant(SimpleNamespace(coerced={}))
    variant.warm_up()
    for planned in variant.renderings.values():
        return planned.rendering._statement  # noqa: SLF001 - no caller but a test wants it.
    return None
