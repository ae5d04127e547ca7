"""The context of one GraphQL request, which every resolver gets: the caller, the deadline and the upstreams."""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
import strawberry
from strawberry.dataloader import DataLoader

from core.call import BudgetStanding, Call
from core.clock import Clock
from core.commands import MoneyGuards
from core.records import AccountRecord, ClientRecord, InstructionRecord
from core.visibility import Visibility
from engine import Batcher, freeze
from instructions.below_zero import BelowZero
from instructions.dispatcher import Dispatcher
from instructions.log_feed import LogFeed
from resolvers.policy.errors import Forbidden
from resolvers.policy.scopes import Scope
from upstreams.polls import Polls
from upstreams.services import UpstreamServices

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request.

    Instructions belong to the `principal`, independent of the key. `agencies` None means every agency. `client_number`
    is set for a client's own token, which is only for that client. `issuer` is the token's issuer: all users of a
    frontend run the same documents.
    """

    name: str
    principal: str
    scopes: frozenset[str]
    agencies: tuple[int, ...] | None
    client_number: int | None = None
    issuer: str | None = None
    expires_at: datetime | None = field(default=None, compare=False)
    """When its key or token expires. A stream ends then."""

    @property
    def partner(self) -> str:
        """The name under which this caller's documents are stored."""
        return self.issuer or self.principal

    @property
    def visible(self) -> Visibility:
        return Visibility(self.agencies, self.client_number, self.principal)

    def may(self, *scopes: Scope) -> bool:
        return self.scopes.issuperset(scopes)

    def require(self, what: str, scopes: Sequence[Scope]) -> None:
        """Raise Forbidden with the missing scopes."""
        if not self.may(*scopes):
            raise Forbidden(what, sorted(set(scopes) - self.scopes))


@dataclass(frozen=True, slots=True)
class GraphLimits:
    """The limits of one operation: rows, single vendor calls and cost."""

    page_default: int = 50
    page_max: int = 200
    live_clients_max: int = 20
    single_live_accounts_max: int = 100
    cost_max: int = 200_000


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """The limits of one stream, and its times in seconds."""

    ids_max: int = 500
    bookmark_seconds: float = 60.0
    balances_seconds: float = 5.0


class MoneyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The maximum of each currency, in one deposit or withdrawal and in a day (UTC). A currency without a maximum has
    no limit.

    `allow_demo`: whether money may be moved on demo accounts.
    """

    maximum: Mapping[str, Decimal] = {}
    daily_per_caller: Mapping[str, Decimal] = {}
    daily_per_account: Mapping[str, Decimal] = {}
    allow_demo: bool = False

    def guards(self, currency: str, *, one_open: bool, apart: bool) -> MoneyGuards:
        """The limits in this currency. `one_open`: an account has one undecided command of the kind at a time. `apart`:
        deposits and withdrawals of an account exclude each other.
        """
        daily = self.daily_per_caller.get(currency), self.daily_per_account.get(currency)
        return MoneyGuards(*daily, one_open_per_account=one_open, apart=apart)


class WithdrawalLimits(MoneyLimits, frozen=True, kw_only=True):
    """`approval_above`: an amount above this needs the approval of another principal, within `approval_expires_hours`.
    A currency that is not named needs no approval.
    """

    approval_above: Mapping[str, Decimal] = {}
    approval_expires_hours: float = 72.0


@dataclass(frozen=True, slots=True)
class Services:
    """The services that all requests share. They are built once when the process starts."""

    upstreams: UpstreamServices
    dispatcher: Dispatcher
    limits: GraphLimits
    deposit_limits: MoneyLimits
    withdrawal_limits: WithdrawalLimits
    below_zero: BelowZero
    accounting_currency: str
    clock: Clock
    feed: LogFeed
    polls: Polls
    stream_limits: StreamLimits


@dataclass(frozen=True, slots=True)
class Failed:
    """An error as an answer: a loader returns it as a value and never raises it."""

    error: BaseException


Batch = Callable[..., Awaitable[Sequence[Any]]]


_OF_A_CLIENT: Final = (ClientRecord, AccountRecord, InstructionRecord)


@dataclass(slots=True)
class Context:
    """One GraphQL request."""

    services: Services
    caller: Caller
    call: Call
    fields: frozenset[str]
    """The coordinates ("LiveAccount.equity") of all fields that the document selects."""
    forbidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The fields that are forbidden for this caller, with the missing scopes (policy/authorization.py)."""
    standing: BudgetStanding | None = None
    """The caller's remaining budget; None without a limit."""
    explain: bool = False
    """Whether the caller wants the calls of each relation counted. The operation is then not rendered."""
    known: Mapping[Any, Mapping[Any, Any]] = field(default_factory=dict)
    """Answers that need no call, by the function that would be called: the values of a stream."""
    _loaders: dict[Hashable, DataLoader[Any, Any]] = field(default_factory=dict)
    _lookups: Batcher | None = None

    def loader(
        self, batch: Batch, key: Callable[[Any], Hashable] | None = None, arguments: Mapping[str, Any] | None = None
    ) -> DataLoader[Any, Any]:
        """The request's loader for a batch function and its arguments. Equal arguments share one loader."""
        arguments = arguments or {}
        slot = (batch, tuple((name, freeze(value)) for name, value in sorted(arguments.items())))
        loader = self._loaders.get(slot)
        if loader is None:
            loader = DataLoader(self._guarded(batch, arguments), cache_key_fn=key)
            self._loaders[slot] = loader
        return loader

    async def load(self, batch: Batch, key: Any) -> Any:
        """The answer of a point look-up for one key, batched with the concurrent look-ups of other keys."""
        [answer] = await self.load_many(batch, [key])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def load_many(self, batch: Batch, keys: Sequence[Any]) -> list[Any]:
        """The answers in the keys' order. A failed answer is its exception, which a list resolver can return."""
        if self.known and (known := self.known.get(batch)) and all(key in known for key in keys):
            answers = [known[key] for key in keys]
        else:
            if self._lookups is None:
                self._lookups = Batcher(self, {})
            answers = await self._lookups.load(batch, keys, keys, {})
        self.note_read(answers)
        return answers

    def note_read(self, records: Iterable[Any]) -> None:
        """Note the clients of these records, if reads are audited."""
        if self.call.reads is not None:
            self.call.reads.update(one.client_number for one in records if isinstance(one, _OF_A_CLIENT))

    def forget(self) -> None:
        """Release the loaded data, after a mutation and at the end of the request.

        The loaders refer to this context. Without this call only the garbage collector could free the cycle, and its
        search stops all requests.
        """
        self._loaders.clear()
        self._lookups = None

    def _guarded(self, batch: Batch, arguments: Mapping[str, Any]) -> Callable[[list[Any]], Awaitable[list[Any]]]:
        async def run(keys: list[Any]) -> list[Any]:
            # DataLoader handles only Exception. After another error of its function its callers would wait for ever.
            try:
                answers = await batch(keys, self, **arguments)
            except BaseException as error:  # noqa: BLE001 - see above.
                return [Failed(error)] * len(keys)
            return [Failed(answer) if isinstance(answer, BaseException) else answer for answer in answers]

        return run


@dataclass(slots=True)
class StreamContext(Context):
    """One subscription. Its `call` is over: each read of the stream has a call of its own."""

    new_call: Callable[[], Call] = field(kw_only=True)
    slot: Callable[[], AbstractContextManager[None]] = field(kw_only=True)
    """Reserves the place of the stream for as long as the stream lasts. Raises GraphQLError if there is none."""
    afford: Callable[[], Awaitable[None]] = field(kw_only=True)
    """Charges one event to the caller's budget. Waits while the budget is exhausted."""
    resume: str | None = field(kw_only=True)
    """A cursor that counts more than the argument `after`."""


def unwrapped(answer: Any) -> Any:
    if isinstance(answer, Failed):
        raise answer.error
    return answer


Info = strawberry.Info[Context, None]
StreamInfo = strawberry.Info[StreamContext, None]
