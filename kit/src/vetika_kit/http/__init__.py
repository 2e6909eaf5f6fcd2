"""HTTP conventions of every service: access, problems, preconditions, idempotency, pages, limits, health."""
