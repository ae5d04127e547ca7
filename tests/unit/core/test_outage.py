"""O16: an outage is one line when it begins and one when it ends."""

import structlog

from core.outage import Outage


def test_o16_an_outage_is_logged_when_it_begins_and_when_it_ends():
    with structlog.testing.capture_logs() as lines:
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
