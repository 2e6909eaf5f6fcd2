"""What notifications counts and shows; the rules for names and labels are those of `vetika_kit.metrics`."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

# Attempts that ended, by what they left the delivery as: sent, queued (again later) or failed; delivered
# where the provider's report was faster than our record.
ATTEMPTS: Final = Counter("vetika_delivery_attempts_total", "Attempts that ended.", ("channel", "left_as"))

# From the event in our hands to the mail server's or provider's word that it took the message. Dense where
# the aim lies (100 ms), with room for outages.
SENT_SECONDS: Final = Histogram(
    "vetika_delivery_sent_seconds",
    "Time from a delivery's making to its being sent, in seconds.",
    ("channel",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 5, 30, 300, 3600),
)

# What one attempt costs: rendering and the way out.
ATTEMPT_SECONDS: Final = Histogram(
    "vetika_delivery_attempt_seconds",
    "Time of one attempt, in seconds.",
    ("channel",),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60),
)

# Reports of the SMS provider, by its word.
SMS_REPORTS: Final = Counter("vetika_sms_reports_total", "Status callbacks.", ("status", "effect"))

# Deliveries that have not left yet, by state. Looked up by the worker, which is there when no sender is.
WAITING: Final = Gauge("vetika_deliveries_waiting", "Deliveries that have not left.", ("channel", "state"))

# For how long the oldest of those that should leave now has been due; 0 when none is.
OLDEST_DUE: Final = Gauge(
    "vetika_deliveries_oldest_due_seconds", "How long the oldest due delivery has been due.", ("channel",)
)
