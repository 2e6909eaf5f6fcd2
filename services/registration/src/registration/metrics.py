"""What registration shows of its forums; the rules for names and labels are those of `vetika_kit.metrics`."""

from typing import Final

from prometheus_client import Gauge

# By the forum's id and its day in Phnom Penh, by which people know it. Only forums that are still to come:
# a handful.
_LABELS: Final = ("forum", "day")

# Seats that there are.
SEATS: Final = Gauge("vetika_forum_seats", "Seats of a forum.", _LABELS)

# Seats that somebody has, those included that are being given at this moment.
SEATS_TAKEN: Final = Gauge("vetika_forum_seats_taken", "Seats taken.", _LABELS)

# People in line.
WAITLIST: Final = Gauge("vetika_forum_waitlist", "People on the waitlist.", _LABELS)
