"""Writes docker/monitoring from monitoring_panels.py and monitoring_alerts.py: python scripts/monitoring.py [--check]

`make monitoring` runs this script, and a test runs it with --check.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from generated import write_or_check
from monitoring_alerts import ALERTS, Alert, Series
from monitoring_panels import ROWS, Panel

HOUSE = Path(__file__).parent.parent
FOLDER = HOUSE / "docker" / "monitoring"
RUNBOOK = "docs/running.md"
HEAD = "# Written by `make monitoring` from scripts/monitoring_alerts.py; do not edit.\n"
SOURCE = {"type": "prometheus", "uid": "${source}"}
# Grafana's grid has 24 columns.
COLUMNS, WIDTH, HEIGHT = 24, 8, 8
# Longer than each alert must last in its case.
AFTER = {"1h": "80m"}


def alerts() -> str:
    """The rules for Prometheus."""
    rules = [
        {
            "alert": one.name,
            "expr": one.query,
            "for": one.lasting,
            "labels": {"severity": one.severity},
            "annotations": _annotations(one),
        }
        for one in ALERTS
    ]
    return _yaml({"groups": [{"name": "brokergraph", "rules": rules}]})


def cases() -> str:
    """The cases for `promtool test rules`: each alert fires once and is quiet once."""
    tests = [
        case for one in ALERTS for case in (_case(one, one.firing, fires=True), _case(one, one.quiet, fires=False))
    ]
    return _yaml({"rule_files": ["alerts.yaml"], "evaluation_interval": "1m", "tests": tests})


def dashboard() -> str:
    """The dashboard for Grafana 11 or newer."""
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    made = {
        "uid": "brokergraph",
        "title": "brokergraph",
        "schemaVersion": 39,
        "tags": ["brokergraph"],
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [source]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_panels(), 1)],
    }
    return json.dumps(made, indent=2) + "\n"


def section(alert: Alert) -> str:
    """The anchor of the alert's section."""
    return alert.section.lower().replace(" ", "-")


def _annotations(alert: Alert) -> dict[str, str]:
    return {"summary": alert.title, "runbook_url": f"{RUNBOOK}#{section(alert)}"}


def _case(alert: Alert, series: Series, *, fires: bool) -> dict[str, Any]:
    expected = {"exp_labels": {"severity": alert.severity, **alert.labels}, "exp_annotations": _annotations(alert)}
    check = {"eval_time": AFTER.get(alert.lasting, "29m"), "alertname": alert.name}
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{**check, "exp_alerts": [expected] if fires else []}],
    }


def _panels() -> Iterator[dict[str, Any]]:
    top = 0
    for title, panels in ROWS.items():
        yield {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": _place(0, top, COLUMNS, 1)}
        top += 1
        for number, panel in enumerate(panels):
            row, column = divmod(number, COLUMNS // WIDTH)
            yield {**_panel(panel), "gridPos": _place(column * WIDTH, top + row * HEIGHT, WIDTH, HEIGHT)}
        top += -(-len(panels) // (COLUMNS // WIDTH)) * HEIGHT


def _place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


def _panel(panel: Panel) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": query, "legendFormat": legend}
        for number, (legend, query) in enumerate(panel.queries.items())
    ]
    defaults = {"unit": panel.unit, "min": 0}
    return {
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": targets,
    }


def _yaml(value: Any) -> str:
    return HEAD + yaml.safe_dump(value, sort_keys=False, width=10_000)


FILES = {FOLDER / "alerts.yaml": alerts, FOLDER / "alerts.test.yaml": cases, FOLDER / "grafana.json": dashboard}


if __name__ == "__main__":
    sys.exit(write_or_check(FILES, "make monitoring", check="--check" in sys.argv))
