"""CPlugin's own JavaScript SDK takes the sandbox for the real thing."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from support.node import installed, node

from sandbox.settings import CPLUGIN_CLIENT_ID, CPLUGIN_CLIENT_SECRET

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

HERE = Path(__file__).parent


async def test_the_javascript_sdk_works(box, witness):
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

    report = json.loads(node(installed(HERE) / "witness.mjs", asked=asked))

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
