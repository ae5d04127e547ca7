"""`clientBalancesChanged`: the balances of clients now, then each change."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from core.errors import UpstreamError
from core.records import BalanceRecord, ClientRecord
from resolvers.context import StreamInfo
from resolvers.fields.declare import is_a
from resolvers.fields.ids import MAX_INT
from resolvers.fields.loaders import balances_by_client
from resolvers.policy.authorization import VALUE, public
from resolvers.policy.errors import BadUserInput
from resolvers.types.client import Client
from resolvers.types.scalars import CurrencyCode
from upstreams.flow.shared_poll import Watch
from upstreams.polls import Balances


@dataclass(frozen=True, slots=True)
class BalancesEventRecord:
    """One answer of the stream. `known` are the balances that the poll has read."""

    client: ClientRecord
    changed: list[str]
    observed_at: datetime
    known: Mapping[object, Mapping[object, object]]


@public(VALUE)
@strawberry.type(description="A client whose balances are new or have changed.")
class ClientBalancesEvent:
    client: Client = strawberry.field(description="The client. Its balances are those of `observedAt`.")
    changed: list[CurrencyCode] = strawberry.field(description="The currencies that changed; in the first event, all.")
    observed_at: datetime = strawberry.field(description="The time at which the balances were read.")
    is_type_of = is_a(BalancesEventRecord)


async def client_balances_changed(
    info: StreamInfo,
    client_numbers: Annotated[list[int], strawberry.argument(description="The ERP's numbers of the clients.")],
) -> AsyncIterator[BalancesEventRecord]:
    context, limits = info.context, info.context.services.stream_limits
    numbers = list(dict.fromkeys(client_numbers))
    if not 1 <= len(numbers) <= limits.ids_max:
        raise BadUserInput(f"clientNumbers must be from 1 to {limits.ids_max}; got {len(numbers)}.")

    async def read(some: list[int]) -> Mapping[int, ClientRecord]:
        visible, erp = context.caller.visible, context.services.upstreams.erp
        return await erp.clients.ask(visible, [one for one in some if 0 <= one <= MAX_INT], context.new_call())

    found = await read(numbers)
    for place, number in enumerate(numbers):
        if number not in found:
            raise BadUserInput(f"clientNumbers[{place}] is no client that this caller may see.")
    watch: Watch[int, Balances] = Watch(limits.balances_seconds)
    sent: dict[int, Balances] = {}
    poll = context.services.polls.balances
    with context.slot():
        poll.join(watch, numbers)
        try:
            while True:
                number, value = await watch.next()
                await context.afford()
                # The client may have moved to an agency that this caller may not see.
                client = (await read([number])).get(number)
                if client is not None:
                    changed = _changed(sent.get(number, []), value)
                    sent[number] = value
                    now = context.services.clock.now()
                    yield BalancesEventRecord(client, changed, now, {balances_by_client: {number: value}})
        finally:
            poll.leave(watch, numbers)


def _changed(before: Balances, now: Balances) -> list[str]:
    """The currencies with another balance than before."""
    old, new = _by_currency(before), _by_currency(now)
    return sorted(currency for currency in old | new if old.get(currency) != new.get(currency))


def _by_currency(balances: Balances) -> dict[str, BalanceRecord]:
    return {} if isinstance(balances, UpstreamError) else {row.currency: row for row in balances}
