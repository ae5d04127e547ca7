"""Compilers that others wrote accept `schema.graphql` and documents against it."""

import json
from pathlib import Path

from support.node import installed, node, run

HERE = Path(__file__).parent
SCHEMA = HERE.parent.parent.parent / "schema.graphql"


def test_graphql_codegen_makes_types_that_typescript_accepts(tmp_path):
    script = installed(HERE) / "codegen.mjs"

    report = json.loads(node(script, str(SCHEMA), str(HERE / "operations.graphql"), str(tmp_path)))

    assert report["problems"] == []
    assert "export type DepositMutationVariables" in report["text"]


def test_relays_compiler_accepts_the_schema_and_its_connections(tmp_path):
    folder = installed(HERE)
    (tmp_path / "src").mkdir()
    (tmp_path / "schema.graphql").write_text(SCHEMA.read_text())
    (tmp_path / "src" / "ClientsList.js").write_text((HERE / "relay" / "ClientsList.js").read_text())
    config = {"src": "./src", "schema": "./schema.graphql", "language": "javascript", "eagerEsModules": False}
    (tmp_path / "relay.config.json").write_text(json.dumps(config))

    run([str(folder / "node_modules" / ".bin" / "relay-compiler"), "relay.config.json"], tmp_path)

    made = {file.name for file in (tmp_path / "src" / "__generated__").iterdir()}
    assert "ClientsListRefetchQuery.graphql.js" in made
    assert "ClientsListDepositMutation.graphql.js" in made
