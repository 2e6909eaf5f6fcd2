"""Trace context on its way from a request through the outbox and Kafka to a handler (W3C Trace Context)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR: Final = TraceContextTextMapPropagator()


def configure(*, service: str, process: str, otlp_endpoint: str | None) -> None:
    """Record spans in this process, and send them to a collector when one is named.

    To be called once a process and after a fork: the exporter has a thread of its own.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": service, "vetika.process": process}))
    if otlp_endpoint:
        # protobuf and requests come with it: memory that a process without a collector does not pay.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        exporter = OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def current_traceparent() -> str | None:
    """Return the present span as a ``traceparent``, or None outside of any."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued_span(
    name: str, *, traceparent: str | None, attributes: Mapping[str, str] | None = None
) -> Iterator[trace.Span]:
    """Run a block as a span that continues the trace of whoever caused it."""
    carrier = {"traceparent": traceparent} if traceparent else {}
    token = attach(_PROPAGATOR.extract(carrier))
    try:
        if not isinstance(trace.get_tracer_provider(), TracerProvider):
            # Nobody collects spans: the context alone is what logs and further events need, and costs little.
            yield trace.get_current_span()
            return
        with trace.get_tracer("vetika").start_as_current_span(
            name, attributes=dict(attributes or {})
        ) as span:
            yield span
    finally:
        detach(token)
