"""O16: an outage is one line when it begins and one when it ends."""

import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from core.errors import System, Unavailable
from core.outage import Outage


def test_o16_an_outage_is_logged_when_it_begins_and_when_it_ends():
    with capture_logs() as lines:
        outage = Outage(structlog.get_logger(), "x.away", "x.back")
        outage.succeeded()
        for attempt in range(60):
            outage.failed(attempt=attempt)
        assert outage.lasts
        outage.succeeded()
        outage.succeeded()
        outage.failed(attempt=60)

    assert [(line["event"], line.get("attempt"), line.get("failed_attempts")) for line in lines] == [
        ("x.away", 0, None),
        ("x.back", None, 60),
        ("x.away", 60, None),
    ]


@pytest.mark.anyio
async def test_repeated_work_survives_every_error_and_pauses_after_each():
    results = [Unavailable("away", system=System("TEST")), ValueError("a defect"), None]
    pauses = []

    async def work():
        if error := results.pop(0):
            raise error

    async def pause(seconds):
        pauses.append(seconds)
        if not results:
            raise asyncio.CancelledError

    with capture_logs() as lines, pytest.raises(asyncio.CancelledError):
        await Outage(structlog.get_logger(), "began", "ended").repeat(work, pause, 7.0)

    assert pauses == [7.0, 7.0, 7.0]
    assert [line["event"] for line in lines] == ["began", "began.defect", "ended"]
