"""Authorization of fields: read from the schema once, checked against the caller once per execution.

Every field has a decision, and a test fails where one is missing:
- `@requiresScopes` on the field, on its type, or on the object type that it returns; what holds for several is joined;
- or `public`, with the reason, on the field or on its type.
Whatever a field needs beyond what led to its parent is enforced by `install`, in front of whatever resolves it.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, Final, TypeVar

from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, get_named_type

from engine import mark_as_guard
from resolvers.policy.directives import RequiresScopes
from resolvers.policy.errors import Forbidden
from resolvers.policy.scopes import Scope

Needs = tuple[frozenset[str], ...]
"""One of these sets of scopes is enough. No set would exclude every caller, an empty set would admit every caller."""

NOTHING: Final[Needs] = (frozenset(),)

VALUE: Final = "a value: it is reached only through fields that have a decision of their own"
OUTCOME: Final = "what became of a mutation: it is reached only through a mutation that was allowed"
PUBLIC: Final = "public"
T = TypeVar("T", bound=type)


def public(reason: str) -> Callable[[T], T]:
    """Decorates a GraphQL type: its fields need no scopes, for this reason."""

    def marked(kind: T) -> T:
        setattr(kind, PUBLIC, reason)
        return kind

    return marked


INTROSPECTION: Final = ("Query.__schema", "Query.__type")


def needs_of(schema: GraphQLSchema) -> dict[str, Needs]:
    """What each field ("Client.balances") needs of its caller; fields that need nothing are left out."""
    found = {}
    for kind, name, field in _fields(schema):
        needs = _joined(_own(kind), _own(field), _own(get_named_type(field.type)))
        if needs != NOTHING:
            found[f"{kind.name}.{name}"] = needs
    schema_read = (frozenset({str(Scope.SCHEMA_READ)}),)
    return found | dict.fromkeys(INTROSPECTION, schema_read)


def install(schema: GraphQLSchema) -> dict[str, Needs]:
    """Put the check in front of each field that needs more than its parent did. Returns what `needs_of` found."""
    needs = needs_of(schema)
    for kind, name, field in _fields(schema):
        coordinate = f"{kind.name}.{name}"
        if needs.get(coordinate, NOTHING) != _own(kind):
            field.resolve = _guarded(coordinate, field)
    return needs


def forbidden_fields(needs: Mapping[str, Needs], scopes: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """Those of the fields that a caller with these scopes may not have, each with the scopes that are missing."""
    found = {}
    for coordinate, wanted in needs.items():
        for each in wanted:
            if scopes >= each:
                break
        else:
            found[coordinate] = _missing(wanted, scopes)
    return found


def enough_for(needs: Mapping[str, Needs]) -> frozenset[str]:
    """Scopes with which none of the fields is forbidden: a caller who holds them need not be asked field by field."""
    return frozenset().union(*(wanted[0] for wanted in needs.values()))


def _missing(needs: Needs, scopes: frozenset[str]) -> tuple[str, ...]:
    """The shortest way to being allowed."""
    return min((tuple(sorted(each - scopes)) for each in needs), key=lambda names: (len(names), names))


def _guarded(coordinate: str, field: GraphQLField) -> Any:
    resolve = field.resolve
    assert resolve is not None, "strawberry gives every field a resolver"

    @mark_as_guard
    def guarded(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        forbidden: Mapping[str, tuple[str, ...]] = info.context.forbidden
        if forbidden and coordinate in forbidden:
            raise Forbidden(coordinate, forbidden[coordinate])
        return resolve(source, info, **arguments)

    return guarded


def _fields(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType, str, GraphQLField]]:
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, field in kind.fields.items():
                yield kind, name, field


def _own(element: Any) -> Needs:
    """What `@requiresScopes` on the field or type itself says."""
    definition = element.extensions.get("strawberry-definition")
    given = [one for one in getattr(definition, "directives", None) or () if isinstance(one, RequiresScopes)]
    return _joined(*(tuple(frozenset(group) for group in one.scopes) for one in given))


def _joined(*all_of: Needs) -> Needs:
    """Needs that must all be met, as one; a set that another one makes superfluous is left out."""
    sets = {frozenset().union(*chosen) for chosen in product(*all_of)} if all_of else set(NOTHING)
    least = [one for one in sets if not any(other < one for other in sets)]
    return tuple(sorted(least, key=sorted))
