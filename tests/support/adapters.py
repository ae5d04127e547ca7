"""The adapters that the contract suite asks: one line for each port of each kind of server."""

from dataclasses import dataclass, replace

from core.commands import DepositCommand, MoneyCommand, WithdrawalCommand


@dataclass(frozen=True)
class LiveAdapter:
    """`path` is a part of the address of its call for live figures, `rows` the member of its answer with the list."""

    server: str
    system: str
    vendor: str
    path: str
    knows_balance: bool = True
    v1: bool = False
    batched: bool = True
    rows: str = "data"
    login: str = "login"


@dataclass(frozen=True)
class MoneyAdapter:
    """`path`, `withdrawal` and `history` are parts of the addresses of its deposits, its withdrawals and its search."""

    server: str
    vendor: str
    path: str
    history: str
    ticket: bool = True
    keyed: bool = False
    exchange_seconds: str = "1.5"
    """How long one HTTP exchange of its deposit may take."""
    withdrawal: str | None = None
    """None: its vendor offers no withdrawals."""
    command: type[MoneyCommand] = DepositCommand

    @property
    def port(self) -> str:
        """The port of a server that takes its commands."""
        return "deposits" if self.command is DepositCommand else "withdrawals"

    async def prepare(self, server, command, call):
        return await getattr(server, self.port).prepare(command, call)


LIVE = {
    "cplugin mt4": LiveAdapter("R1", "CPLUGIN", "cplugin", "UserRecordsRequest"),
    "cplugin mt4, v1 credentials": LiveAdapter("R3", "CPLUGIN", "cplugin", "UserRecordsRequest"),
    "cplugin mt4, v1 alone": LiveAdapter("R3", "CPLUGIN", "cplugin", "UserRecordGet", v1=True, batched=False),
    "cplugin mt5": LiveAdapter("R2", "CPLUGIN", "cplugin", "UserGet", batched=False),
    "broker work ctrader": LiveAdapter("L1", "BROKER_WORK", "broker_work", "account/info", knows_balance=False),
    "broker work mt4": LiveAdapter("L2", "BROKER_WORK", "broker_work", "account/info", knows_balance=False),
    "mt5 web": LiveAdapter("M1", "MT5_WEB", "mt5_web", "user/get_batch", rows="answer", login="Login"),
}

DEPOSITS = {
    "cplugin v2": MoneyAdapter(
        "R1", "cplugin", "TradeTransaction", "TradesUserHistory", keyed=True, exchange_seconds="31",
        withdrawal="TradeTransaction",
    ),
    "cplugin v1": MoneyAdapter(
        "R3", "cplugin", "TradeTransaction", "TradesUserHistory", exchange_seconds="31", withdrawal="TradeTransaction"
    ),
    "broctagon": MoneyAdapter(
        "A1", "broctagon", "deposit", "report/transactions", ticket=False, withdrawal="withdrawal"
    ),
    "mt5 web": MoneyAdapter("M1", "mt5_web", "trade/balance", "deal/get_", withdrawal="trade/balance"),
}  # fmt: skip

WITHDRAWALS = {
    f"{name}, withdrawal": replace(one, path=one.withdrawal, command=WithdrawalCommand)
    for name, one in DEPOSITS.items()
    if one.withdrawal is not None
}

MONEY = DEPOSITS | WITHDRAWALS
