"""CPlugin's own JavaScript SDK takes the sandbox for the real thing.

Node is no part of our tools: where it is not, this one test says so and is skipped; the Python SDK's never is.
"""

import json
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.settings import CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

HERE = Path(__file__).parent
MISSING = [program for program in ("node", "npm") if shutil.which(program) is None]


@pytest.fixture(scope="session")
def installed() -> Path:
    """The SDK as package-lock.json pins it, installed once."""
    lock, seen = HERE / "package-lock.json", HERE / "node_modules" / ".installed-lock"
    if not seen.exists() or seen.read_text() != lock.read_text():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        seen.write_text(lock.read_text())
    return HERE / "witness.mjs"


def run(script: Path, asked: dict) -> dict:
    done = subprocess.run(
        ["node", str(script)], input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed: the JavaScript SDK cannot run")
async def test_the_javascript_sdk_works(installed, box, witness):
    comment = uuid4().hex[:31]
    asked = {
        "api": box.urls["cplugin"],
        "authority": box.urls["cplugin_auth"],
        "clientId": CPLUGIN_CLIENT_ID,
        "clientSecret": CPLUGIN_CLIENT_SECRET,
        "mt4Platform": witness.mt4_platform,
        "mt5Platform": witness.mt5_platform,
        "login": witness.trading_login,
        "mt5Login": witness.mt5_login,
        "group": "Basic_IL2",
        "key": str(uuid4()),
        "comment": comment,
        "amount": 4.5,
    }

    report = run(installed, asked)

    assert report["platforms"][:2] == [witness.mt4_platform, witness.mt5_platform]
    assert [record["login"] for record in report["records"]] == [witness.trading_login]
    assert witness.trading_login in [level["login"] for level in report["margins"]]
    assert report["margin"]["login"] == witness.trading_login
    assert report["replay"] == report["deposit"]
    assert report["passwordSet"] is True
    assert [trade["order"] for trade in report["history"] if trade["comment"] == comment] == [
        report["deposit"]["order"]
    ]
    assert report["mt5User"]["login"] == witness.mt5_login
    assert report["unknownLogin"] == {"code": "NotFound", "managerCode": None, "status": 200}
    assert report["withoutCommand"] == {"code": "MT4Error", "managerCode": "TradeBadVolume", "status": 200}
    assert report["foreignPlatform"]["status"] == 403
