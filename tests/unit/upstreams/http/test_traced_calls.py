"""A traced call to a vendor: the vendor gets the trace's header only where a setting says so."""

import msgspec
import pytest
from support.spans import receiving_spans
from support.vendor_calls import SHORT, a_call, answer

from api.observability.tracing import Tracing
from api.settings.observation import TracingSection
from core.clock import Clock
from core.errors import System
from upstreams.http.link import Link
from upstreams.http.request import HttpRequest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("writes", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("pass_on", [False, True], ids=["kept", "passed on"])
async def test_a_vendor_gets_the_span_of_its_call_as_traceparent(stranger, pass_on, writes):
    stranger.answers = [answer(200, b"{}")]
    request = HttpRequest("POST" if writes else "GET", "/thing", headers={"x-own": "1"}, writes=writes)
    link = Link(System("CPLUGIN"), "main", stranger.url, SHORT, Clock())
    with receiving_spans() as receiver:
        tracing = Tracing(TracingSection(endpoint=receiver.url, sample_ratio=1.0, pass_on=pass_on))
        with tracing.begin() as trace:
            call = msgspec.structs.replace(a_call(), trace=trace)
            await (link.write if writes else link.read)(request, lambda _: None, call)
        tracing.close()
        [span] = [one for one in receiver.spans if one.name == "CPLUGIN"]
    await link.aclose()

    [sent] = stranger.asked
    assert b"x-own: 1" in sent.lower()
    header = f"traceparent: 00-{span.trace_id.hex()}-{span.span_id.hex()}-0".encode()
    assert (header in sent) == (b"traceparent" in sent) == pass_on
