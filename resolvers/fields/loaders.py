"""Point look-ups. Each takes keys and returns one answer per key."""

from collections.abc import Sequence
from uuid import UUID

from core.records import AccountKey, AccountRecord, BalanceRecord, ClientRecord, InstructionRecord
from resolvers.context import Context


async def clients_by_number(numbers: Sequence[int], context: Context) -> list[ClientRecord | None]:
    found = await context.services.upstreams.erp.clients.ask(context.caller.visible, numbers, context.call)
    return [found.get(number) for number in numbers]


async def clients_by_account(keys: Sequence[AccountKey], context: Context) -> list[ClientRecord | None]:
    found = await context.services.upstreams.erp.clients_by_account.ask(context.caller.visible, keys, context.call)
    return [found.get(key) for key in keys]


async def accounts_by_key(keys: Sequence[AccountKey], context: Context) -> list[AccountRecord | None]:
    found = await context.services.upstreams.erp.accounts.ask(context.caller.visible, keys, context.call)
    return [found.get(key) for key in keys]


async def balances_by_client(numbers: Sequence[int], context: Context) -> list[list[BalanceRecord]]:
    found = await context.services.upstreams.erp.balances.ask(context.caller.visible, numbers, context.call)
    return [found.get(number, []) for number in numbers]


async def instructions_by_id(ids: Sequence[UUID], context: Context) -> list[InstructionRecord | None]:
    found = await context.services.upstreams.state.ledger.by_ids(ids, context.caller.visible, context.call)
    return [found.get(identity) for identity in ids]


async def instructions_by_key(keys: Sequence[str], context: Context) -> list[InstructionRecord | None]:
    """The caller's own instructions by idempotency key."""
    ledger, caller = context.services.upstreams.state.ledger, context.caller
    found = await ledger.by_keys(caller.principal, keys, caller.visible, context.call)
    return [found.get(key) for key in keys]
