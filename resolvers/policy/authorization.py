"""Authorization of fields. The rules are read from the schema once, and checked for the caller once per execution.

Every field declares its rule, and a test fails if the rule is missing:
- `@requiresScopes` on the field, on its type, or on the object type that it returns. The caller needs the scopes of all
  three;
- or `public`, with the reason, on the field or on its type. `install` puts a check before the resolver of each field
  that needs more scopes than its parent.
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
"""Any one of these sets of scopes is enough. Without a set no caller is allowed; an empty set allows every caller."""

NOTHING: Final[Needs] = (frozenset(),)

VALUE: Final = "a value: only fields with their own rule lead to it"
OUTCOME: Final = "the outcome of a mutation: only an allowed mutation leads to it"
PUBLIC: Final = "public"
T = TypeVar("T", bound=type)


def public(reason: str) -> Callable[[T], T]:
    """Decorates a GraphQL type whose fields need no scopes, for the given reason."""

    def marked(kind: T) -> T:
        setattr(kind, PUBLIC, reason)
        return kind

    return marked


INTROSPECTION: Final = ("Query.__schema", "Query.__type")


def needs_of(schema: GraphQLSchema) -> dict[str, Needs]:
    """The scopes that each field ("Client.balances") needs. Fields that need no scope are left out."""
    found = {}
    for kind, name, field in _fields(schema):
        needs = _joined(_own(kind), _own(field), _own(get_named_type(field.type)))
        if needs != NOTHING:
            found[f"{kind.name}.{name}"] = needs
    schema_read = (frozenset({str(Scope.SCHEMA_READ)}),)
    return found | dict.fromkeys(INTROSPECTION, schema_read)


def install(schema: GraphQLSchema) -> dict[str, Needs]:
    """Put a check before the resolver of each field that needs more scopes than its parent. Returns the needs of all
    fields.
    """
    needs = needs_of(schema)
    for kind, name, field in _fields(schema):
        coordinate = f"{kind.name}.{name}"
        if needs.get(coordinate, NOTHING) != _own(kind):
            field.resolve = _guarded(coordinate, field)
    return needs


def forbidden_fields(needs: Mapping[str, Needs], scopes: frozenset[str]) -> dict[str, tuple[str, ...]]:
    """The fields that are forbidden for a caller with these scopes, each with the missing scopes."""
    found = {}
    for coordinate, wanted in needs.items():
        for each in wanted:
            if scopes >= each:
                break
        else:
            found[coordinate] = _missing(wanted, scopes)
    return found


def enough_for(needs: Mapping[str, Needs]) -> frozenset[str]:
    """Scopes that are enough for all the fields. For a caller with these scopes the fields need no single checks."""
    return frozenset().union(*(wanted[0] for wanted in needs.values()))


def _missing(needs: Needs, scopes: frozenset[str]) -> tuple[str, ...]:
    """The smallest set of scopes that the caller lacks."""
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
    """The needs in `@requiresScopes` on the field or type itself."""
    definition = element.extensions.get("strawberry-definition")
    given = [one for one in getattr(definition, "directives", None) or () if isinstance(one, RequiresScopes)]
    return _joined(*(tuple(frozenset(group) for group in one.scopes) for one in given))


def _joined(*all_of: Needs) -> Needs:
    """All the needs joined into one. A set that contains a smaller set is left out."""
    sets = {frozenset().union(*chosen) for chosen in product(*all_of)} if all_of else set(NOTHING)
    least = [one for one in sets if not any(other < one for other in sets)]
    return tuple(sorted(least, key=sorted))
