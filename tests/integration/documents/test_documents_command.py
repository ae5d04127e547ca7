"""`brokergraph documents`: what operators keep, and what a new schema would break of it."""

import json
import re

import pytest
from support.agreed_documents import digest

NAMES = "query Names {\n  viewer { name }\n}"
CLIENT = "query Client($number: Int!) {\n  client(by: { clientNumber: $number }) {\n    fullName\n  }\n}"
CODEGEN = {digest(NAMES): NAMES, digest(CLIENT): CLIENT}
RELAY = {"0123456789abcdef0123456789abcdef": NAMES, "text-id-2": CLIENT}
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": digest(NAMES), "name": "Names", "type": "query", "body": NAMES},
        {"id": digest(CLIENT), "name": "Client", "type": "query", "body": CLIENT},
    ],
}


@pytest.fixture
def manifest(tmp_path):
    def write(content) -> str:
        file = tmp_path / "manifest.json"
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(file)

    return write


@pytest.mark.parametrize("content", [CODEGEN, RELAY, APOLLO], ids=["codegen", "relay", "apollo"])
def test_each_tools_manifest_is_taken_once(command, manifest, content, request):
    principal = f"tool-{request.node.callspec.id}"

    first, again = command("add", principal, manifest(content)), command("add", principal, manifest(content))
    listed = command("list", principal).stdout.splitlines()
    removed = command("remove", principal, "--all")

    assert first.stdout == f"{principal}: 2 added, 0 known already.\n"
    assert again.stdout == f"{principal}: 0 added, 2 known already.\n"
    assert [line.split("  ")[2] for line in listed] == ["Client", "Names"]
    assert removed.stdout == f"{principal}: 2 removed.\n"
    assert command("list", principal).stdout == ""


def test_an_id_never_changes_its_meaning(command, manifest):
    assert command("add", "fixed", manifest({"one": NAMES})).returncode == 0

    refused = command("add", "fixed", manifest({"new": NAMES, "one": CLIENT}))

    assert refused.returncode == 1
    assert refused.stderr == "Error: Nothing was added: these ids already have other texts: one.\n"
    assert len(command("list", "fixed").stdout.splitlines()) == 1
    assert command("add", "somebody-else", manifest({"one": CLIENT})).returncode == 0


@pytest.mark.parametrize("principal", ["", " "])
def test_documents_are_somebodys(command, manifest, principal):
    refused = command("add", principal, manifest({"one": NAMES}))

    assert refused.returncode == 2
    assert "The principal must not be empty" in refused.stderr


WRONG = [
    (b"nonsense", "is not JSON"),
    (b"\xff", "is not JSON"),
    (b"[]", "must be a JSON object"),
    (b"{}", "holds no documents"),
    ({"id": 5}, "The document id must be a text"),
    ({"id": " "}, "The document id must be a text"),
    ({"a b": NAMES}, "must be 1 to 256 printable ASCII characters"),
    ({"": NAMES}, "must be 1 to 256 printable ASCII characters"),
    ({"sha256:" + "0" * 64: NAMES}, "has another hash than its id"),
    ({"format": "other", "version": 1, "operations": []}, "The format must be apollo-persisted-query-manifest"),
    (APOLLO | {"version": 2}, "The format must be apollo-persisted-query-manifest"),
    (APOLLO | {"operations": {}}, "`operations` must be a list"),
    (APOLLO | {"operations": [5]}, "must be an object with `id` and `body`"),
    (APOLLO | {"operations": [{"id": "a", "body": NAMES}, {"id": "a", "body": CLIENT}]}, "two different documents"),
]


@pytest.mark.parametrize("content, message", WRONG, ids=[message for _, message in WRONG])
def test_a_file_that_is_no_manifest_says_why(manifest, content, message, tmp_path):
    from pathlib import Path

    from api.documents.manifest import ManifestError, read_manifest

    with pytest.raises(ManifestError, match=re.escape(message)):
        read_manifest(Path(manifest(content)), "nobody")


def test_a_document_that_the_schema_does_not_run_is_not_added(command, manifest):
    refused = command("add", "broken", manifest({"good": NAMES, "bad": "query Bad {\n  nothing\n}"}))

    assert refused.returncode == 1
    assert refused.stdout == "broken  bad  Bad  2:3  Cannot query field 'nothing' on type 'Query'.\n"
    assert "Nothing was added" in refused.stderr
    assert command("list", "broken").stdout == ""


def test_check_tells_what_a_new_schema_would_break(command, manifest, tmp_path):
    command("add", "checked", manifest({"names": NAMES, "client": CLIENT}))
    new = tmp_path / "new.graphql"
    new.write_text("type Query { viewer: Viewer! } type Viewer { name: String! age: Int }")

    today = command("check", "checked")
    tomorrow = command("check", "checked", "--schema", str(new))

    assert (today.returncode, today.stdout) == (0, "")
    assert today.stderr == "2 documents checked, 0 would break.\n"
    assert tomorrow.returncode == 1
    assert tomorrow.stdout.startswith("checked  client  Client  2:3  Cannot query field 'client' on type 'Query'.")
    assert tomorrow.stderr == "2 documents checked, 1 would break.\n"


def test_check_takes_the_schema_file_of_this_version(command):
    done = command("check", "--schema", "schema.graphql")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", ["nonsense", "type Query { a: Nothing }", None])
def test_check_says_what_is_wrong_with_a_schema(command, tmp_path, text):
    file = tmp_path / "broken.graphql"
    if text is not None:
        file.write_text(text)

    done = command("check", "--schema", str(file))

    assert (done.returncode, done.stdout) == (1, "")
    assert f"{file} is not a schema" in done.stderr


def test_remove_wants_to_know_what(command, manifest):
    command("add", "removed", manifest({"one": NAMES, "two": CLIENT}))

    neither, both = command("remove", "removed"), command("remove", "removed", "one", "--all")
    one, again = command("remove", "removed", "one"), command("remove", "removed", "one")

    assert (neither.returncode, both.returncode, one.returncode, again.returncode) == (2, 2, 0, 1)
    assert "the others are not there" in again.stderr
