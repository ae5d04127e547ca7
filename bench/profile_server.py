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
    ("resolvers/fields/rendered_clients.py", "texts: parameters, finding holes"),
    ("resolvers/fields/rendered_pages.py", "texts: parameters, finding holes"),
    ("resolvers/fields/statement_rendering.py", "texts: parameters, finding holes"),
    ("resolvers", "resolvers: scopes, costs, limits, live figures"),
    ("upstreams/http/connection_pool.py", "the vendor's answer: transport"),
    ("upstreams/http/http1.py", "the vendor's answer: transport"),
    ("upstreams/http/transport.py", "the vendor's answer: transport"),
    ("upstreams/http/link.py", "the vendor's answer: manners (breaker, rate, places, log)"),
    ("upstreams/vendors", "the vendor's answer: reading it"),
    ("upstreams/flow/bulkhead.py", "the vendor's answer: manners (breaker, rate, places, log)"),
    ("upstreams/http/call_log.py", "the vendor's answer: manners (breaker, rate, places, log)"),
    ("upstreams/postgres/database.py", "the ERP: statements"),
    ("upstreams/postgres/pool.py", "the ERP: statements"),
    ("upstreams/flow/coalescing.py", "sharing of calls"),
    ("upstreams/flow/shared_call.py", "sharing of calls"),
    ("core/fair_queue.py", "fair queues"),
    ("upstreams/erp/rendering", "texts: parameters, finding holes"),
    ("upstreams", "other upstream work"),
    ("instructions", "other upstream work"),
    ("core", "other upstream work"),
    ("api/graphql/exchange.py", "JSON, compression and headers of the answer"),
    ("api/wire/reply.py", "JSON, compression and headers of the answer"),
    ("api/wire/direct_write.py", "JSON, compression and headers of the answer"),
    ("api/observability/log.py", "log lines"),
    ("api/observability/log_sink.py", "log lines"),
    ("api/observability/redaction.py", "log lines"),
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
