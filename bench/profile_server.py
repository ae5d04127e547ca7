"""Where the processor time of a server goes: py-spy's samples of one shape, by part of the house."""

import subprocess
from collections import Counter

from documents import bodies
from measure import driven
from servers import HERE
from world import Running

RATE = 400
# The innermost frame of ours, or of a library that has a part of its own, says to which part a sample belongs.
PARTS = (
    ("engine", "engine: planning, holes, resolving, building the response"),
    ("resolvers/texts", "texts: parameters, finding holes"),
    ("resolvers", "resolvers: scopes, costs, limits, live figures"),
    ("upstreams/kept.py", "the vendor's answer: transport"),
    ("upstreams/small_calls.py", "the vendor's answer: transport"),
    ("upstreams/transport.py", "the vendor's answer: transport"),
    ("upstreams/http.py", "the vendor's answer: manners (breaker, rate, places, log)"),
    ("upstreams/platforms", "the vendor's answer: reading it"),
    ("upstreams/bulkhead.py", "the vendor's answer: manners (breaker, rate, places, log)"),
    ("upstreams/call_log.py", "the vendor's answer: manners (breaker, rate, places, log)"),
    ("upstreams/database.py", "the ERP: statements"),
    ("upstreams/pool.py", "the ERP: statements"),
    ("upstreams/gate.py", "sharing of calls"),
    ("upstreams/askers.py", "sharing of calls"),
    ("upstreams/turns.py", "sharing of calls"),
    ("upstreams/texts", "texts: parameters, finding holes"),
    ("upstreams", "other upstream work"),
    ("api/exchange.py", "JSON, compression and headers of the answer"),
    ("api/reply.py", "JSON, compression and headers of the answer"),
    ("api/writing.py", "JSON, compression and headers of the answer"),
    ("api/log.py", "log lines"),
    ("api/lines.py", "log lines"),
    ("api/redaction.py", "log lines"),
    ("api", "HTTP: the request's steps, the gate, metrics"),
    ("structlog", "log lines"),
    ("asyncpg", "the ERP: asyncpg"),
    ("graphql", "graphql-core"),
    ("strawberry", "strawberry"),
    ("starlette", "starlette"),
    ("uvicorn", "uvicorn"),
    ("asyncio", "asyncio, uvloop"),
)


def profiled(running: Running, shape: str, seconds: int) -> dict[str, float]:
    """Shares of the samples, largest first."""
    spy = HERE / ".venv" / "bin" / "py-spy"
    out = HERE.parent / ".brokergraph" / "bench" / "profile.raw"
    command = [str(spy), "record", "-r", str(RATE), "-d", str(seconds), "-f", "raw", "-o", str(out)]
    watching = subprocess.Popen(
        [*command, "-p", str(running.process.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    driven(running.peer, bodies(running.peer.dialect, shape), 16, seconds + 1)
    watching.wait()
    counted: Counter[str] = Counter()
    for line in out.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        counted[part_of(stack.split(";"))] += int(count)
    whole = sum(counted.values())
    return {part: round(count / whole, 4) for part, count in counted.most_common()}


def part_of(stack: list[str]) -> str:
    for frame in reversed(stack):
        place = frame.rpartition("(")[2]
        for prefix, part in PARTS:
            if place.startswith(prefix if prefix.endswith(".py") else f"{prefix}/"):
                return part
    return "Python and what it calls"
