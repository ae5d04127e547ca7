"""Every example of the documents is true: documents of the graph, answers, commands, settings."""

import asyncio
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from graphql import GraphQLSchema, OperationDefinitionNode, OperationType, build_schema, parse, validate
from support.agreed_documents import digest
from support.boxes import RunningBox, running_box
from support.documented import ADDRESS, HOUSE, Block, Terminal, blocks, expected, need_curl, pages
from support.graphs import Graph, running_graph
from support.mutations import deposit
from support.polling import until
from support.served import Operator

from api.settings.settings import load_settings

CLIENTS = 50
# What the pages say of the demo, and of the one that rehearses failures, where the time is longer.
SETTINGS = {"WITHDRAWALS__APPROVAL_ABOVE": '{ USD = "1000" }', "RECONCILIATION__REVIEW_AFTER_SECONDS": "1"}
VARIABLES = {"rows": 2}
# Blocks that this module does not run, by how they begin, and why.
NOT_RUN = {
    "README.md": {
        "make demo": "tests/browser/test_tutorial.py runs it; `make test` is this run",
        "make demo ARGS": "tests/browser/test_example_pages.py, with another port",
        "uv run": "tests/integration/serve/test_installing.py",
        "python3 -m venv": "tests/integration/serve/test_installing.py",
        "curl -N": "tests/integration/streams/test_curl.py",
    },
    "CONTRIBUTING.md": {"make": "the run itself", ".venv/bin/pytest": "the run itself"},
    "docs/clients.md": {
        "(cd examples": "tests/conformance/examples",
        "brokergraph demo": "tests/browser/test_example_pages.py",
    },
    "docs/command-line.md": {
        "brokergraph keys list --json | jq": "jq is no program of this project",
        "brokergraph query 'subscription": "it does not end; tests/integration/serve/test_query_command.py",
    },
    "docs/bench.md": {"make bench": "minutes", ".venv/bin/python bench": "minutes"},
    "docs/graphiql.md": {"npm install": "it asks a registry"},
    "docs/rehearsing-failures.md": {"BROKERGRAPH_RECONCILIATION": "the fixtures are this demo"},
    "docs/subscriptions.md": {"curl -N": "tests/integration/streams/test_curl.py"},
    "docs/tutorial.md": {"": "tests/browser/test_tutorial.py"},
}
NO_SETTINGS = {"docs/adding-a-vendor.md": "tests/integration/vendors/test_toy_vendor.py"}
CLIENT = "query Client($number: Int!) { client(by: { clientNumber: $number }) { fullName } }"
# The files that the commands of a page find, and the commands before them.
FILES = {
    "persisted-documents.json": {digest(CLIENT): CLIENT},
    "persisted-query-manifest.json": {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [{"id": digest(CLIENT), "name": "Client", "type": "query", "body": CLIENT}],
    },
    "dashboard.json": {digest(CLIENT): CLIENT},
    "deposit.graphql": """mutation Deposit($key: ID!) { deposit(input: { idempotencyKey: $key,
      account: { account: { server: "R1", login: "61436" } }, amount: "1.00", currency: USD }) { __typename } }""",
    "variables.json": {"key": "invoice-2032"},
}
CHECKPOINT = re.compile(r".*proof\.checkpoint.*")
OUR_COMMAND = re.compile(r"brokergraph [^$|>]*")
PREPARED = {"docs/identities.md": "brokergraph keys create acme --id key-1a2b3c4d --scope client:read"}


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[RunningBox]:
    """A sandbox of its own, because the examples make accounts that other tests do not expect."""
    with running_box(tmp_path_factory.mktemp("documented"), CLIENTS) as running:
        yield running


@pytest.fixture(scope="module")
def graph(box) -> Iterator[Graph]:
    """A graph with an event, and with the checkpoint that a page names."""
    with running_graph(box, **SETTINGS) as graph:
        deposit(graph, "R1", "61436")
        asyncio.run(until(lambda: CHECKPOINT.search(graph.written())))
        yield graph


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((HOUSE / "schema.graphql").read_text())


@pytest.fixture(scope="module")
def answers() -> Any:
    path = list(sys.path)
    sys.path.insert(0, str(HOUSE / "scripts"))
    yield import_module("docs_answers")
    sys.path[:] = path


def of_language(*languages: str) -> list[Block]:
    return [block for page in pages() for block in blocks(page) if block.language in languages]


@pytest.mark.parametrize("block", of_language("graphql"), ids=lambda block: block.place)
def test_a_document_is_valid_for_the_schema(schema, block):
    assert validate(schema, parse(block.text)) == []


def queries() -> list[Block]:
    chosen = [block for block in of_language("graphql") if block.page != "docs/root-fields.md"]
    return [block for block in chosen if operation(block).operation is OperationType.QUERY]


def operation(block: Block) -> OperationDefinitionNode:
    return next(one for one in parse(block.text).definitions if isinstance(one, OperationDefinitionNode))


@pytest.mark.parametrize("block", queries(), ids=lambda block: block.place)
def test_a_query_is_answered_without_an_error(graph, block):
    wanted = {one.variable.name.value for one in operation(block).variable_definitions or ()}

    graph.data(block.text, {name: value for name, value in VARIABLES.items() if name in wanted})


def test_the_readme_shows_the_answers_of_the_demo(graph, answers):
    found = blocks("README.md")
    query, mutation = [block for block in found if block.language == "graphql"]
    shown = next(block for block in found if block.language == "json")

    assert answers.masked(graph.ask(query.text)) == answers.masked(json.loads(shown.text))
    assert graph.data(mutation.text)["deposit"]["instruction"]["status"] == "CONFIRMED"


def test_the_plan_of_an_operation_is_what_the_page_shows(graph):
    request, plan = [json.loads(block.text) for block in blocks("docs/resolvers.md") if block.language == "json"]

    found, shown = graph.ask(request["query"], explain=True)["extensions"]["plan"], plan["extensions"]["plan"]
    # Only the times differ from one machine to another.
    assert found.pop("milliseconds").keys() == shown.pop("milliseconds").keys()
    assert found == shown


def test_each_root_field_has_an_example_with_its_answer(graph, schema, answers):
    page = answers.PAGE.read_text()

    ran = list(answers.run(page, lambda *asked: answers.post(f"{graph.url}/graphql", *asked)))

    differing = [
        (example.query, answer)
        for example, answer in ran
        if answers.masked(answer) != answers.masked(example.answer) or "errors" in answer
    ]
    assert differing == []
    asked = {
        field.name.value
        for example, _ in ran
        for one in parse(example.query).definitions
        for field in one.selection_set.selections
    }
    assert asked == {
        name for root in ("query", "mutation", "subscription") for name in getattr(schema, f"{root}_type").fields
    }


def reason(block: Block) -> str | None:
    """Why the block is not run."""
    return next((why for start, why in NOT_RUN.get(block.page, {}).items() if block.text.startswith(start)), None)


def runnable() -> list[str]:
    return sorted({block.page for block in of_language("sh") if reason(block) is None})


@pytest.fixture
def desk(tmp_path, box, graph) -> Path:
    """The folder in which a reader runs commands: it has the demo's data folder, and the files that the pages name."""
    (tmp_path / ".brokergraph").symlink_to(box.settings_path.parent)
    for name, content in FILES.items():
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    (tmp_path / "new.graphql").write_text((HOUSE / "schema.graphql").read_text())
    (tmp_path / "docker").symlink_to(HOUSE / "docker")
    box.reset()
    return tmp_path


@pytest.mark.parametrize("page", runnable())
def test_the_commands_of_a_page_run_and_print_what_it_shows(desk, box, graph, answers, page, monkeypatch):
    need_curl()
    monkeypatch.chdir(desk)
    shown = [(block, after) for block, after in expected(page) if block.language == "sh" and reason(block) is None]
    prepared = Block(page, "sh", "", PREPARED.get(page, ""), 0)

    wrong = []
    with Terminal(desk, **environment(box, graph)) as terminal:
        for block, after in [(prepared, None), *shown]:
            printed = run(terminal, box, replace(block, text=told(block.text, graph)))
            if not fits(answers, after, printed):
                wrong.append((block.place, printed))

    assert wrong == []


def run(terminal: Terminal, box: RunningBox, block: Block) -> str:
    """What the block prints. Our own commands run in this process, which has the imports behind it."""
    lines = block.text.splitlines()
    if not all(OUR_COMMAND.fullmatch(line) for line in lines):
        return terminal.run(block)
    lines = [shlex.split(line, comments=True) for line in lines]
    done = [Operator(box.settings_path).run_here(*words[1:]) for words in lines]
    assert [one.output for one in done if one.exit_code != 0] == []
    return "".join(one.output for one in done)


def told(text: str, graph: Graph) -> str:
    """The commands with the address of this graph, and with values for the names that a page leaves open."""
    checkpoint = json.loads(CHECKPOINT.search(graph.written())[0])["hash"]
    values = {ADDRESS: graph.url, "HASH": checkpoint, "ID...": digest(CLIENT)}
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def environment(box: RunningBox, graph: Graph) -> dict[str, str]:
    return {
        "BROKERGRAPH_CONFIG": str(box.settings_path),
        "URL": graph.url,
        "KEY": "demo-operator",
        "ID": digest(CLIENT),
    }


def fits(answers: Any, after: Block | None, printed: str) -> bool:
    """Whether the commands printed what the page shows, but for values that differ from one sandbox to another."""
    if after is None:
        return True
    if after.language == "json":
        return bool(answers.masked(json.loads(printed)) == answers.masked(json.loads(after.text)))
    return printed.strip().endswith(after.text.strip())


def test_only_blocks_that_exist_are_left_out():
    known = {block.page: [] for block in of_language("sh")}
    for block in of_language("sh"):
        known[block.page].append(block.text)

    unused = [
        (page, start)
        for page, starts in NOT_RUN.items()
        for start in starts
        if not any(text.startswith(start) for text in known.get(page, []))
    ]
    assert unused == []


def settings_blocks() -> list[Block]:
    return [block for block in of_language("toml") if block.page not in NO_SETTINGS]


@pytest.mark.parametrize("block", settings_blocks(), ids=lambda block: block.place)
def test_settings_of_a_page_are_settings(box, tmp_path, block):
    tables = merged(tomllib.loads(box.settings_path.read_text()), tomllib.loads(block.text))
    (tmp_path / "brokergraph.toml").write_text(tomlkit.dumps(tables))

    load_settings(tmp_path / "brokergraph.toml", {})


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {name: merged(one[name], value) for name, value in other.items() if isinstance(one.get(name), dict)}
    return one | other | both
