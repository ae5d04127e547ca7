"""The graph as a subgraph of Apollo Federation 2 (docs/federation.md).

Strawberry's own federation resolves one representation after the other. Here all representations of a request are
looked up together, by the same loaders as `nodes`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, NewType

import strawberry
from graphql import GraphQLError

from core.records import AccountKey
from resolvers.context import Batch, Context, Info
from resolvers.fields.declare import root
from resolvers.fields.ids import MAX_INT
from resolvers.fields.loaders import accounts_by_key, clients_by_number
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.directives import ERP_STATEMENT, Upstream
from resolvers.policy.errors import BadUserInput
from resolvers.policy.scopes import Scope
from resolvers.query import Query
from resolvers.schema import build, printed
from resolvers.types.client import Client
from resolvers.types.trading_account import TradingAccount

# The composition libraries know this version; the graph uses nothing newer.
_LINK: Final = (
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@shareable"])\n\n'
)
_MARKED: Final = {
    "type Client implements Node": '@key(fields: "clientNumber")',
    "type TradingAccount implements Node": '@key(fields: "server { name } login")',
    "type PageInfo": "@shareable",
}

# The key fields of an object, and its `__typename`.
Representation = NewType("Representation", dict[str, Any])
_SCALARS: Final = {Representation: strawberry.scalar(name="_Any", parse_value=lambda value: value)}


def _client_number(given: Mapping[str, Any]) -> int:
    number = given.get("clientNumber")
    if number.__class__ is not int or not 0 <= number <= MAX_INT:
        raise BadUserInput("A Client is represented by clientNumber, an Int.")
    return int(number)


def _account_key(given: Mapping[str, Any]) -> AccountKey:
    server, login = given.get("server"), given.get("login")
    name = server.get("name") if isinstance(server, Mapping) else None
    if not isinstance(name, str) or not isinstance(login, str):
        raise BadUserInput("A TradingAccount is represented by server { name } and login, two strings.")
    return AccountKey(name, login)


class _Entity(NamedTuple):
    """How the objects of a type are found by their representations."""

    key: Callable[[Mapping[str, Any]], Any]
    batch: Batch
    scope: Scope


_ENTITIES: Final[Mapping[str, _Entity]] = {
    "Client": _Entity(_client_number, clients_by_number, Scope.CLIENT_READ),
    "TradingAccount": _Entity(_account_key, accounts_by_key, Scope.CLIENT_READ),
}


def entity_reads(arguments: Mapping[str, Any]) -> list[tuple[Upstream, int]]:
    """The statements of `_entities`: one for each type among the representations, with so many keys."""
    counts = Counter(_type_name(one) for one in arguments["representations"])
    return [(ERP_STATEMENT, counts[name]) for name in _ENTITIES if counts[name]]


def _type_name(given: Any) -> str | None:
    name = given.get("__typename") if isinstance(given, Mapping) else None
    return name if isinstance(name, str) else None


async def _entity(given: Any, context: Context) -> Any:
    """The object of a representation; None for one that the caller may not see."""
    type_name = _type_name(given)
    entity = _ENTITIES.get(type_name or "")
    if type_name is None or entity is None:
        raise BadUserInput(f"A representation has the __typename {' or '.join(_ENTITIES)}.")
    context.caller.require(type_name, [entity.scope])
    return await context.load(entity.batch, entity.key(given))


async def entities(info: Info, representations: list[Representation]) -> list[Any]:
    most = info.context.services.limits.page_max
    if len(representations) > most:
        raise BadUserInput(f"representations must be at most {most}; got {len(representations)}.")
    return await asyncio.gather(*(_entity(one, info.context) for one in representations), return_exceptions=True)


@public(VALUE)
@strawberry.type(name="_Service", description="The subgraph.")
class Service:
    sdl: str = strawberry.field(description="The schema of the subgraph.")


async def service(_info: Info) -> Service:
    return Service(sdl=subgraph())


def subgraph() -> str:
    """The schema with the keys of its entities, as a gateway composes it."""
    text = printed()
    for head, directive in _MARKED.items():
        if text.count(f"\n{head} ") != 1:
            raise GraphQLError(f"The schema has no {head}.")
        text = text.replace(f"\n{head} ", f"\n{head} {directive} ")
    return _LINK + text


@strawberry.type(name="Query", description="The queries.")
class FederatedQuery(Query):
    entities = root(
        entities,
        name="_entities",
        returns=list[Annotated[Client | TradingAccount, strawberry.union("_Entity")] | None],
        description="The objects in the order of their representations; null for an object that the caller may not "
        "see or that does not exist.",
        upstreams=[ERP_STATEMENT],
        public="the types of the representations decide",
    )
    service = root(
        service,
        name="_service",
        returns=Service,
        description="The subgraph, for a gateway that composes at run time.",
        scopes=[Scope.SCHEMA_READ],
    )


@cache
def federated() -> strawberry.Schema:
    """The schema with the fields for a gateway, built once."""
    return build(FederatedQuery, _SCALARS)
