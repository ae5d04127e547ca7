"""The audit that graphql-http's authors publish: every MUST, SHOULD and MAY."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MISSING = [program for program in ("node", "npm") if shutil.which(program) is None]


@pytest.fixture(scope="session")
def installed() -> Path:
    """The audit as package-lock.json pins it, installed once."""
    lock, seen = HERE / "package-lock.json", HERE / "node_modules" / ".installed-lock"
    if not seen.exists() or seen.read_text() != lock.read_text():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        seen.write_text(lock.read_text())
    return HERE / "audit.mjs"


@pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed: the audit cannot run")
def test_the_public_audit_finds_nothing(installed, edge):
    asked = json.dumps({"url": f"{edge.url}/graphql", "key": "demo-operator"})
    command = ["node", str(installed)]

    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert len(results) == 61
    assert [f"{one['id']} {one['name']}: {one['reason']}" for one in results if one["status"] != "ok"] == []
