"""Every field has a decision on its scopes; plain fields need only the scopes of the field that led to their object."""

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema

from resolvers.policy.authorization import NOTHING, PUBLIC, forbidden_fields, needs_of
from resolvers.policy.scopes import SCOPES, Scope
from resolvers.schema import schema

CORE = schema._schema  # noqa: SLF001 - strawberry offers no public way to it.
NEEDS = needs_of(CORE)
EVERY = frozenset(str(scope) for scope in Scope)


def coordinates():
    for kind in CORE.type_map.values():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not kind.name.startswith("__"):
            yield from ((kind.name, f"{kind.name}.{name}") for name in kind.fields)


@pytest.mark.parametrize("kind, coordinate", list(coordinates()))
def test_every_field_has_a_decision(kind, coordinate):
    assert coordinate in NEEDS or coordinate in PUBLIC or kind in PUBLIC, (
        f"say in @requiresScopes or PUBLIC: {coordinate}"
    )


def test_no_decision_is_left_of_what_is_gone():
    known = {name for pair in coordinates() for name in pair}

    assert known >= PUBLIC.keys()
    assert all(reason for reason in PUBLIC.values())


def test_what_is_public_is_not_decided_twice():
    assert not [name for name in PUBLIC if "." in name and name in NEEDS]
    assert not [name for name in PUBLIC if CORE.type_map.get(name) and "requiresScopes" in printed_head(name)]


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
