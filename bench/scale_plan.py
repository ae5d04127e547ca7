"""What a large broker needs, computed from the figures of bench/scale.py, and the report with both."""

import math
from typing import Any, Final, NamedTuple

Facts = dict[str, Any]


class Cost(NamedTuple):
    """Milliseconds of an answer: processor time of the server and of PostgreSQL, and times until the answer."""

    server_ms: float
    database_ms: float
    p50_ms: float
    p99_ms: float


# The broker of docs/scale.md.
DASHBOARDS: Final = 100_000
COMMANDS_A_MINUTE: Final = 5_000
# Every dashboard asks for each of these operations once in so many seconds, and has so many state streams open.
EVERY_SECONDS: Final = {
    "a page of 50 clients": 60,
    "one client": 30,
    "one account": 60,
    "a search by e-mail": 120,
}
STREAMS_OF_A_DASHBOARD: Final = 2
# A core is planned to be used to this part, so that bursts and the loss of a replica do not become queues.
USED: Final = 0.5
TRADING_HOURS_A_MONTH: Final = 24 * 22
# The default of [streams] retention_days.
LOG_DAYS: Final = 14


class Need(NamedTuple):
    """One row of the plan: cores of graphs and of PostgreSQL."""

    what: str
    rate: float
    graph_cores: float
    database_cores: float


def needs(facts: Facts) -> list[Need]:
    """The cores that are busy at the broker's rates."""
    found = []
    for name, seconds in EVERY_SECONDS.items():
        rate, cost = DASHBOARDS / seconds, facts["operations"][name]
        found.append(Need(name, rate, rate * cost["server_ms"] / 1000, rate * cost["database_ms"] / 1000))
    rate, deposit = COMMANDS_A_MINUTE / 60, facts["deposit"]
    found.append(Need("deposits", rate, rate * deposit["server_ms"] / 1000, rate * deposit["database_ms"] / 1000))
    streams = DASHBOARDS * STREAMS_OF_A_DASHBOARD
    return [*found, Need("streams that are quiet", 0, streams / 10_000 * facts["live"]["quiet_ws_cpu"] / 100, 0)]


def cores(busy: float) -> int:
    return math.ceil(busy / USED)


def stream_gib(facts: Facts) -> float:
    """Memory of all graphs for the streams."""
    return DASHBOARDS * STREAMS_OF_A_DASHBOARD * facts["live"]["quiet_ws_kb"] / 2**20


def gib_a_month(facts: Facts) -> float:
    """The growth of the ledger and of its events at the full rate in all trading hours."""
    size, events = facts["row_bytes"], facts["deposit"]["events"]
    return _gib(TRADING_HOURS_A_MONTH, size["instruction"] + events * size["instruction_event"])


def gib_of_log(facts: Facts) -> float:
    """The log at the full rate in all hours. It does not grow after its days, because retention removes its rows."""
    return _gib(24 * LOG_DAYS, facts["deposit"]["events"] * facts["row_bytes"]["stream_event"])


def _gib(hours: int, bytes_of_command: float) -> float:
    return COMMANDS_A_MINUTE * 60 * hours * bytes_of_command / 2**30


def report(facts: Facts) -> str:
    """The text of SCALE.md."""
    machine = ", ".join(f"{name} {value}" for name, value in facts["machine"].items())
    rows, deposit = facts["rows"], facts["deposit"]
    plan = needs(facts)
    graphs, database = (cores(sum(getattr(one, name) for one in plan)) for name in ("graph_cores", "database_cores"))
    lines = [
        "# Scale",
        "",
        "Written by `bench/scale.py`, which says how. [docs/scale.md](../docs/scale.md) has the conclusions.",
        f"{machine}.",
        f"{rows['clients']:,} clients, {rows['accounts']:,} accounts: {rows['database_gib']} GiB in PostgreSQL.",
        "",
        "## Measured",
        "",
        "Milliseconds of an answer. *Server* and *PostgreSQL* are processor times. Every request has other values. The",
        "operations read the ERP alone. PostgreSQL's time of a deposit includes the stand-in of the vendor, which",
        "writes to the same PostgreSQL.",
        "",
        "| operation | server | PostgreSQL | p50 | p99 |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(_row(name, *cost.values()) for name, cost in facts["operations"].items()),
        _row("a deposit", *(deposit[name] for name in ("server_ms", "database_ms", "p50_ms", "p99_ms"))),
        "",
        f"- A deposit has {deposit['commits']:.1f} commits in our own database and {deposit['events']:.1f} events.",
        *(f"- A row of `{name}` takes {size:.0f} bytes with its indexes." for name, size in facts["row_bytes"].items()),
        f"- The server has {facts['server_mib']} MiB at the end.",
        f"- The snapshot of all totals takes {facts['snapshot_seconds']} s.",
        f"- A quiet stream on a WebSocket takes {facts['live']['quiet_ws_kb']} kB (LIVE.md).",
        "",
        f"## Computed: {DASHBOARDS:,} dashboards, {COMMANDS_A_MINUTE:,} commands a minute",
        "",
        f"Each dashboard asks for {_rhythm()}, and has {STREAMS_OF_A_DASHBOARD} streams.",
        "",
        "| | a second | cores of graphs | cores of PostgreSQL |",
        "| --- | ---: | ---: | ---: |",
        *(f"| {one.what} | {one.rate:,.0f} | {one.graph_cores:.2f} | {one.database_cores:.2f} |" for one in plan),
        f"| **cores that are used to {USED:.0%}** | | **{graphs}** | **{database}** |",
        "",
        f"- Memory of the streams: {stream_gib(facts):.1f} GiB over all graphs.",
        f"- Commits in our own database: {COMMANDS_A_MINUTE / 60 * deposit['commits']:,.0f} a second.",
        f"- Growth of the ledger with its events, if the rate never falls: {gib_a_month(facts):,.0f} GiB a month.",
        f"- The log of {LOG_DAYS} days at this rate: {gib_of_log(facts):,.0f} GiB.",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, *milliseconds: float) -> str:
    return f"| {name} | " + " | ".join(f"{one:,.2f}" for one in milliseconds) + " |"


def _rhythm() -> str:
    parts = [f"{name} every {seconds} s" for name, seconds in EVERY_SECONDS.items()]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
