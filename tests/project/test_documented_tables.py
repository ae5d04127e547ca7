"""The tables that operators and callers look things up in have all that the code has."""

import re
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from prometheus_client.metrics_core import Metric

from api.admission.limiter import ConcurrencyLimiter
from api.observability.gauges import watch
from api.observability.metrics import Metrics
from api.settings.overload import OverloadSection
from api.streams.metrics import watch_streams, watch_webhooks
from core.call import Tally
from core.clock import Clock

HOUSE = Path(__file__).parents[2]


def section(document: str, heading: str) -> str:
    return (HOUSE / "docs" / document).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the table under this heading, without its own head."""
    lines = section(document, heading).splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")][1:]


def families() -> list[Metric]:
    """All that /metrics may show, each with a sample, as only those tell their labels."""
    measured, tally = Metrics(), Tally()
    watch(measured.registry, ConcurrencyLimiter(OverloadSection(), Clock(), lambda: 0.0), lambda: 0)
    operations: Any = SimpleNamespace(
        slots=SimpleNamespace(taken=0), ended={"completed": 1}, refused={"RATE_LIMITED": 1}
    )
    watch_streams(measured.registry, operations)
    watch_webhooks(measured.registry, {"delivered": 1})
    measured.answered(200, 0.1)
    measured.found("text")
    tally.count("hyper", 1)
    measured.count(tally)
    return list(measured.registry.collect())


def documented(family: Metric) -> list[str]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = {label for sample in family.samples for label in sample.labels} - {"le"}
    return [f"`{name}`", family.type, ", ".join(f"`{label}`" for label in sorted(labels))]


def test_every_family_of_metrics_is_in_the_operators_table():
    shown = [[name, kind, labels] for name, kind, labels, _ in rows("operations.md", "What to watch")]

    assert sorted(shown) == sorted(documented(family) for family in families())


def test_every_status_that_the_server_has_a_name_for_is_among_the_callers():
    code = "".join(path.read_text() for path in (HOUSE / "api").rglob("*.py"))
    named = {str(HTTPStatus[name].value) for name in re.findall(r"HTTPStatus\.([A-Z_]+)", code)}
    told = section("http.md", "Statuses")

    assert named - set(re.findall(r"\b[2-5][0-9]{2}\b", told)) == set()
