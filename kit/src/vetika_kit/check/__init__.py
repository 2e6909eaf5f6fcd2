"""The look that a service takes at itself before an upgrade: ``<service> check``, which changes nothing.

It runs in the service's own image, with the service's own rights, and prints one JSON document;
``./vetika doctor --upgrade`` gathers those of all services and holds them against each other.
"""

from vetika_kit.check.command import report, run_check
from vetika_kit.check.findings import Finding, Level

__all__ = ["Finding", "Level", "report", "run_check"]
