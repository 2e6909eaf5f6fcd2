"""Every metric that a Vetika process can show, in one list.

Rules: names begin with ``vetika_``; seconds, bytes and totals are said in the name; no label can take
more than a few dozen values (a route's template, never a path), and none holds personal data.

Every metric has at least one label. The API's worker processes share their values through files
(`vetika_kit.http.server`), and which kind of value is made is decided when a labelled child first
appears: after the fork, never at import.
"""

from functools import lru_cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

# --- HTTP -------------------------------------------------------------------------------------------

# Requests answered, by route template, method and status.
HTTP_REQUESTS: Final = Counter(
    "vetika_http_requests_total", "HTTP requests answered.", ("route", "method", "status")
)

# How long they took, from the first byte read to the answer ready. The buckets are dense where the aim
# for a registration lies (50 ms) and end where callers give up.
HTTP_REQUEST_SECONDS: Final = Histogram(
    "vetika_http_request_duration_seconds",
    "Time to answer an HTTP request, in seconds.",
    ("route", "method"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

# --- Relay, worker and sender ------------------------------------------------------------------------

# What /readyz says, so that an alert can tell a process that stands from one that is gone.
READY: Final = Gauge("vetika_ready", "Whether the process does its work.", ("service",))

# --- Relay: events on their way out -----------------------------------------------------------------

# Events that Kafka has acknowledged.
EVENTS_PUBLISHED: Final = Counter("vetika_events_published_total", "Events published.", ("service",))

# Rounds that failed and were begun again; Kafka or MongoDB was away.
RELAY_FAILURES: Final = Counter("vetika_relay_failures_total", "Rounds begun again.", ("reason",))

# How long the oldest event has waited. Grows while Kafka is away; writes stop at the limit.
OUTBOX_AGE: Final = Gauge("vetika_outbox_oldest_seconds", "Age of the oldest waiting event.", ("service",))

# --- Worker: events on their way in -----------------------------------------------------------------

# What became of the events read: handled, repeated, skipped or dead.
EVENTS_RECEIVED: Final = Counter("vetika_events_received_total", "Events read.", ("type", "outcome"))

# From a batch in hand to its commit.
BATCH_SECONDS: Final = Histogram(
    "vetika_inbox_batch_seconds",
    "Time to commit a batch, in seconds.",
    ("topic",),
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)

# Events in a partition that are not handled yet.
CONSUMER_LAG: Final = Gauge("vetika_consumer_lag_events", "Events not handled yet.", ("topic", "partition"))

# Batches that failed for now and were tried again.
WORKER_FAILURES: Final = Counter("vetika_worker_failures_total", "Batches tried again.", ("reason",))

# Events put aside.
DEAD_LETTERS: Final = Counter("vetika_dead_letters_total", "Events put aside.", ("reason",))

# Those of them that nobody has decided about yet. Looked up by the worker.
DEAD_LETTERS_KEPT: Final = Gauge(
    "vetika_dead_letters_kept", "Events put aside that wait for an operator.", ("reason",)
)

# 1 while a group has stopped itself and waits for an operator.
HALTED: Final = Gauge("vetika_consumer_halted", "Whether the group has stopped itself.", ("group",))

# Runs of a periodic job that failed. A label `job` would meet Prometheus's own of that name.
JOB_FAILURES: Final = Counter("vetika_job_failures_total", "Runs that failed.", ("name",))

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count one HTTP request."""
    requests, durations = _http_children(route, method if method in _METHODS else "(other)", status)
    requests.inc()
    durations.observe(seconds)


@lru_cache(maxsize=4096)
def _http_children(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    # Looking a child up by its labels costs more than counting; the same few come again and again.
    return (
        HTTP_REQUESTS.labels(route, method, str(status)),
        HTTP_REQUEST_SECONDS.labels(route, method),
    )
