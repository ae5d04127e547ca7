"""docker/monitoring: the files are fresh, Prometheus accepts them, and each alert leads to what its reader must do."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.served import program

HOUSE = Path(__file__).parents[2]
FOLDER = HOUSE / "docker" / "monitoring"


@pytest.fixture
def promtool():
    path = program("promtool")
    if path is None:
        pytest.skip("promtool is not installed here: apt-get install prometheus")
    return path


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules():
    (group,) = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    return group["rules"]


def panels():
    return json.loads((FOLDER / "grafana.json").read_text())["panels"]


def test_the_files_are_fresh():
    run(sys.executable, HOUSE / "scripts" / "monitoring.py", "--check")


def test_prometheus_accepts_the_rules(promtool):
    assert f"SUCCESS: {len(rules())} rules found" in run(promtool, "check", "rules", FOLDER / "alerts.yaml")


def test_each_alert_fires_in_its_case_and_is_quiet_in_its_other(promtool):
    run(promtool, "test", "rules", FOLDER / "alerts.test.yaml")

    cases = [one for test in yaml.safe_load((FOLDER / "alerts.test.yaml").read_text())["tests"]
             for one in test["alert_rule_test"]]  # fmt: skip
    fired = [one["alertname"] for one in cases if one["exp_alerts"]]
    assert sorted(fired) == sorted(one["alertname"] for one in cases if not one["exp_alerts"])
    assert sorted(fired) == sorted(rule["alert"] for rule in rules())


def test_prometheus_accepts_the_queries_of_the_dashboard(promtool, tmp_path):
    queries = [target["expr"] for panel in panels() for target in panel.get("targets", ())]
    recorded = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))

    assert f"SUCCESS: {len(queries)} rules found" in run(promtool, "check", "rules", tmp_path / "panels.yaml")


def test_the_panels_have_places_and_ids_of_their_own():
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in panels())
        for x in range(place["w"])
        for y in range(place["h"])
    ]

    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_each_alert_leads_to_a_section_that_says_what_to_do():
    headings = re.findall(r"^## (.+)$", (HOUSE / "docs" / "running.md").read_text(), re.MULTILINE)
    anchors = {f"docs/running.md#{heading.lower().replace(' ', '-')}" for heading in headings}

    assert {rule["annotations"]["runbook_url"] for rule in rules()} == anchors
    assert {rule["labels"]["severity"] for rule in rules()} == {"page", "ticket"}
