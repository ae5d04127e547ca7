"""Each field of an object that PostgreSQL can render declares its rendering, or that it has none."""

import pytest
from graphql import GraphQLObjectType
from support.declarations import declaration, reached, statement_of

from resolvers.fields.rendering import RENDERING, UNRENDERED
from resolvers.schema import core_schema

FIELDS = [pytest.param(*one, id=one[0]) for one in reached()]


@pytest.mark.parametrize("coordinate, field, operation", FIELDS)
def test_every_field_declares_its_rendering(coordinate, field, operation):
    assert RENDERING in declaration(field), f"declare a rendering, BY_RESOLVER or UNRENDERED at {coordinate}"
    assert (statement_of(operation) is None) == (declaration(field) == UNRENDERED)


def test_every_declared_rendering_is_reached():
    """A declaration that no rendering comes to would be tested by nothing."""
    objects = [
        one for one in core_schema.type_map.values() if isinstance(one, GraphQLObjectType) and one.name[:2] != "__"
    ]
    declared = {one.name for one in objects if any(RENDERING in declaration(field) for field in one.fields.values())}

    # Instructions and trades have the same kind of connection; their own resolvers fill their holes.
    others = {"Instruction", "InstructionConnection", "InstructionEdge", "TradeConnection", "TradeEdge"}
    assert declared - {one.values[0].partition(".")[0] for one in FIELDS} == others
