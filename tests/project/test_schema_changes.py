"""schema.graphql is what the code prints, and what may break a caller is named in CHANGELOG.md."""

import subprocess
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema
from graphql.utilities import find_breaking_changes

from resolvers.schema import printed

HOUSE = Path(__file__).parents[2]
FILE = HOUSE / "schema.graphql"


def unreleased(changelog: str) -> str:
    return changelog.partition("## Unreleased")[2].partition("\n## ")[0]


def unnamed(old: GraphQLSchema, new: GraphQLSchema, changelog: str) -> list[str]:
    """Breaking changes that the changelog does not tell of, word for word."""
    told = " ".join(unreleased(changelog).split())
    return [change.description for change in find_breaking_changes(old, new) if change.description not in told]


def committed() -> str | None:
    """The schema of the last commit that had another one; None in an unpacked archive or a first commit."""
    log = ["git", "log", "-n", "2", "--format=%H", "--", "schema.graphql"]
    commits = subprocess.run(log, cwd=HOUSE, capture_output=True, text=True, check=False).stdout.split()
    versions = [show(commit) for commit in commits]
    return next((text for text in versions if text and text != FILE.read_text()), None)


def show(commit: str) -> str:
    command = ["git", "show", f"{commit}:schema.graphql"]
    return subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False).stdout


def test_the_schema_file_is_what_the_code_prints():
    assert FILE.read_text() == printed(), "run: brokergraph schema > schema.graphql"


def test_a_change_that_can_break_a_caller_is_named_in_the_changelog():
    before = committed()
    old = build_schema(before if before is not None else FILE.read_text())

    assert unnamed(old, build_schema(printed()), (HOUSE / "CHANGELOG.md").read_text()) == []


OLD = "type Query { client(by: Int!): Client } type Client { name: String email: String }"


@pytest.mark.parametrize(
    "new,changes",
    [
        (OLD, []),
        (OLD.replace("email", "phone: String email"), []),
        (OLD.replace(" email: String", ""), ["Field Client.email was removed."]),
        (OLD.replace("by: Int!", "by: Int!, at: Int!"), ["A required argument Query.client(at:) was added."]),
    ],
)
def test_what_breaks_a_caller_is_found(new, changes):
    changelog = "# Changelog\n\n## Unreleased\n\n- Faster.\n\n## 1.0\n\n- Field Client.email was removed.\n"

    assert unnamed(build_schema(OLD), build_schema(new), changelog) == changes


def test_a_named_change_may_pass_however_its_line_is_broken():
    new = OLD.replace(" email: String", "")

    assert (
        unnamed(
            build_schema(OLD), build_schema(new), "## Unreleased\n- Field Client.email\n  was removed. Ask by phone.\n"
        )
        == []
    )
