"""What fields cost and how long lists are: every decision in one table, in the words of IBM's cost specification.

They stand in the schema as `@cost` and `@listSize`; request/cost.py reckons with them, docs/limits.md says how.
"""

from collections.abc import Mapping
from typing import Any, Final

import strawberry
from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    locations=[
        Location.ARGUMENT_DEFINITION,
        Location.ENUM,
        Location.FIELD_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.OBJECT,
        Location.SCALAR,
    ],
    description="What it costs each time, beyond the objects that it returns (IBM's GraphQL cost directives).",
)
class Cost:
    weight: str = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="How long the list is taken to be before it is known (IBM's GraphQL cost directives). The largest "
    "slicing argument that is given says it, an argument that is a list by its length, else `assumedSize`. The size is "
    "that of `sizedFields`, where there are any.",
)
class ListSize:
    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=strawberry.UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=strawberry.UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=strawberry.UNSET)
    require_one_slicing_argument: bool | None = strawberry.directive_field(
        name="requireOneSlicingArgument", default=True
    )


def _page() -> ListSize:
    """A connection. Without `first` and `last` a page is [limits] page_default; the schema says its default."""
    return ListSize(
        assumed_size=50,
        slicing_arguments=["first", "last"],
        sized_fields=["edges", "nodes"],
        require_one_slicing_argument=False,
    )


def _few(size: int) -> ListSize:
    return ListSize(assumed_size=size)


# A statement over everything that a caller may see.
_COUNT = Cost(weight="10")
# The same call as the other figures of the account, or one more vendor function for all of them.
_SECOND_FUNCTION = Cost(weight="1")
# An instruction with its durable steps, and a vendor's time.
_ORDER = Cost(weight="100")

PRICES: Final[Mapping[str, Cost]] = {
    # One call a client of an API that takes twenty a minute.
    "Client.live": Cost(weight="1000"),
    # A share of a call that carries many logins, or a whole call where the vendor takes them one by one.
    "TradingAccount.live": Cost(weight="5"),
    "LiveAccount.equity": _SECOND_FUNCTION,
    "LiveAccount.freeMargin": _SECOND_FUNCTION,
    "LiveAccount.margin": _SECOND_FUNCTION,
    "LiveAccount.marginLevel": _SECOND_FUNCTION,
    "ClientConnection.totalCount": _COUNT,
    "InstructionConnection.totalCount": _COUNT,
    "TradingAccountConnection.totalCount": _COUNT,
    "Mutation.createTradingAccount": _ORDER,
    "Mutation.deposit": _ORDER,
    "Mutation.openAccountRequest": _ORDER,
}

SIZES: Final[Mapping[str, ListSize]] = {
    "Query.clients": _page(),
    "Client.tradingAccounts": _page(),
    "Client.instructions": _page(),
    "Query.nodes": ListSize(slicing_arguments=["ids"]),
    "Client.balances": _few(5),
    "LiveClient.balances": _few(5),
    "Instruction.events": _few(5),
    "ValidationFailed.issues": _few(5),
    "Query.tradingServers": _few(10),
    "Query.upstreams": _few(10),
}


def slicing_arguments() -> frozenset[str]:
    """The names of all arguments that a cost depends on."""
    return frozenset(name for size in SIZES.values() for name in values_of(size.slicing_arguments))


def values_of(values: list[str] | None) -> list[str]:
    return values if isinstance(values, list) else []


def tag(schema: GraphQLSchema) -> None:
    """Put the prices on their fields, for the printer. Raises KeyError for a field that does not exist."""
    for coordinate, directive in [*PRICES.items(), *SIZES.items()]:
        definition = field_at(schema, coordinate).extensions["strawberry-definition"]
        definition.directives = [*definition.directives, directive]


def field_at(schema: GraphQLSchema, coordinate: str) -> GraphQLField:
    type_name, _, field_name = coordinate.partition(".")
    kind: Any = schema.type_map[type_name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    found: GraphQLField = kind.fields[field_name]
    return found
