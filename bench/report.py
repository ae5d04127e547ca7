"""bench/RESULTS.md from what was measured. Nothing is said here that is not in bench/results.json."""

from typing import Any

Table = list[list[str]]

HEAD = """# What it costs

Written by `make bench`, which says how in [docs/bench.md](../docs/bench.md); every round of every figure is in
[results.json](results.json).

One PostgreSQL and one vendor's stand-in serve all. The measured server has a core to itself; everything else shares
another. Before anything is measured all servers give the same answers, byte for byte after PostGraphile's are put into
the form of the other servers. Servers take turns; figures are medians. brokergraph runs as it does in production:
scopes, visibility, costs, budgets, limits, metrics and a log line for each request and each vendor call.
"""
COLUMNS = {
    "rps": ("answers/s", 0),
    "p50_ms": ("p50 ms", 1),
    "p99_ms": ("p99 ms", 1),
    "server_cpu_ms": ("server CPU ms", 3),
    "database_cpu_ms": ("PostgreSQL CPU ms", 3),
    "total_cpu_ms": ("together ms", 3),
    "rss_mib": ("RSS MiB", 0),
}


def table(head: list[str], rows: Table) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float, places: int) -> str:
    return f"{value:,.{places}f}"


def bars(results: dict[str, Any]) -> str:
    rows = []
    for name, ratio in results["ratios"].items():
        bar, kind = results["bars"][name]
        reached = ratio >= bar if kind == "at least" else ratio <= bar
        rows.append([f"`{name}`", number(ratio, 2), f"{kind} {bar}", "reached" if reached else "**not reached**"])
    return table(["ratio", "measured", "bar", ""], rows)


def cells(results: dict[str, Any]) -> str:
    parts = []
    for shape, found in results["cells"].items():
        rows = [
            [name, *(number(figures[key], places) for key, (_, places) in COLUMNS.items())]
            for name, figures in sorted(found["medians"].items(), key=lambda one: -one[1]["rps"])
        ]
        title = f"### {shape}: {results['shapes'][shape]}, {found['connections']} connections"
        parts.append(f"{title}\n\n{table(['server', *(head for head, _ in COLUMNS.values())], rows)}")
    return "\n\n".join(parts)


def sizes(results: dict[str, Any]) -> str:
    found = results["sizes"]
    names = list(found)
    rows = [
        [size, *(f"{number(found[name][size]['server_cpu_ms'], 2)} ({per(found, name, size)})" for name in names)]
        for size in found[names[0]]
    ]
    ours = found["brokergraph"]
    ratio = ours["5000"]["server_cpu_ms"] / 5000 / (ours["50"]["server_cpu_ms"] / 50)
    text = f"A client at 5,000 costs {ratio:.2f} of one at 50 (bar: at most 1.3)."
    return f"{table(['clients', *names], rows)}\n\nServer CPU in ms an answer, in brackets µs a client. {text}"


def per(found: dict[str, Any], name: str, size: str) -> str:
    return number(found[name][size]["server_cpu_ms"] / int(size) * 1000, 0)


def dashboards(results: dict[str, Any]) -> str:
    found = results["dashboards"]
    names = list(next(iter(found.values())))
    ours, theirs, without = names
    rows = [
        [
            shape,
            number(one[ours]["fields"], 0),
            *(f"{number(one[name]['server_cpu_ms'], 2)} ({number(_cost(one[name]), 2)})" for name in names),
            number(one[ours]["rps"] / one[theirs]["rps"], 2),
        ]
        for shape, one in found.items()
    ]
    least = min(one[ours]["rps"] / one[theirs]["rps"] for one in found.values())
    highest, highest_without = (_spread([one[name] for one in found.values()]) for name in (ours, without))
    of_all = _spread([one[name] for one in found.values() for name in (ours, without)])
    apart = (
        " Measured, like new documents below, in a run of its own, later than the rest."
        if results.get("dashboards_apart")
        else ""
    )
    shown = table(["shape", "fields", *names, f"answers/s, of {theirs}"], rows)
    return (
        f"{shown}\n\n50 clients each, 16 connections. Server CPU in ms an answer, in brackets µs a field. The field of "
        f"the most expensive shape costs {highest:.2f} of the cheapest shape's field (bar: at most 1.5), without the "
        f"vendor's figures {highest_without:.2f}; of all of them together, with and without, {of_all:.2f}. "
        f"The least of the ratios to {theirs} is {least:.2f} (bar: at least 2.2).{apart}"
    )


def _cost(figures: dict[str, float]) -> float:
    return figures["microseconds_a_field"]


def _spread(shapes: list[dict[str, float]]) -> float:
    return max(map(_cost, shapes)) / min(map(_cost, shapes))


def profile(results: dict[str, Any]) -> str:
    found = results["profile"]
    parts = sorted(
        {part for shares in found.values() for part in shares}, key=lambda part: (-found["D0"].get(part, 0), part)
    )
    rows = [[part, *(f"{shares.get(part, 0) * 100:.1f} %" for shares in found.values())] for part in parts]
    return table(["part", *found], rows)


def memory(results: dict[str, Any]) -> str:
    found = results["memory"]
    minutes = found["mib"][-1][0] / 60
    return (
        f"All shapes in turn for {minutes:.0f} minutes: {found['first']} MiB at half time, {found['last']} MiB at the "
        f"end; by the second half an hour would add {found['slope_mib_an_hour']} MiB."
    )


def planning(results: dict[str, Any]) -> str:
    found = results["planning"]
    before, after, twice = (found[f"memory_{when}"] for when in ("before", "after", "after_twice"))
    return (
        f"A new document of a dashboard is parsed and validated in {found['read']:.2f} ms and planned "
        f"in {found['plan']:.2f}, together {found['read_and_plan']:.2f} ms of processor time (bar: under 3). While "
        f"{number(found['documents'], 0)} different ones go through, and as many again, a known one takes "
        f"{found['slowdown']:.2f} times as long (bar: at most 2). Memory: {before} MiB before, {after} after them, "
        f"{twice} after as many again."
    )


def written(results: dict[str, Any]) -> str:
    """The whole report."""
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    versions = ", ".join(f"{name} {value}" for name, value in results["versions"].items())
    servers = "\n".join(f"- **{name}**: {what}" for name, what in results["servers"].items())
    pace = results["pace"]
    how = f"{machine}. {versions}. {pace['rounds']} rounds of {pace['seconds']:g} s."
    sections = {
        "The bar": bars(results),
        "Servers": servers,
        "Every figure": cells(results),
        "What a page costs against its size": sizes(results),
        "What dashboards send": dashboards(results),
        "Where brokergraph's time goes": profile(results),
        "Memory": memory(results),
        "A new document": planning(results),
        "Machine and versions": how,
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"{HEAD}\n{body}\n\n![requests](plots/requests.svg)\n\n![sizes](plots/sizes.svg)\n"
