"""`tradingAccountsChanged`: accounts with their live figures now, then each change."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from core.records import AccountKey, AccountRecord, LiveAccountRecord
from resolvers.context import StreamContext, StreamInfo
from resolvers.fields.declare import is_a
from resolvers.fields.ids import ACCOUNT_ID
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.errors import BadUserInput
from resolvers.types.live_account import live_accounts, too_many_single
from resolvers.types.trading_account import TradingAccount
from upstreams.flow.shared_poll import Watch
from upstreams.state.shared_figures import LiveValue

_LONGEST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class AccountEventRecord:
    """One answer of the stream. `known` are the figures that the poll has read."""

    account: AccountRecord
    observed_at: datetime
    known: Mapping[object, Mapping[object, object]]


@public(VALUE)
@strawberry.type(description="A trading account whose live figures are new or have changed.")
class TradingAccountEvent:
    account: TradingAccount = strawberry.field(description="The account. Its live figures are those of `observedAt`.")
    observed_at: datetime = strawberry.field(description="The time of the figures.")
    is_type_of = is_a(AccountEventRecord)


async def trading_accounts_changed(
    info: StreamInfo,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="Node ids of the accounts.")],
    every_seconds: Annotated[
        int | None, strawberry.argument(description="How often the figures are read at least, from 1 to 3600.")
    ] = 5,
) -> AsyncIterator[AccountEventRecord]:
    context, seconds = info.context, 5 if every_seconds is None else every_seconds
    if not 1 <= seconds <= _LONGEST_SECONDS:
        raise BadUserInput(f"everySeconds must be from 1 to {_LONGEST_SECONDS}; got {seconds}.")
    keys = list(dict.fromkeys(ACCOUNT_ID.key(one) for one in _bounded(ids, context)))
    found = await _read(keys, context)
    for place, key in enumerate(keys):
        if key not in found:
            raise BadUserInput(f"ids[{place}] is no account that this caller may see.")
    if problem := too_many_single([key.server for key in keys], context):
        raise problem
    watch: Watch[AccountKey, LiveValue] = Watch(seconds)
    with context.slot(), _joined(watch, keys, context):
        while True:
            key, value = await watch.next()
            await context.afford()
            # The account may have been moved to a client that this caller may not see.
            account = (await _read([key], context)).get(key)
            if account is not None:
                at = value.observed_at if isinstance(value, LiveAccountRecord) else context.services.clock.now()
                yield AccountEventRecord(account, at, {live_accounts: {key: value}})


def _bounded(ids: Sequence[strawberry.ID], context: StreamContext) -> Sequence[strawberry.ID]:
    most = context.services.stream_limits.ids_max
    if not 1 <= len(ids) <= most:
        raise BadUserInput(f"ids must be from 1 to {most}; got {len(ids)}.")
    return ids


async def _read(keys: Sequence[AccountKey], context: StreamContext) -> Mapping[AccountKey, AccountRecord]:
    """The accounts that the caller may see now. Raises UpstreamError."""
    erp = context.services.upstreams.erp
    return await erp.accounts.ask(context.caller.visible, keys, context.new_call())


@contextmanager
def _joined(watch: Watch[AccountKey, LiveValue], keys: Sequence[AccountKey], context: StreamContext) -> Iterator[None]:
    """Watch the keys at the polls of their servers while the body runs."""
    servers: defaultdict[str, list[AccountKey]] = defaultdict(list)
    for key in keys:
        servers[key.server].append(key)
    polls = context.services.polls
    for server, own in servers.items():
        polls.accounts(server).join(watch, own)
    try:
        yield
    finally:
        for server, own in servers.items():
            polls.accounts(server).leave(watch, own)
