"""/metrics: every metric is documented, and a scrape of one worker has the figures of all."""

import json
import os
import re
import signal
import time
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from support.graphs import running_graph
from support.mutations import deposit
from support.served import HOUSE, QUERY, descendants, serving

OPEN = {"BROKERGRAPH_SERVER__METRICS": "everyone"}
DOCUMENT = "query Trusted($number: Int!) { client(by: { clientNumber: $number }) { fullName balances { currency } } }"


def families(text):
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(text, name, **labels):
    """The sum of the samples with these labels."""
    return sum(
        sample.value
        for family in families(text).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def rows():
    """The table of docs/operations.md: (name, type, labels)."""
    section = (HOUSE / "docs/operations.md").read_text().partition("\n## What to watch\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `brokergraph_")]
    return [[cell.strip() for cell in line.split("|")[1:4]] for line in lines]


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box, SERVER__METRICS="everyone") as running:
        yield running


@pytest.fixture
def used(graph, well_behaved):
    """The text of a scrape after all kinds of work."""
    graph.data(DOCUMENT, {"number": 500608})
    graph.data("{ client(by: { clientNumber: 500608 }) { tradingAccounts(first: 2) { nodes { live { balance } } } } }")
    graph.post("{ nothing }")
    deposit(graph, "R1", "61436")
    return graph.client.get(f"{graph.url}/metrics").text


def test_the_operators_table_has_every_metric_with_its_type_and_labels(used):
    found = {name: family for name, family in families(used).items() if not name.endswith("_created")}
    documented = {name.strip("`").removesuffix("_total"): (kind, labels) for name, kind, labels in rows()}

    assert {name: family.type for name, family in found.items()} == {
        name: kind for name, (kind, _) in documented.items()
    }
    for name, family in found.items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        shown = ", ".join(f"`{label}`" for label in sorted(labels))
        assert not family.samples or shown == documented[name][1], name


def targets():
    """The queries of all alerts and panels with their legends."""
    folder = HOUSE / "docker" / "monitoring"
    for group in yaml.safe_load((folder / "alerts.yaml").read_text())["groups"]:
        yield from ((rule["expr"], "") for rule in group["rules"])
    for panel in json.loads((folder / "grafana.json").read_text())["panels"]:
        yield from ((target["expr"], target["legendFormat"]) for target in panel.get("targets", ()))


def test_the_queries_of_alerts_and_panels_name_metrics_of_a_scrape(used):
    found = families(used)
    # A metric with labels may have no series before its first event.
    empty = {name + ("_total" if one.type == "counter" else "") for name, one in found.items() if not one.samples}
    scraped = empty | {sample.name for family in found.values() for sample in family.samples}

    named = set(re.findall(r"brokergraph_\w+", " ".join(query for query, _ in targets())))
    assert len(named) > 30
    assert named - scraped == set()


def test_the_queries_of_alerts_and_panels_name_labels_of_their_metrics():
    labels = {name.strip("`"): set(re.findall(r"\w+", shown)) | {"instance"} for name, _, shown in rows()}

    for query, legend in targets():
        for name, matchers in re.findall(r"(brokergraph_\w+)(?:\{([^}]*)\})?", query):
            used = set(re.findall(r"\{\{(\w+)\}\}", legend)) | set(re.findall(r"(\w+)[=!]", matchers))
            assert used <= labels.get(name, {"instance"}), query


def test_the_figures_of_a_process_are_those_of_its_work(graph, used):
    assert value(used, "brokergraph_errors_total", code="GRAPHQL_VALIDATION_FAILED") >= 1
    assert value(used, "brokergraph_operations_total", operation="other") >= 3
    assert value(used, "brokergraph_upstream_keys_total", upstream="CPLUGIN") >= 1
    assert value(used, "brokergraph_upstream_outcomes_total", upstream="CPLUGIN", outcome="answered") >= 1
    assert value(used, "brokergraph_upstream_state", upstream="CPLUGIN", state="UP") >= 1
    assert value(used, "brokergraph_database_connections", state="open") >= 1
    assert value(used, "brokergraph_documents_cached") >= 3
    assert value(used, "brokergraph_build_info") == 1
    assert value(used, "brokergraph_cost_total") > 0
    assert "Trusted" not in used


def test_only_a_trusted_document_gives_its_name_to_a_metric(box):
    settings = {"SERVER__METRICS": "everyone", "DOCUMENTS__MODE": "log"}
    with running_graph(box, **settings) as graph:
        graph.post("query Chosen { viewer { name } }", operationName="Chosen")
        graph.post("query Refused { nothing }", operationName="Refused")
        text = graph.client.get(f"{graph.url}/metrics").text

    assert {
        sample.labels["operation"] for sample in families(text)["brokergraph_operations"].samples if sample.labels
    } == {"other"}


def scrape(served):
    with urllib.request.urlopen(f"{served.address}/metrics", timeout=10) as answer:
        return answer.read().decode()


def until(served, condition):
    deadline = time.monotonic() + 30
    while not condition(text := scrape(served)):
        assert time.monotonic() < deadline, text
        time.sleep(0.1)
    return text


def test_a_scrape_of_one_worker_has_the_figures_of_all_also_after_the_death_of_one(acme):
    with serving(acme.operator.having(**OPEN), "--workers", "2") as served:
        for _ in range(20):
            served.ask(QUERY, acme.key)
        answered = {"name": "brokergraph_requests_total", "status": "200"}
        text = until(served, lambda text: value(text, **answered) == 20)
        assert value(text, "brokergraph_request_seconds_count") == 20
        assert value(text, "brokergraph_build_info") == 1
        assert value(text, "brokergraph_instructions_writable") == 1
        workers = value(text, "brokergraph_concurrency_limit")

        # A killed worker loses the counts that it has not written yet.
        time.sleep(2)
        worker = next(pid for pid in sorted(descendants(served.process.pid)) if serves(pid))
        os.kill(worker, signal.SIGKILL)
        until(served, lambda _: worker not in descendants(served.process.pid))
        text = until(served, lambda text: value(text, "brokergraph_concurrency_limit") == workers)
        # The counts of the dead worker remain, so that no counter falls.
        assert value(text, **answered) == 20
        served.ask(QUERY, acme.key)
        until(served, lambda text: value(text, **answered) == 21)
        assert served.stop() == 0


def serves(pid):
    """Whether the process is a worker and no helper of multiprocessing."""
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_no_metric_has_a_secret_or_a_person(graph, used):
    assert "demo-operator" not in used
    assert json.dumps("Noa") not in used
