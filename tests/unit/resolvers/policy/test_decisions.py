"""Every field has a decision on its scopes; plain fields need only the scopes of the field that led to their object."""

import pytest
from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, build_schema

from resolvers.policy.authorization import NOTHING, PUBLIC, forbidden_fields, needs_of
from resolvers.policy.scopes import SCOPES, Scope
from resolvers.schema import core_schema, schema

NEEDS = needs_of(core_schema)
EVERY = frozenset(str(scope) for scope in Scope)


def kinds():
    for kind in core_schema.type_map.values():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not kind.name.startswith("__"):
            yield kind


def reason_of(element):
    """Why the element, which says so itself, needs no scope; None where it does not say so."""
    definition = element.extensions["strawberry-definition"]
    facts = definition.metadata if isinstance(element, GraphQLField) else vars(definition.origin)
    return facts.get(PUBLIC)


FIELDS = [(kind, name, field) for kind in kinds() for name, field in kind.fields.items()]
PUBLIC_FIELDS = {f"{kind.name}.{name}" for kind, name, field in FIELDS if reason_of(field)}
PUBLIC_TYPES = {kind.name for kind in kinds() if reason_of(kind)}


@pytest.mark.parametrize("kind, name", [(kind.name, name) for kind, name, _ in FIELDS])
def test_every_field_has_a_decision(kind, name):
    coordinate = f"{kind}.{name}"

    assert coordinate in NEEDS or coordinate in PUBLIC_FIELDS or kind in PUBLIC_TYPES, (
        f"declare scopes or `public` at the field or its type: {coordinate}"
    )


def test_a_public_field_or_type_has_no_scopes():
    assert len(PUBLIC_FIELDS) > 3
    assert len(PUBLIC_TYPES) > 10
    assert not PUBLIC_FIELDS & NEEDS.keys()
    assert not [name for name in PUBLIC_TYPES if "requiresScopes" in printed_head(name)]


def printed_head(name):
    return next((line for line in schema.as_str().splitlines() if line.startswith(f"type {name} ")), "")


def test_every_scope_is_known_explained_and_used():
    used = {scope for wanted in NEEDS.values() for each in wanted for scope in each}

    assert used | {Scope.METRICS_READ} == EVERY
    assert set(SCOPES) == set(Scope)


def test_all_scopes_forbid_nothing_and_no_scope_forbids_every_decided_field():
    assert forbidden_fields(NEEDS, EVERY) == {}
    assert forbidden_fields(NEEDS, frozenset()).keys() == NEEDS.keys()


def test_the_missing_scopes_are_the_shortest_way():
    scopes = frozenset({"deposit:create"})

    forbidden = forbidden_fields(NEEDS, scopes)

    assert forbidden["Instruction.client"] == ("client:read",)
    assert forbidden["Client.balances"] == ("balance:read", "client:read")
    assert "Instruction.status" not in forbidden


def test_a_schema_without_decisions_needs_nothing():
    assert not {
        name: needs for name, needs in needs_of(build_schema("type Query { a: Int }")).items() if "__" not in name
    }
    assert (frozenset(),) == NOTHING
