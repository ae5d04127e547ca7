"""Each field of an object that PostgreSQL can render declares its rendering, or that it has none."""

import pytest
from graphql import GraphQLObjectType, get_named_type

from resolvers.fields.rendering import BY_RESOLVER, RENDERING, UNRENDERED
from resolvers.schema import schema

CORE = schema._schema  # noqa: SLF001 - strawberry offers no public way to it.
# Rendered as a whole: each field of a server is read from the settings by its own attribute.
WHOLE = {"TradingAccount.server"}


def declaration(field):
    return field.extensions["strawberry-definition"].metadata


def reached():
    """The fields of all objects that a rendering of Query.client or Query.clients may come to."""
    kinds = [get_named_type(CORE.query_type.fields[name].type) for name in ("client", "clients")]
    for kind in kinds:
        for name, field in kind.fields.items():
            yield kind.name, name, field
            inner = get_named_type(field.type)
            ends = declaration(field).get(RENDERING) in (BY_RESOLVER[RENDERING], UNRENDERED[RENDERING])
            if isinstance(inner, GraphQLObjectType) and not ends and f"{kind.name}.{name}" not in WHOLE:
                kinds += [inner] if inner not in kinds else []


FIELDS = list(reached())


@pytest.mark.parametrize("coordinate, field", [pytest.param(f"{k}.{n}", f, id=f"{k}.{n}") for k, n, f in FIELDS])
def test_every_field_declares_its_rendering(coordinate, field):
    assert RENDERING in declaration(field), f"declare a rendering, BY_RESOLVER or UNRENDERED at {coordinate}"


def test_a_type_with_one_declared_rendering_is_reached():
    """A declaration that no rendering comes to would be tested by nothing."""
    declared = {
        kind.name
        for kind in CORE.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        if any(RENDERING in declaration(field) for field in kind.fields.values())
    }

    # Instructions have the same kind of connection, and an id; their own resolver fills their hole.
    assert declared - {kind for kind, _, _ in FIELDS} == {"Instruction", "InstructionConnection", "InstructionEdge"}
