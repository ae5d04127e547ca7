"""Open positions, closed trades and daily reports: the answers, their batches and their damage, over real sockets."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from support.vendor_calls import a_call, changed, settings

from core.clock import Clock
from core.errors import Misunderstood, Unavailable
from core.trades import Side
from upstreams.open import open_upstreams
from upstreams.vendors.cplugin import positions
from upstreams.vendors.kit.token_store import memory_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("well_behaved")]

ATHENS = ZoneInfo("Europe/Athens")
START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def r1(house):
    return house.servers["R1"]


@pytest.fixture
async def logins(database):
    query = "SELECT login FROM platform.account WHERE server = 'R1' AND (margin <> 0 OR floating <> 0) ORDER BY login"
    return [str(row["login"]) for row in await database.fetch(query)]


async def test_x(r1, logins):
    print(len(logins))
    call = a_call()
    print(await r1.open_positions.fetch(logins[:3], call), call.tally)
    call = a_call()
    print({k: len(v) for k,v in (await r1.open_positions.fetch(logins, call)).items()}, call.tally)
    print(await r1.closed_trades.fetch(logins[:3], START, END, call), call.tally)
    print(await r1.daily_reports.fetch(logins[:3], START, START+timedelta(days=14), call), call.tally)
    assert 0
