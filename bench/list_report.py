"""The report of bench/lists.py."""

import statistics
from typing import Any

MOST_RATIO = 1.2
Facts = dict[str, Any]


def ratio(facts: Facts, operation: Facts) -> float | None:
    """The median over the rounds of the first page's time, in times of the unordered list's in the same round."""
    if not operation["order"] or operation["page"] != "1":
        return None
    name = f"{operation['operation'].partition(' by ')[0]}, unordered"
    base = next(one for one in facts["operations"] if one["operation"] == name)
    pairs = zip(operation["brokergraph"]["rounds"], base["brokergraph"]["rounds"], strict=True)
    return round(statistics.median(ours / unordered for ours, unordered in pairs), 2)


def report(facts: Facts) -> str:
    """The text of LISTS.md."""
    machine = ", ".join(f"{name} {value}" for name, value in facts["machine"].items())
    rows = ", ".join(f"{count:,} {name}" for name, count in facts["rows"].items())
    lines = [
        "# Lists over many clients",
        "",
        "Written by `bench/lists.py`, which says how.",
        f"{machine}. {rows}. {facts['rounds']} rounds of {facts['requests']} requests for each operation and server.",
        "",
        "Milliseconds for a page of 50. *Unordered* is the time in times of the unordered list's first page.",
        f"Promised: at most {MOST_RATIO}.",
        "",
        "| operation | page | p50 | p99 | PostGraphile p50 | PostGraphile p99 | p50, of PostGraphile | unordered |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(_row(facts, one) for one in facts["operations"]),
        "",
        *(f"- Left out: {note}." for note in facts["skipped"]),
        *(f"- {note}." for note in facts["notes"]),
        *(f"- Reads as a whole {', '.join(tables)}: {name}." for name, tables in facts["whole_reads"].items()),
    ]
    if not facts["whole_reads"]:
        lines.append("- No statement of these requests reads a large table as a whole.")
    return "\n".join(lines) + "\n"


def _row(facts: Facts, one: Facts) -> str:
    ours, peer, times = one["brokergraph"], one.get("postgraphile"), ratio(facts, one)
    theirs = [peer["p50"], peer["p99"], round(ours["p50"] / peer["p50"], 2)] if peer else ["", "", ""]
    mark = "" if times is None else f"**{times}**" if times > MOST_RATIO else times
    return "| " + " | ".join(map(str, [one["operation"], one["page"], ours["p50"], ours["p99"], *theirs, mark])) + " |"
