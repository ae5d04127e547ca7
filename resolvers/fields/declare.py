"""List resolvers: one function answers a field for all parents of a level (design: docs/resolvers.md).

`many` makes such a function a field of a type. Under graphql-core the field's parents are gathered by one DataLoader
per request and arguments; an engine that works by levels may call `wrapper.list_resolver` with all parents itself.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

import strawberry

from engine.rendering import Renderer
from resolvers.context import Info, unwrapped
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
) -> Any:
    """A field that is answered for all parents at once.

    `resolve(parents, context, **arguments)` returns one answer per parent, in order. An answer may be an exception:
    that parent alone gets null and one located error. `key` tells parents apart; equal ones share an answer. `lookup`
    is the point look-up that it goes through, if any: fields with the same one share its call.
    """

    async def wrapper(root: Any, info: Info, **arguments: Any) -> Any:
        # Equal parents share one future. It is shielded, so that cancelling one waiter does not cancel the others.
        return unwrapped(await asyncio.shield(info.context.loader(resolve, key, arguments).load(root)))

    _borrow_signature(wrapper, resolve)
    wrapper.list_resolver = resolve  # type: ignore[attr-defined]
    wrapper.key = key  # type: ignore[attr-defined]
    wrapper.lookup = lookup or resolve  # type: ignore[attr-defined]
    wrapper.scopes = groups(scopes)  # type: ignore[attr-defined]
    return strawberry.field(
        resolver=wrapper,
        graphql_type=returns,
        description=description,
        directives=directives(upstreams, scopes),
    )


def directives(upstreams: Sequence[Upstream], scopes: Sequence[Scope]) -> list[Any]:
    return [*upstreams, *([needs(tuple(scopes))] if scopes else [])]


def attribute(
    name: str,
    *,
    returns: Any,
    description: str,
    scopes: Sequence[Scope],
    shown: Callable[[Any, Any], Any] | None = None,
) -> Any:
    """A field that is the record's attribute of that name, for callers who hold the scopes.

    `shown(record, value)` says how the value is published where that is not as it stands.
    """

    def wrapper(root: Any) -> Any:
        value = getattr(root, name)
        return value if shown is None else shown(root, value)

    wrapper.attribute = (name, shown)  # type: ignore[attr-defined]
    wrapper.scopes = groups(scopes)  # type: ignore[attr-defined]
    return strawberry.field(
        resolver=wrapper, graphql_type=returns, description=description, directives=directives((), scopes)
    )


def groups(scopes: Sequence[Scope]) -> tuple[tuple[str, ...], ...]:
    """The scopes as a plan reads them: any of these sets will do; () where the field itself asks for none. What the
    field's type asks for comes on top: resolvers/policy/authorization.py has both.
    """
    return (tuple(str(scope) for scope in scopes),) if scopes else ()


def root(  # noqa: PLR0913 - each is one fact about the field.
    resolve: Callable[..., Awaitable[Any]],
    *,
    returns: Any,
    description: str,
    upstreams: Sequence[Upstream] = (),
    scopes: Sequence[Scope] = (),
    renderer: Renderer | None = None,
) -> Any:
    """A field of Query or Mutation: `resolve(info, **arguments)`, for callers who hold the scopes. `renderer` is asked
    whether a selection of it can be had as text instead.
    """

    async def wrapper(info: Info, **arguments: Any) -> Any:
        return await resolve(info, **arguments)

    _borrow_signature(wrapper, resolve)
    wrapper.scopes = groups(scopes)  # type: ignore[attr-defined]
    wrapper.renderer = renderer  # type: ignore[attr-defined]
    return strawberry.field(
        resolver=wrapper,
        graphql_type=returns,
        description=description,
        directives=directives(upstreams, scopes),
    )


def _borrow_signature(wrapper: Any, resolve: Callable[..., Any]) -> None:
    """Give the wrapper the resolver's arguments, so that strawberry reads them; hints stay as they are written."""
    own = [part for part in inspect.signature(wrapper).parameters.values() if part.kind is not part.VAR_KEYWORD]
    # A list resolver takes parents and context first, a root resolver info alone: as many as the wrapper itself.
    arguments = list(inspect.signature(resolve).parameters.values())[len(own) :]
    wrapper.__signature__ = inspect.Signature([*own, *arguments])
    wrapper.__annotations__ = {"info": Info, **{argument.name: argument.annotation for argument in arguments}}
    wrapper.__module__ = resolve.__module__
    wrapper.__name__ = resolve.__name__
