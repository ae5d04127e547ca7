"""The report of bench/lists.py."""

import statistics
from collections.abc import Iterator
from typing import Any

MOST_RATIO = 1.2
Facts = dict[str, Any]


def ratio(facts: Facts, operation: Facts) -> float | None:
    """The median over the rounds of the first page's time, in times of the unordered list's in the same round."""
    if not operation["order"] or operation["page"] != "1":
        return None
    base = _unordered(facts, operation)
    pairs = zip(operation["brokergraph"]["rounds"], base["brokergraph"]["rounds"], strict=True)
    return round(statistics.median(ours / unordered for ours, unordered in pairs), 2)


def _unordered(facts: Facts, operation: Facts) -> Facts:
    name = f"{operation['operation'].partition(' by ')[0]}, unordered"
    return next(one for one in facts["operations"] if one["operation"] == name)


def report(facts: Facts) -> str:
    """The text of LISTS.md."""
    machine = ", ".join(f"{name} {value}" for name, value in facts["machine"].items())
    peer = "PostGraphile p50 | PostGraphile p99 | p50, of PostGraphile"
    rows = ", ".join(f"{count:,} {name}" for name, count in facts["rows"].items())
    lines = [
        "# Lists over many clients",
        "",
        "Written by `bench/lists.py`, which says how.",
        f"{machine}. {rows}. {facts['rounds']} rounds of {facts['requests']} requests for each operation and server.",
        "",
        "Milliseconds for a page of 50. *Unordered* is the time in times of the unordered list's first page.",
        f"Promised: at most {MOST_RATIO}. *Least* is the same ratio of the quickest requests, which other programs on",
        "the machine disturb least. *Load* is the load average of the machine.",
        "",
        "*Planning* and *execution* are milliseconds of brokergraph's statements in PostgreSQL, and *pages* are their",
        "pages of 8 KiB, by `EXPLAIN (ANALYZE, BUFFERS)`. PostgreSQL plans such a statement in each run, because only",
        "the values of a filter tell which index is best.",
        "",
        f"| operation | page | p50 | p99 | {peer} | unordered | least | planning | execution | pages |",
        "| --- |" + " ---: |" * 11,
        *(_row(facts, one) for one in facts["operations"]),
        "",
        *_slow_orders(facts),
        *(f"- Left out: {note}." for note in facts["skipped"]),
        *(f"- {note}." for note in facts["notes"]),
        "- PostgreSQL has nulls first in a descending order, and so has PostGraphile. Here nulls are last.",
        *(f"- Reads as a whole {', '.join(tables)}: {name}." for name, tables in facts["whole_reads"].items()),
    ]
    if not facts["whole_reads"]:
        lines.append("- No statement of these requests reads a large table as a whole.")
    return "\n".join(lines) + "\n"


def _row(facts: Facts, one: Facts) -> str:
    ours, peer, times = one["brokergraph"], one.get("postgraphile"), ratio(facts, one)
    theirs = [peer["p50"], peer["p99"], round(ours["p50"] / peer["p50"], 2)] if peer else ["", "", ""]
    mark = "" if times is None else f"**{times}**" if times > MOST_RATIO else times
    least = "" if times is None else round(ours["least"] / _unordered(facts, one)["brokergraph"]["least"], 2)
    cells = [one["operation"], one["page"], ours["p50"], ours["p99"], *theirs, mark, least]
    return "| " + " | ".join(map(str, [*cells, one["planning"], one["execution"], one["pages"]])) + " |"


def _slow_orders(facts: Facts) -> Iterator[str]:
    """What an order above the promise costs beyond the unordered list."""
    for one in facts["operations"]:
        times = ratio(facts, one)
        if times is None:
            continue
        base = _unordered(facts, one)
        least = [each["brokergraph"]["least"] for each in (one, base)]
        if max(times, least[0] / least[1]) > MOST_RATIO:
            more = {name: round(one[name] - base[name], 2) for name in ("planning", "execution", "pages")}
            yield (
                f"- {one['operation']}: the quickest request takes {round(least[0] - least[1], 2)} ms more than that "
                f"of the unordered list. Its statements take {more['planning']} ms more of planning and "
                f"{more['execution']} ms more of execution. They read {more['pages']} pages more."
            )
