"""The schema, built once, and its printed form."""

from collections.abc import Mapping
from typing import Any, Final

import strawberry
from graphql import GraphQLInputObjectType, GraphQLSchema, is_abstract_type
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from resolvers.mutation import Mutation
from resolvers.mutations.failures import IdempotencyConflict, Refused, UpstreamFailed, ValidationFailed
from resolvers.policy.authorization import install
from resolvers.policy.cost_table import tag
from resolvers.query import Query
from resolvers.subscription import Subscription
from resolvers.types.client import Client
from resolvers.types.instruction import Instruction
from resolvers.types.scalars import SCALARS, refuse_fractions_as_ids
from resolvers.types.trading_account import TradingAccount

_HEAD = "# Printed from the code by `brokergraph schema`; do not edit.\n\n"


def build(query: type, scalars: Mapping[Any, Any]) -> strawberry.Schema:
    """The schema with this type Query and these additional scalars."""
    built = strawberry.Schema(
        query=query,
        mutation=Mutation,
        subscription=Subscription,
        types=[Client, TradingAccount, Instruction, ValidationFailed, Refused, UpstreamFailed, IdempotencyConflict],
        config=StrawberryConfig(scalar_map={**SCALARS, **scalars}),
    )
    core = core_of(built)
    tag(core)
    install(core)
    _mark_one_of(core)
    refuse_fractions_as_ids(core)
    return built


def core_of(built: strawberry.Schema) -> GraphQLSchema:
    """graphql-core's schema, to which strawberry has no public access."""
    return built._schema  # noqa: SLF001 - see above.


def _mark_one_of(core: GraphQLSchema) -> None:
    """Let graphql-core know which inputs are @oneOf.

    strawberry does not pass this on to graphql-core. strawberry's own rule fails with KeyError for undefined variables,
    and for variables in fragments.
    """
    for kind in core.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            kind.is_one_of = kind.extensions["strawberry-definition"].is_one_of


schema = build(Query, {})
core_schema: Final = core_of(schema)


def printed() -> str:
    """The schema as in the file `schema.graphql`: types sorted, fields in the order of declaration."""
    return f"{_HEAD}{print_schema(schema)}\n"


def possible_type_names() -> dict[str, list[str]]:
    """The names of the types of each interface and union, as Apollo Client's cache wants them."""
    abstract = (kind for _, kind in sorted(core_schema.type_map.items()) if is_abstract_type(kind))
    return {kind.name: sorted(one.name for one in core_schema.get_possible_types(kind)) for kind in abstract}
