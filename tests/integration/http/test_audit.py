"""The audit that graphql-http's authors publish: every MUST, SHOULD and MAY."""

import json
from pathlib import Path

from support.node import installed, node

HERE = Path(__file__).parent


def test_the_public_audit_finds_nothing(edge):
    asked = {"url": f"{edge.url}/graphql", "key": "demo-operator"}

    results = json.loads(node(installed(HERE) / "audit.mjs", asked=asked))

    assert len(results) == 61
    assert [f"{one['id']} {one['name']}: {one['reason']}" for one in results if one["status"] != "ok"] == []
