"""The clients of examples/ work as they are, and survive what a graph and a network may do to them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.fake_graph import fake_graph
from support.graphs import running_graph
from support.node import generated, installed, run, start_module

pytestmark = pytest.mark.timeout(300)

EXAMPLES = Path(__file__).parents[3] / "examples"
STATUSES = ["RECEIVED", "SENT", "CONFIRMED"]
# The page of urql, without the page.
URQL = """
import { connect } from "./src/client.js";
import { pages, payAndFollow, prepare } from "./src/graph.js";

const client = connect(process.env.BROKERGRAPH_URL, () => process.env.BROKERGRAPH_KEY);
let count = 0;
for await (const nodes of pages(client, 50)) count += nodes.length;
console.log(`${count} clients`);
const payment = await prepare(client, { server: "R1", login: "61436", amount: "25.50", currency: "USD" });
await payAndFollow(client, payment, console.log);
await payAndFollow(client, payment, (status) => console.log(`again ${status}`));
process.exit(0);
"""


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box) as running:
        yield running


@pytest.fixture(scope="module")
def apollo() -> Path:
    return generated(EXAMPLES / "apollo")


def played(name: str, url: str, apollo: Path) -> list[str]:
    """The lines that the client prints."""
    child = start(name, url, apollo, "demo-operator")
    out, problems = child.communicate(timeout=60)
    assert (child.returncode, problems) == (0, ""), problems
    return out.splitlines()


def start(name: str, url: str, apollo: Path, key: str) -> subprocess.Popen:
    variables = {"BROKERGRAPH_URL": url, "BROKERGRAPH_KEY": key}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    if name == "python":
        words = [sys.executable, str(EXAMPLES / "python" / "client.py")]
        return subprocess.Popen(words, env=os.environ | variables, **pipes)
    if name == "apollo":
        return start_module('await import("./src/main.ts");', apollo, variables, **pipes)
    return start_module(URQL, installed(EXAMPLES / "urql"), variables, **pipes)


@pytest.mark.usefixtures("well_behaved")
@pytest.mark.parametrize("name", ["apollo", "urql", "python"])
def test_a_client_pages_deposits_once_and_follows_the_instruction(graph, apollo, name):
    count = graph.data("{ clients(first: 1) { totalCount } }")["clients"]["totalCount"]
    before = graph.data("{ instructions(first: 1, filter: { kinds: [DEPOSIT] }) { totalCount } }")

    lines = played(name, f"{graph.url}/graphql", apollo)

    assert lines == [f"{count} clients", *STATUSES, *(f"again {status}" for status in STATUSES)]
    after = graph.data("{ instructions(first: 1, filter: { kinds: [DEPOSIT] }) { totalCount } }")
    assert after["instructions"]["totalCount"] == before["instructions"]["totalCount"] + 1


@pytest.mark.parametrize("name", ["apollo", "python"])
def test_a_program_names_the_refusal_of_its_deposit(graph, apollo, name):
    # The account is of another agency.
    child = start(name, f"{graph.url}/graphql", apollo, "demo-partner")
    _, problems = child.communicate(timeout=60)

    assert child.returncode == 1
    assert "The deposit was not made: NOT_FOUND" in problems


@pytest.mark.parametrize("name", ["apollo", "urql", "python"])
def test_a_client_repeats_with_the_same_key_and_survives_the_ends_of_streams(apollo, name):
    with fake_graph() as graph:
        lines = played(name, graph.url, apollo)

    assert lines == ["2 clients", *STATUSES, "again CONFIRMED"]
    assert (len(graph.keys), len(set(graph.keys))) == (5, 1)
    # Behind the cursor of STREAM_BEHIND, behind a new one after STREAM_RESET; the repeat from its own.
    assert graph.afters == ["c0", "c3", "c9", "c0"]


def test_the_typescript_has_no_type_errors_and_the_possible_types_are_those_of_the_command(apollo):
    assert run(["node_modules/.bin/tsc"], apollo) == ""
    generated = (apollo / "src" / "generated" / "possible-types.ts").read_text()
    command = [sys.executable, "-m", "api.cli", "schema", "--possible-types"]
    printed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)

    text = re.search(r"= (\{.*\});\s*export", generated, re.DOTALL)
    assert text is not None
    found = json.loads(text[1])["possibleTypes"]
    assert {name: sorted(types) for name, types in found.items()} == printed


@pytest.mark.usefixtures("well_behaved")
def test_the_collection_of_bruno_passes(graph):
    folder = installed(EXAMPLES / "bruno")

    shown = run(
        ["node_modules/.bin/bru", "run", "--env", "demo", "--env-var", f"url={graph.url}/graphql"],
        folder,
    )

    for test in (
        "a page of clients",
        "the same key gets the same instruction",
        "the stream ends with the final status",
    ):
        assert f"✓ {test}" in shown
