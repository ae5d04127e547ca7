"""`brokergraph query`: the graph from a shell."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from support.graphs import running_graph
from support.mutations import deposit
from support.served import PROGRAM

from api.cli import main

NAME = "{ viewer { name } }"
ACCOUNT = ("R1", "61436")
SEVERAL = "query One { viewer { name } } query Two($n: Int!) { client(by: {clientNumber: $n}) { fullName } }"


@pytest.fixture(scope="module")
def graph(box):
    with running_graph(box) as running:
        yield running


@pytest.fixture
def query(graph) -> Callable[..., Result]:
    def run(*words: str, key: str | None = "demo-operator", stdin: str = "") -> Result:
        variables = {"BROKERGRAPH_URL": f"{graph.url}/graphql", "BROKERGRAPH_KEY": key}
        return CliRunner().invoke(main, ["query", *words], input=stdin, env=variables)

    return run


def test_a_document_is_an_argument_a_file_or_standard_input(query, tmp_path):
    file = tmp_path / "viewer.graphql"
    file.write_text(NAME)

    answers = [query(NAME), query("--file", str(file)), query(stdin=NAME), query("-f", "-", stdin=NAME)]

    assert {one.exit_code for one in answers} == {0}
    assert [json.loads(one.stdout) for one in answers] == [{"data": {"viewer": {"name": "demo-operator"}}}] * 4


def test_variables_and_the_operation_are_chosen(query, tmp_path):
    file = tmp_path / "variables.json"
    file.write_text('{"n": 500608}')

    answers = [
        query(SEVERAL, "--operation", "Two", "--variables", '{"n": 500608}'),
        query(SEVERAL, "--operation", "Two", "--variables", f"@{file}"),
    ]

    assert {json.loads(one.stdout)["data"]["client"]["fullName"] for one in answers} == {"Noa Ben-David"}


def test_an_option_counts_more_than_the_environment(query):
    done = query(NAME, "--key", "demo-reader")

    assert json.loads(done.stdout)["data"]["viewer"]["name"] == "demo-reader"


def test_explain_asks_for_the_call_plan(query):
    done = query(NAME, "--explain")

    assert "plan" in json.loads(done.stdout)["extensions"]


@pytest.mark.parametrize(
    "document, key, code",
    [
        ("{ nothing }", "demo-operator", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { name } }", "nobody", "UNAUTHENTICATED"),
        ("{ viewer { name } }", None, "UNAUTHENTICATED"),
        ("{ client(by: {clientNumber: 500608}) { balances { cash } } }", "demo-reader", "FORBIDDEN"),
    ],
)
def test_an_answer_with_errors_is_printed_and_ends_with_1(query, document, key, code):
    done = query(document, key=key)

    assert done.exit_code == 1
    assert json.loads(done.stdout)["errors"][0]["extensions"]["code"] == code
    assert done.stderr == ""


def test_each_event_of_a_subscription_is_a_line(graph, well_behaved):
    environment = os.environ | {"BROKERGRAPH_URL": f"{graph.url}/graphql", "BROKERGRAPH_KEY": "demo-operator"}
    document = "subscription ($after: String) { instructionEvents(after: $after) { cursor event { status } } }"
    after = graph.data("{ instructionEventsCursor }")["instructionEventsCursor"]
    words = [PROGRAM, "query", document, "--variables", json.dumps({"after": after})]

    # A shell in which the tests run in the background ignores the signal, and a child inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    with child:
        deposit(graph, *ACCOUNT)
        events = [json.loads(child.stdout.readline())["data"]["instructionEvents"] for _ in range(3)]
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=30)

    assert [one["event"]["status"] for one in events] == ["RECEIVED", "SENT", "CONFIRMED"]
    assert len({one["cursor"] for one in events}) == 3
    assert (child.returncode, errors.strip()) == (130, "")


def test_a_subscription_that_completes_ends_the_command(query, graph, well_behaved):
    found = deposit(graph, *ACCOUNT)["instruction"]["id"]

    done = query("subscription ($id: ID!) { instructionUpdated(id: $id) { status } }", "-v", json.dumps({"id": found}))

    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"data": {"instructionUpdated": {"status": "CONFIRMED"}}}


class Stranger(BaseHTTPRequestHandler):
    """Servers that are no graph: a page, a redirection, a broken stream."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        status, headers, body = {
            "/page": (502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>"),
            "/moved": (302, {"Location": "http://127.0.0.1:9/"}, b""),
            "/broken": (200, {"Content-Type": "text/event-stream"}, b'event: next\ndata: {"data": {"a": 1}}\n\n'),
        }[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Write no line for each request."""


@pytest.fixture
def stranger() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path, status", [("/page", 502), ("/moved", 302)])
def test_an_answer_of_another_server_is_named_and_no_redirection_gets_the_key(query, stranger, path, status):
    done = query(NAME, "--url", f"{stranger}{path}")

    assert done.exit_code == 1
    assert done.output == f"Error: The answer is not of a graph (HTTP {status}); is the address right?\n"


def test_a_stream_that_breaks_off_is_named_after_its_answers(query, stranger):
    done = query("subscription { a }", "--url", f"{stranger}/broken")

    assert (done.exit_code, done.stdout) == (1, '{"data": {"a": 1}}\n')
    assert done.stderr == "Error: The server ended the stream. Subscribe again, a log after its last cursor.\n"


def test_a_time_out_says_that_a_mutation_may_have_been_applied(query):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/graphql"
        done = query(NAME, "--url", url, "--timeout", "0.2")

    assert done.exit_code == 1
    assert "did not answer within 0.2 s. A mutation may have been applied" in done.stderr


def test_possible_types_are_printed_for_apollo_client():
    done = CliRunner().invoke(main, ["schema", "--possible-types"])

    types = json.loads(done.output)
    assert types["DepositPayload"][0] == "DepositConfirmed"
    assert set(types["MutationError"]) == {"IdempotencyConflict", "Refused", "UpstreamFailed", "ValidationFailed"}
