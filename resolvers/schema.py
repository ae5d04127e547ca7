"""The schema, built once, and its printed form."""

import strawberry
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig

from resolvers.client import Client
from resolvers.decisions import install
from resolvers.instruction import Instruction
from resolvers.mutation import Mutation
from resolvers.mutation_error import IdempotencyConflict, Refused, UpstreamFailed, ValidationFailed
from resolvers.prices import tag
from resolvers.query import Query
from resolvers.scalars import SCALARS
from resolvers.trading_account import TradingAccount

_HEAD = "# Printed from the code by `brokergraph schema`; do not edit.\n\n"

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=[Client, TradingAccount, Instruction, ValidationFailed, Refused, UpstreamFailed, IdempotencyConflict],
    config=StrawberryConfig(scalar_map=SCALARS),
)
tag(schema._schema)  # noqa: SLF001 - see below.
install(schema._schema)  # noqa: SLF001 - strawberry offers no public way to graphql-core's.


def printed() -> str:
    """The schema as the file `schema.graphql` holds it: types sorted, fields in the order of declaration."""
    return f"{_HEAD}{print_schema(schema)}\n"
