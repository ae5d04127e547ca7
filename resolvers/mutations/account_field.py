"""The field for the account of an instruction. The account is read after the outcome, so that a failed read never hides
the outcome.
"""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from core.records import AccountKey, AccountRecord, InstructionRecord
from resolvers.context import Info
from resolvers.fields.loaders import accounts_by_key
from resolvers.policy.directives import ERP_STATEMENT

if TYPE_CHECKING:
    from resolvers.types.trading_account import TradingAccount

ProducedAccount = Annotated["TradingAccount", strawberry.lazy("resolvers.types.trading_account")] | None


async def _account(root: Any, info: Info) -> AccountRecord | None:
    instruction: InstructionRecord = root.instruction
    if instruction.server is None or instruction.login is None:
        return None
    key = AccountKey(instruction.server, instruction.login)
    found: AccountRecord | None = await info.context.load(accounts_by_key, key)
    return found


def produced_account(description: str) -> Any:
    return strawberry.field(
        resolver=_account, graphql_type=ProducedAccount, description=description, directives=[ERP_STATEMENT]
    )
