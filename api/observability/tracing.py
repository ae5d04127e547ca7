"""Traces by OpenTelemetry. This module needs the extra `otel`, so that it is imported only where traces are on.

- Whether an operation is traced is decided before anything is made for it, so that the others cost nothing.
- An attribute is a name of ours, a number, or a value that the log shows too. No document, variable, address, header or
  message of an error is one.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import version
from random import random
from types import TracebackType
from typing import Final, Self

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from api.observability.redaction import Redaction
from api.settings.observation import TracingSection
from core.errors import UpstreamError

# `tracestate` is neither taken in nor passed on, because other systems choose its content.
_W3C: Final = TraceContextTextMapPropagator()
_EVERY_MILLISECONDS: Final = 1000
# A collector that does not answer delays the stop of the server for this time.
_EXPORT_SECONDS: Final = 3.0
_TRACEPARENT: Final = "traceparent"
_NO_HEADERS: Final[Mapping[str, str]] = {}
# The span in which new spans of an operation begin: the operation, or one of its levels. Tasks inherit it.
_PARENT: ContextVar[tuple["OperationTrace", Context] | None] = ContextVar("parent", default=None)


class Tracing:
    """Decides which operations are traced, and sends their spans in the background."""

    def __init__(self, section: TracingSection, known_secrets: Iterable[str] = ()) -> None:
        headers = {name: value.reveal() for name, value in section.headers.items()}
        resource = Resource.create({"service.name": "brokergraph", "service.version": version("brokergraph")})
        self._section = section
        self._redaction = Redaction(known_secrets)
        self._provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(section.endpoint, headers=headers, timeout=_EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_EVERY_MILLISECONDS))
        self._tracer = self._provider.get_tracer("brokergraph")

    def begin(self, traceparent: str = "") -> "OperationTrace | None":
        """The trace of an operation, or None. A valid `traceparent` decides instead of `sample_ratio`."""
        parent = _W3C.extract({_TRACEPARENT: traceparent}, Context()) if traceparent else None
        remote = get_current_span(parent).get_span_context() if parent is not None else None
        if remote is not None and remote.is_valid:
            is_sampled = remote.trace_flags.sampled
        else:
            parent, is_sampled = None, random() < self._section.sample_ratio  # noqa: S311 - no secret.
        if not is_sampled:
            return None
        return OperationTrace(self._tracer, parent or Context(), self._redaction, pass_on=self._section.pass_on)

    def close(self) -> None:
        """Send what is left. May take some seconds."""
        self._provider.shutdown()


class OperationTrace:
    """The trace of one operation: a context manager around it."""

    def __init__(self, tracer: Tracer, parent: Context, redaction: Redaction, *, pass_on: bool) -> None:
        self._tracer = tracer
        self._redaction = redaction
        self._span = tracer.start_span("GraphQL Operation", parent, SpanKind.SERVER)
        self._context = set_span_in_context(self._span, Context())
        self._pass_on = pass_on

    def describe(self, kind: str | None, name: str | None) -> None:
        """Name the span by the type of its operation, as the semantic convention says. `name` is the caller's text, so
        that it is redacted as in the log.
        """
        if kind is not None:
            self._span.update_name(kind)
            self._span.set_attribute("graphql.operation.type", kind)
        if name is not None:
            self._span.set_attribute("graphql.operation.name", self._redaction.text(name))

    def note(self, errors: int) -> None:
        """Note the number of errors in the answer."""
        self._span.set_attribute("brokergraph.errors", errors)
        if errors:
            self._span.set_status(StatusCode.ERROR)

    @contextmanager
    def level(self, type_name: str, objects: int) -> Iterator[None]:
        span = self._tracer.start_span(type_name, self._parent, SpanKind.INTERNAL, {"brokergraph.objects": objects})
        outer = _PARENT.set((self, set_span_in_context(span, Context())))
        try:
            yield
        finally:
            _PARENT.reset(outer)
            # Unlike the span's own block, this one does not note the message of an exception.
            span.end()

    def call(self, system: str, connection: str) -> "UpstreamSpan":
        facts = {"brokergraph.upstream": system, "brokergraph.connection": connection}
        span = self._tracer.start_span(system, self._parent, SpanKind.CLIENT, facts)
        return UpstreamSpan(span, pass_on=self._pass_on)

    @property
    def _parent(self) -> Context:
        """The innermost level. A task of another operation, which serves this one too, has levels of its own."""
        found = _PARENT.get()
        return found[1] if found is not None and found[0] is self else self._context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The end of a stream by its client is a cancellation, and no error.
        if kind is not None and issubclass(kind, Exception):
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class UpstreamSpan:
    """The span of one call to an upstream (core/tracing.py)."""

    def __init__(self, span: Span, *, pass_on: bool) -> None:
        self._span = span
        self._pass_on = pass_on

    @property
    def headers(self) -> Mapping[str, str]:
        if not self._pass_on:
            return _NO_HEADERS
        headers: dict[str, str] = {}
        _W3C.inject(headers, set_span_in_context(self._span, Context()))
        return headers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outcome = "ok" if kind is None else kind.__name__
        if isinstance(error, UpstreamError):
            outcome = str(error.reason)
        self._span.set_attribute("brokergraph.outcome", outcome)
        if kind is not None:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
