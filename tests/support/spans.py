"""A receiver of OpenTelemetry spans on a real socket, which reads them with the project's own protobuf classes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.polling import PATIENCE_SECONDS


@dataclass
class SpanReceiver:
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def resources(self):
        return [one for raw in self.raw for one in ExportTraceServiceRequest.FromString(raw).resource_spans]

    @property
    def spans(self):
        return [span for one in self.resources for scope in one.scope_spans for span in scope.spans]

    def trace(self, identity, number):
        """The spans of a trace, after at least `number` of them have arrived."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found := [span for span in self.spans if span.trace_id.hex() == identity]) < number:
            assert time.monotonic() < deadline, [span.name for span in self.spans]
            time.sleep(0.05)
        return found


def attributes(span):
    """The attributes as texts and numbers."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@contextmanager
def receiving_spans() -> Iterator[SpanReceiver]:
    receiver = SpanReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            receiver.raw.append(self.rfile.read(int(self.headers["content-length"])))
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tracing_to(receiver: SpanReceiver, **more: str) -> dict[str, str]:
    """Settings for `running_graph`."""
    return {"TRACING__ENABLED": "true", "TRACING__ENDPOINT": receiver.url, "TRACING__SAMPLE_RATIO": "0"} | more
