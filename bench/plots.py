"""Draws bench/results.json: requests a second of each server, and what a page costs against its size. PNG and SVG."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
OURS, OTHERS, PLAIN = "#1f6f54", "#9aa5b1", "#c8b273"
# Without GraphQL, or nearly.
LIMITS = {"node", "python"}
# What a figure holds is its data: the same results give the same files.
FIXED: dict[str, Any] = {"svg": {"Date": None}, "png": {"Software": None}}


def save(figure: Any, name: str) -> None:
    for kind, metadata in FIXED.items():
        figure.savefig(HERE / "plots" / f"{name}.{kind}", dpi=150, bbox_inches="tight", metadata=metadata)
    plt.close(figure)


def colour(name: str) -> str:
    if name.startswith("brokergraph"):
        return OURS
    return PLAIN if name in LIMITS else OTHERS


def requests_per_second(results: dict[str, Any]) -> None:
    shapes = list(results["cells"])
    figure, axes = plt.subplots(1, len(shapes), figsize=(3.4 * len(shapes), 3.6))
    for axis, shape in zip(axes if len(shapes) > 1 else [axes], shapes, strict=True):
        cell = results["cells"][shape]["medians"]
        names = sorted(cell, key=lambda name: cell[name]["rps"])
        bars = axis.barh(names, [cell[name]["rps"] for name in names], color=[colour(name) for name in names])
        axis.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
        axis.set_title(f"{shape}: {results['shapes'][shape]}", fontsize=9)
        axis.margins(x=0.18)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.set_xlabel("answers a second, one core", fontsize=8)
    figure.tight_layout()
    save(figure, "requests")


def cost_of_size(results: dict[str, Any]) -> None:
    figure, axis = plt.subplots(figsize=(6, 4))
    for name, sizes in results["sizes"].items():
        rows = sorted(int(size) for size in sizes)
        costs = [sizes[str(size)]["server_cpu_ms"] for size in rows]
        axis.plot(rows, costs, marker="o", label=name, color=None if name != "brokergraph" else OURS)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("clients on the page")
    axis.set_ylabel("server's processor time, ms an answer")
    axis.grid(alpha=0.3, which="both")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(fontsize=8)
    save(figure, "sizes")


def main() -> None:
    results = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    (HERE / "plots").mkdir(exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "brokergraph"
    requests_per_second(results)
    if results.get("sizes"):
        cost_of_size(results)


if __name__ == "__main__":
    main()
