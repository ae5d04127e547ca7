"""Everything that can be watched."""

import strawberry

from resolvers.fields.declare import stream
from resolvers.policy.directives import ERP_STATEMENT, STATE_STATEMENT, asks
from resolvers.policy.scopes import Scope
from resolvers.subscriptions.client_balances_changed import ClientBalancesEvent, client_balances_changed
from resolvers.subscriptions.instruction_events import InstructionStreamEvent, instruction_events
from resolvers.subscriptions.instruction_updated import instruction_updated
from resolvers.subscriptions.trading_accounts_changed import TradingAccountEvent, trading_accounts_changed
from resolvers.types.instruction import Instruction


@strawberry.type(
    description="The streams. A stream of the log gives every event once. A stream of states gives the current value, "
    "and then the newest value after each change."
)
class Subscription:
    instruction_updated = stream(
        instruction_updated,
        returns=Instruction,
        description="The instruction as it is now, then after each change. Completes after a final status.",
        upstreams=[STATE_STATEMENT],
        scopes=[Scope.INSTRUCTION_READ],
    )
    client_balances_changed = stream(
        client_balances_changed,
        returns=ClientBalancesEvent,
        description="The balances of these clients now, then each change.",
        upstreams=[ERP_STATEMENT],
        scopes=[Scope.CLIENT_READ, Scope.BALANCE_READ],
    )
    trading_accounts_changed = stream(
        trading_accounts_changed,
        returns=TradingAccountEvent,
        description="These accounts with their live figures now, then each change.",
        upstreams=[ERP_STATEMENT, *asks("live")],
        scopes=[Scope.CLIENT_READ, Scope.BALANCE_READ],
    )
    instruction_events = stream(
        instruction_events,
        returns=InstructionStreamEvent,
        description="Every event of every instruction that the caller may see, in one order, from `after` on (default: "
        "from now). Ends with STREAM_RESET if the cursor is too old, and with STREAM_BEHIND if the reader is too slow.",
        upstreams=[STATE_STATEMENT],
        scopes=[Scope.INSTRUCTION_READ],
    )
