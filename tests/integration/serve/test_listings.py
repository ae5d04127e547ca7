"""Listings of the command line: empty ones, and JSON for programs."""

import json

import pytest
from support.served import Operator

EMPTY = {
    "keys list": "There are no keys; `keys create` makes one.",
    "documents list": "There are no documents; `documents add` adds some.",
    "webhooks list": "There are no webhooks; `webhooks add` adds one.",
    "instructions list": "Every instruction has an outcome.",
    "instructions list --needs-review": "No instruction needs a review.",
}
WEBHOOK_KEY = {"BROKERGRAPH_WEBHOOKS__KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}


@pytest.fixture(scope="module")
def empty(box, new_database) -> Operator:
    operator = Operator(box.settings_path, {"BROKERGRAPH_STATE__DATABASE_URL": new_database()})
    operator.run_here("migrate")
    return operator


@pytest.mark.parametrize("command", EMPTY)
def test_an_empty_list_says_so_and_is_empty_for_programs(empty, command):
    shown, printed = empty.run_here(*command.split()), empty.run_here(*command.split(), "--json")

    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", f"{EMPTY[command]}\n")
    assert (printed.exit_code, json.loads(printed.stdout), printed.stderr) == (0, [], "")


def test_keys_documents_and_webhooks_are_listed_as_json(operator, tmp_path):
    operator.run_here("migrate")
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"one": "query Viewer { viewer { name } }"}')
    operator = operator.having(**WEBHOOK_KEY)
    operator.run_here("keys", "create", "acme", "--id", "one", "--scope", "client:read", "--agency", "7")
    operator.run_here("documents", "add", "acme", str(manifest))
    operator.run_here("webhooks", "add", "acme", "https://acme.example/hook/secret-path", "--kinds", "DEPOSIT")

    [key] = json.loads(operator.run_here("keys", "list", "--json").stdout)
    [document] = json.loads(operator.run_here("documents", "list", "--json").stdout)
    hooks = operator.run_here("webhooks", "list", "--json").stdout
    [hook] = json.loads(hooks)

    assert (key["id"], key["principal"], key["scopes"], key["agencies"]) == ("one", "acme", ["client:read"], [7])
    assert (key["revokedAt"], key["createdAt"][-1]) == (None, "Z")
    assert (document["principal"], document["name"]) == ("acme", "Viewer")
    assert (hook["host"], hook["kinds"], hook["pending"]) == ("https://acme.example", ["DEPOSIT"], 0)
    assert "secret-path" not in hooks


def test_documents_that_a_schema_would_break_are_listed_as_json(operator, tmp_path):
    operator.run_here("migrate")
    manifest, schema = tmp_path / "manifest.json", tmp_path / "next.graphql"
    manifest.write_text('{"one": "query Viewer { viewer { name } }"}')
    schema.write_text("type Query { other: Int }")
    operator.run_here("documents", "add", "acme", str(manifest))

    done = operator.run_here("documents", "check", "--json", "--schema", str(schema))

    assert done.exit_code == 1
    [problem] = json.loads(done.stdout)
    assert (problem["principal"], problem["id"], problem["line"]) == ("acme", "one", 1)
    assert "viewer" in problem["message"]
