"""bench/MIXED.md from what bench/mixed.py has measured."""

import statistics
from typing import Any

from memory import slope

SHARES = {"S": 0.75, "D": 0.2, "deposit": 0.05}
LOAD = 0.7
MOST_P99, MOST_START, MOST_GROWTH = 3, 1.0, 0.02
Figures = dict[str, Any]
Rows = dict[str, tuple[float, str, float | None]]


def summary(found: Figures) -> Rows:
    """Each figure with its meaning and the largest value that is promised."""
    times, memory, points = found["milliseconds"], found["memory"], found["mib"]
    even, most = found["even"]["milliseconds"]["S"], found["capacity"]
    late = points[len(points) // 2 :]
    half, end = late[0][1], late[-1][1]
    wrong = sum(found["wrong"].values())
    rows: Rows = {
        "start_cpu": (statistics.median(found["start_cpu"]), "s of CPU until `brokergraph serve` is ready", MOST_START),
        "capacity": (statistics.median(most["rounds"]), "answers a second, sixteen callers", None),
        "capacity_server_share": (most["server"], "of its core is then used by the server", None),
        "capacity_other_share": (most["other_core"], "of the other core is then used", None),
        "offered": (found["offered_per_second"], "requests a second are offered", None),
    }
    for kind in SHARES:
        rows[f"{kind}_p50"] = (times[kind]["p50"], f"ms, median of {times[kind]['answers']:,} answers", None)
        rows[f"{kind}_p99"] = (times[kind]["p99"], "ms, 99th per cent", None)
    ratio = round(times["S"]["p99"] / times["S"]["p50"], 2)
    connections = (memory["connections"] - memory["documents"]) / found["options"]["connections"] * 1000
    return rows | {
        "S_ratio": (ratio, "times S_p50 is S_p99", MOST_P99),
        "S_even_p50": (even["p50"], f"ms, at even times: median of {even['answers']:,} answers", None),
        "S_even_p99": (even["p99"], "ms, 99th per cent", None),
        "S_even_ratio": (round(even["p99"] / even["p50"], 2), "times S_even_p50 is S_even_p99", None),
        "event_p50": (
            found["events"]["p50"],
            f"ms from an event to its socket, of {found['events']['answers']:,}",
            None,
        ),
        "event_p99": (found["events"]["p99"], "ms, 99th per cent", None),
        "wrong": (wrong, "answers with an error, connections that were lost and requests that were not sent", 0),
        "connections": (found["open_connections"], "connections are open at the end, beside those of streams", None),
        "server_share": (found["server_share"], "of its core is used by the server", None),
        "others_share": (found["others_share"], "of this core is used by other programs", None),
        "database_share": (found["database_share"], "of the other core is used by PostgreSQL", None),
        "other_core_share": (found["other_core_share"], "of the other core is used in all", None),
        "driver_late_p99": (
            found["driver_late_p99"],
            "ms by which requests were sent late, in the figures above",
            None,
        ),
        "mib_start": (memory["start"], "MiB when the server is ready", None),
        "mib_documents": (memory["documents"], "MiB after all documents, each asked three times", None),
        "mib_thousand_connections": (round(connections, 2), "MiB for 1,000 connections that are open", None),
        "mib_streams": (memory["streams"], "MiB after the streams are open, too", None),
        "mib_mix_start": (points[0][1], "MiB when the mixed load begins", None),
        "mib_mix_half": (half, "MiB at half time", None),
        "mib_mix_end": (end, "MiB at its end", None),
        "growth": (round(end / half - 1, 4), "of the memory is added in the second half", MOST_GROWTH),
        "mib_an_hour": (slope(late), "MiB an hour would add, by the second half", None),
    }


def report(found: Figures) -> str:
    rows = "\n".join(
        f"| {name} | {value:,g} | {what}{'' if most is None else f'; promised: at most {most:g}'} |"
        for name, (value, what, most) in summary(found).items()
    )
    facts = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    options = found["options"]
    shares = ", ".join(f"{share:.0%} {kind}" for kind, share in SHARES.items())
    how = (
        f"{shares}. {options['documents']:,} documents, {options['connections']:,} connections, "
        f"{options['streams']:,} streams,\n{options['subscribers']} of which get events. "
        f"{LOAD:.0%} of the capacity for {options['minutes']:g} minutes, "
        f"at random times."
    )
    head = f"# A mixed load\n\nWritten by `bench/mixed.py`, which says how.\n{facts}.\n{how}\n"
    return f"{head}\n| figure | | |\n|---|---:|---|\n{rows}\n"
