"""What every resolver of one GraphQL request can reach: who asks, until when, and the house's upstreams."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from typing import Any, TypeVar

import strawberry
from strawberry.dataloader import DataLoader

from resolvers.errors import Forbidden
from resolvers.operation import Operation
from resolvers.scopes import Scope
from upstreams.broctagon import Broctagon
from upstreams.call import Call
from upstreams.clock import Clock
from upstreams.config import ServerConfig
from upstreams.dispatch import Dispatcher
from upstreams.erp import Erp
from upstreams.hyper import Hyper
from upstreams.ledger import Ledger
from upstreams.live_cache import LiveCache
from upstreams.platforms import Platform

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `principal` is whose instructions these are, whatever key was used; `agencies` None means all."""

    name: str
    principal: str
    scopes: frozenset[str]
    agencies: tuple[int, ...] | None

    def may(self, *scopes: Scope) -> bool:
        return self.scopes.issuperset(scopes)

    def require(self, what: str, scopes: Sequence[Scope]) -> None:
        """Raise Forbidden, naming the scopes that are missing."""
        if not self.may(*scopes):
            raise Forbidden(what, sorted(set(scopes) - self.scopes))


@dataclass(frozen=True, slots=True)
class GraphLimits:
    """How much one operation may ask for. Rows are counted, live calls are single vendor calls."""

    page_default: int = 50
    page_max: int = 200
    live_clients_max: int = 20
    single_live_accounts_max: int = 100


@dataclass(frozen=True, slots=True)
class DepositLimits:
    """How much may be deposited, by currency; a currency that is not there has no limit. A day is UTC's."""

    maximum: Mapping[str, Decimal] = field(default_factory=dict)
    daily_per_caller: Mapping[str, Decimal] = field(default_factory=dict)
    daily_per_account: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Services:
    """Built once when the process starts, shared by all requests."""

    erp: Erp
    ledger: Ledger
    dispatcher: Dispatcher
    hyper: Hyper | None
    broctagon: Broctagon | None
    platforms: Mapping[str, Platform]
    servers: Mapping[str, ServerConfig]
    live_cache: LiveCache
    health: Callable[[], Sequence[Any]]
    limits: GraphLimits
    deposit_limits: DepositLimits
    accounting_currency: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class Failed:
    """An answer that is an error: held as a value, so that a loader never raises it behind somebody's back."""

    error: BaseException


Batch = Callable[..., Awaitable[Sequence[Any]]]


@dataclass(slots=True)
class Context:
    """One GraphQL request."""

    services: Services
    caller: Caller
    call: Call
    operation: Operation
    forbidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What of the operation this caller may not have, and which scopes are missing (resolvers/decisions.py)."""
    _loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict)

    def loader(
        self, batch: Batch, key: Callable[[Any], Hashable] | None = None, arguments: Mapping[str, Any] | None = None
    ) -> DataLoader[Any, Any]:
        """The request's loader for a batch function and its arguments; equal arguments share one."""
        arguments = arguments or {}
        slot = (batch, tuple((name, frozen(value)) for name, value in sorted(arguments.items())))
        loader = self._loaders.get(slot)
        if loader is None:
            loader = DataLoader(self._guarded(batch, arguments), cache_key_fn=key)
            self._loaders[slot] = loader
        return loader

    async def load(self, batch: Batch, key: Any) -> Any:
        """One key's answer from a point look-up, batched with all others of the moment."""
        return unwrapped(await self.loader(batch).load(key))

    async def load_many(self, batch: Batch, keys: Sequence[Any]) -> list[Any]:
        """The answers in the keys' order; one that failed is its exception, for a list resolver to pass on."""
        answers = await self.loader(batch).load_many(keys)
        return [answer.error if isinstance(answer, Failed) else answer for answer in answers]

    def forget(self) -> None:
        """Drop what was read: a mutation has changed it."""
        self._loaders.clear()

    def _guarded(self, batch: Batch, arguments: Mapping[str, Any]) -> Callable[[list[Any]], Awaitable[list[Any]]]:
        async def run(keys: list[Any]) -> list[Any]:
            # A loader whose function dies of anything but Exception leaves its callers waiting for ever.
            try:
                answers = await batch(keys, self, **arguments)
            except BaseException as error:  # noqa: BLE001 - see above.
                return [Failed(error)] * len(keys)
            return [Failed(answer) if isinstance(answer, BaseException) else answer for answer in answers]

        return run


def unwrapped(answer: Any) -> Any:
    if isinstance(answer, Failed):
        raise answer.error
    return answer


def frozen(value: Any) -> Hashable:
    """A hashable picture of coerced arguments: lists and input objects become tuples."""
    if isinstance(value, list | tuple):
        return tuple(frozen(element) for element in value)
    if is_dataclass(value):
        return (type(value), *(frozen(getattr(value, one.name)) for one in fields(value)))
    hashable: Hashable = value
    return hashable


Info = strawberry.Info[Context, None]
