"""How fields are declared. A list resolver answers a field for all parents of a level (docs/resolvers.md).

`many` makes such a function a field of a type. Under graphql-core one DataLoader per request and arguments collects the
field's parents. The engine calls `wrapper.list_resolver` with all parents of a level.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from typing import Any

import strawberry

from engine import by_class
from engine.rendering import Renderer
from resolvers.context import Info, StreamInfo, unwrapped
from resolvers.fields.rendering import Declaration
from resolvers.policy.authorization import PUBLIC
from resolvers.policy.directives import Upstream, needs
from resolvers.policy.scopes import Scope

ListResolver = Callable[..., Awaitable[Sequence[Any]]]


def many(  # noqa: PLR0913 - each is one fact about the field.
    resolve: ListResolver,
    *,
    returns: Any,
    key: Callable[[Any], Hashable],
    description: str,
    upstreams: Sequence[Upstream] = (),
    scopes: Sequence[Scope] = (),
    lookup: Any = None,
    reads: Sequence[Upstream] = (),
    rendering: Declaration | None = None,
) -> Any:
    """A field that is answered for all parents in one call.

    - `resolve(parents, context, **arguments)` returns one answer per parent, in order. An answer may be an exception:
      that parent alone gets null and one located error.
    - `key` tells parents apart; equal parents share an answer.
    - `lookup` is the point look-up that the field goes through, if any: fields with the same look-up share its call.
    - `reads` are asked on the way to the answer. The schema does not name them, the call plan counts them.
    """

    async def wrapper(root: Any, info: Info, **arguments: Any) -> Any:
        # Parents with equal keys share one future. The shield keeps this future running if one of its waiters is
        # cancelled.
        return unwrapped(await asyncio.shield(info.context.loader(resolve, key, arguments).load(root)))

    _borrow_signature(wrapper, resolve)
    wrapper.list_resolver = resolve  # type: ignore[attr-defined]
    wrapper.key = key  # type: ignore[attr-defined]
    wrapper.lookup = lookup or resolve  # type: ignore[attr-defined]
    wrapper.reads = reads  # type: ignore[attr-defined]
    return strawberry.field(
        resolver=wrapper,
        graphql_type=returns,
        description=description,
        directives=directives(upstreams, scopes),
        metadata=rendering,
    )


def field(description: str, rendering: Declaration, **options: Any) -> Any:
    """A field with its rendering. Its value is the record's attribute of this name, or comes from the decorated
    resolver.
    """
    return strawberry.field(description=description, metadata=rendering, **options)


def directives(upstreams: Sequence[Upstream], scopes: Sequence[Scope]) -> list[Any]:
    return [*upstreams, *([needs(tuple(scopes))] if scopes else [])]


def is_a(record: type) -> Any:
    """`is_type_of` of a type that has this record."""
    return staticmethod(by_class(lambda value, _info: isinstance(value, record)))


def root(  # noqa: PLR0913 - each is one fact about the field.
    resolve: Callable[..., Awaitable[Any]],
    *,
    returns: Any,
    description: str,
    upstreams: Sequence[Upstream] = (),
    scopes: Sequence[Scope] = (),
    renderer: Renderer | None = None,
    reads: Sequence[Upstream] = (),
    public: str | None = None,
    name: str | None = None,
) -> Any:
    """A field of Query or Mutation: `resolve(info, **arguments)`, for callers with the scopes.

    `public` is the reason why a field needs no scope. `renderer` makes the rendering of a selection, or None if the
    selection cannot be rendered. `reads` has the same meaning as in `many`.
    """

    async def wrapper(info: Info, **arguments: Any) -> Any:
        return await resolve(info, **arguments)

    _borrow_signature(wrapper, resolve)
    wrapper.renderer = renderer  # type: ignore[attr-defined]
    wrapper.reads = reads  # type: ignore[attr-defined]
    return strawberry.field(
        resolver=wrapper,
        name=name,
        graphql_type=returns,
        description=description,
        directives=directives(upstreams, scopes),
        metadata={PUBLIC: public},
    )


def stream(
    resolve: Callable[..., AsyncIterator[Any]],
    *,
    returns: Any,
    description: str,
    upstreams: Sequence[Upstream] = (),
    scopes: Sequence[Scope] = (),
) -> Any:
    """A field of Subscription: `resolve(info, **arguments)` gives the values, for callers with the scopes."""

    def wrapper(info: StreamInfo, **arguments: Any) -> AsyncIterator[Any]:
        return resolve(info, **arguments)

    _borrow_signature(wrapper, resolve)
    wrapper.reads = ()  # type: ignore[attr-defined]
    return strawberry.subscription(
        resolver=wrapper, graphql_type=returns, description=description, directives=directives(upstreams, scopes)
    )


def _borrow_signature(wrapper: Any, resolve: Callable[..., Any]) -> None:
    """Give the wrapper the resolver's arguments, so that strawberry reads them. The type hints are not evaluated."""
    own = [part for part in inspect.signature(wrapper).parameters.values() if part.kind is not part.VAR_KEYWORD]
    # A list resolver first takes parents and context, a root resolver only info. The wrapper takes the same number.
    arguments = list(inspect.signature(resolve).parameters.values())[len(own) :]
    wrapper.__signature__ = inspect.Signature([*own, *arguments])
    wrapper.__annotations__ = {"info": Info, **{argument.name: argument.annotation for argument in arguments}}
    wrapper.__module__ = resolve.__module__
    wrapper.__name__ = resolve.__name__
