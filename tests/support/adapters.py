"""The adapters that the contract suite asks: one line for each port of each kind of server."""

from dataclasses import dataclass


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
class DepositAdapter:
    """`path` and `history` are parts of the addresses of its deposit call and of its search."""

    server: str
    vendor: str
    path: str
    history: str
    ticket: bool = True
    keyed: bool = False
    exchange_seconds: str = "1.5"
    """How long one HTTP exchange of its deposit may take."""


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
    "cplugin v2": DepositAdapter(
        "R1", "cplugin", "TradeTransaction", "TradesUserHistory", keyed=True, exchange_seconds="31"
    ),
    "cplugin v1": DepositAdapter("R3", "cplugin", "TradeTransaction", "TradesUserHistory", exchange_seconds="31"),
    "broctagon": DepositAdapter("A1", "broctagon", "deposit", "report/transactions", ticket=False),
    "mt5 web": DepositAdapter("M1", "mt5_web", "trade/balance", "deal/get_"),
}
