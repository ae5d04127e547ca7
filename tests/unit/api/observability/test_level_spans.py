"""The spans of levels: their parents, and what a failure leaves out."""

import asyncio

import pytest
from support.spans import receiving_spans

from api.observability.tracing import Tracing
from api.settings.observation import TracingSection

pytestmark = pytest.mark.anyio


@pytest.fixture
def traced():
    """Runs a block in a trace. Returns each span with the name of its parent, and what was sent."""

    async def run(block):
        with receiving_spans() as receiver:
            tracing = Tracing(TracingSection(endpoint=receiver.url, sample_ratio=1.0))
            with tracing.begin() as trace:
                await block(trace, tracing)
            await asyncio.to_thread(tracing.close)
            names = {span.span_id: span.name for span in receiver.spans}
            return sorted((span.name, names.get(span.parent_span_id)) for span in receiver.spans), b"".join(
                receiver.raw
            )

    return run


async def test_a_call_is_a_child_of_its_level_in_each_of_two_tasks(traced):
    async def level(trace, name):
        with trace.level(name, 1):
            await asyncio.sleep(0)
            with trace.call(f"CALL_OF_{name}", ""):
                await asyncio.sleep(0)

    async def block(trace, _):
        with trace.level("Query", 1):
            await asyncio.gather(level(trace, "Client"), level(trace, "Viewer"))
        with trace.call("AFTER", ""):
            pass

    operation = "GraphQL Operation"
    above, _ = await traced(block)
    assert above == [
        ("AFTER", operation),
        ("CALL_OF_Client", "Client"),
        ("CALL_OF_Viewer", "Viewer"),
        ("Client", "Query"),
        (operation, None),
        ("Query", operation),
        ("Viewer", "Query"),
    ]


async def test_a_call_for_another_operation_is_no_child_of_this_level(traced):
    async def block(trace, tracing):
        with tracing.begin() as other, trace.level("Query", 1), other.call("SHARED", ""):
            pass

    above, _ = await traced(block)
    assert ("SHARED", "GraphQL Operation") in above


async def test_a_failed_level_ends_without_the_message_of_the_failure(traced):
    async def block(trace, _):
        with pytest.raises(ValueError, match="CANARY"), trace.level("Client", 2):
            raise ValueError("CANARY")
        with trace.call("AFTER", ""):
            pass

    above, sent = await traced(block)
    assert ("Client", "GraphQL Operation") in above
    assert ("AFTER", "GraphQL Operation") in above
    assert b"CANARY" not in sent
