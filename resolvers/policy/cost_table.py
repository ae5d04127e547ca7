"""The cost of fields and the assumed length of lists, in one table, with the terms of IBM's cost specification.

The schema has these values as `@cost` and `@listSize`. request/cost.py computes the cost of operations from them, and
docs/limits.md explains the rules.
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
    description="The cost of the element for each parent, in addition to the returned objects (IBM's GraphQL cost "
    "directives).",
)
class Cost:
    weight: str = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    description="The length of the list that the cost assumes (IBM's GraphQL cost directives). It is the largest of "
    "the given slicing arguments, where a list argument counts with its length. Without slicing arguments it is "
    "`assumedSize`. If `sizedFields` are given, the length applies to these fields of the object.",
)
class ListSize:
    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=strawberry.UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=strawberry.UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=strawberry.UNSET)
    require_one_slicing_argument: bool | None = strawberry.directive_field(
        name="requireOneSlicingArgument", default=True
    )


def _page(*slicing: str) -> ListSize:
    """The size of a connection. A page without `first` and `last` has [limits] page_default rows. The schema shows the
    default of this setting.
    """
    return ListSize(
        assumed_size=50,
        slicing_arguments=list(slicing or ("first", "last")),
        sized_fields=["edges", "nodes"],
        require_one_slicing_argument=False,
    )


def _few(size: int) -> ListSize:
    return ListSize(assumed_size=size)


# The statement counts all rows of the list.
_COUNT = Cost(weight="10")
# The statement reads the clients or accounts of the filter, or the snapshot of their sums.
_SUMMARY = Cost(weight="100")
# These figures come with the other figures of the account, or by one more vendor function for all of them.
_SECOND_FUNCTION = Cost(weight="1")
# A mutation writes an instruction in several transactions and uses a vendor's capacity.
_ORDER = Cost(weight="100")

# Only a federated schema has the field, and never prints it.
ENTITIES: Final = "Query._entities"

PRICES: Final[Mapping[str, Cost]] = {
    # The API takes one client per call and twenty calls per minute.
    "Client.live": Cost(weight="1000"),
    # One call carries many logins, except where the vendor takes one login per call.
    "TradingAccount.live": Cost(weight="5"),
    # The same, for an account that is watched. All streams share the call.
    "Subscription.tradingAccountsChanged": Cost(weight="5"),
    # Up to twenty accounts of a server cost a call each.
    "TradingAccount.openPositions": Cost(weight="10"),
    # One call carries many logins, and its answer has the whole window.
    "TradingAccount.closedTrades": Cost(weight="20"),
    "TradingAccount.dailyReports": Cost(weight="20"),
    "LiveAccount.equity": _SECOND_FUNCTION,
    "LiveAccount.freeMargin": _SECOND_FUNCTION,
    "LiveAccount.margin": _SECOND_FUNCTION,
    "LiveAccount.marginLevel": _SECOND_FUNCTION,
    "ClientConnection.totalCount": _COUNT,
    "InstructionConnection.totalCount": _COUNT,
    "TradingAccountConnection.totalCount": _COUNT,
    "Query.clientSummary": _SUMMARY,
    "Query.accountSummary": _SUMMARY,
    "Mutation.createTradingAccount": _ORDER,
    "Mutation.deposit": _ORDER,
    "Mutation.openAccountRequest": _ORDER,
    "Mutation.withdraw": _ORDER,
    "Mutation.approveInstruction": _ORDER,
    "Mutation.declineInstruction": _ORDER,
}

SIZES: Final[Mapping[str, ListSize]] = {
    "Query.clients": _page(),
    "Query.tradingAccounts": _page(),
    "Query.instructions": _page(),
    "Client.tradingAccounts": _page(),
    "Client.instructions": _page(),
    "TradingAccount.closedTrades": _page("first"),
    "TradingAccount.openPositions": _few(5),
    "TradingAccount.dailyReports": _few(30),
    "Query.nodes": ListSize(slicing_arguments=["ids"]),
    "Client.balances": _few(5),
    "LiveClient.balances": _few(5),
    "ClientSummary.byWebStatus": _few(5),
    "ClientSummary.byErpStatus": _few(8),
    "ClientSummary.byAgency": _few(20),
    "ClientSummary.balances": _few(20),
    "AccountSummary.byServer": _few(20),
    "AccountSummary.byPlatform": _few(20),
    "Instruction.events": _few(5),
    "ValidationFailed.issues": _few(5),
    "Query.tradingServers": _few(10),
    "Query.upstreams": _few(10),
    ENTITIES: ListSize(slicing_arguments=["representations"]),
}


def slicing_arguments() -> frozenset[str]:
    """The names of all arguments that change a cost."""
    return frozenset(name for size in SIZES.values() for name in values_of(size.slicing_arguments))


def values_of(values: list[str] | None) -> list[str]:
    return values if isinstance(values, list) else []


def tag(schema: GraphQLSchema) -> None:
    """Add the cost directives to their fields, for the printed schema. Raises KeyError for an unknown field."""
    for coordinate, directive in [*PRICES.items(), *SIZES.items()]:
        if coordinate == ENTITIES:
            continue
        definition = field_at(schema, coordinate).extensions["strawberry-definition"]
        # Schemas of one process share the definitions.
        if directive not in definition.directives:
            definition.directives = [*definition.directives, directive]


def field_at(schema: GraphQLSchema, coordinate: str) -> GraphQLField:
    type_name, _, field_name = coordinate.partition(".")
    kind: Any = schema.type_map[type_name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    found: GraphQLField = kind.fields[field_name]
    return found
