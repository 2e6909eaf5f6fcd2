"""States of a store, compared."""

# What is not told to anybody, and so is not the same after a restore without a journal.
NOT_TOLD = {
    "registrations": {
        *("ticket", "answered", "registered_at", "updated_at", "promoted_at", "cancelled_at", "erased_at"),
        *("cancelled_by_attempt", "version", "outbox", "person.dietary", "person.accessibility"),
        *("organization.name", "organization.key"),
    },
    "organizations": {
        *("contact", "applied_at", "admitted_at", "updated_at", "version", "outbox"),
    },
    "erasures": {"version", "outbox", "erased_at", "quiet_since", "repeated_at", "open"},
    "admissions": {"holds", "waitlist.ticket", "waitlist.organization", "taken_by_organization"},
    "deliveries": {
        *("created_at", "sent_at", "delivered_at", "failed_at", "provider_id", "sms_parts", "version"),
        *("outbox", "traceparent", "attempts_before", "resends", "lease"),
    },
    "recommendations": {"text", "addressed_to", "stakeholder_category", "drafted_at", "outbox"},
    "forums": {"outbox"},
    # An erasure and what a person did before it travel on two topics; which is heard first decides.
    "roster": {"status"},
    "contacts": {"awaited", "version", "erased_at"},
}
NOT_STATE = {
    "inbox",
    "positions",
    "idempotency_keys",
    "consumer_state",
    "consumer_topics",
    "dead_letters",
    "audit",
    "releases",
}


def told(state):
    """What of a state is told to somebody, in the collections that are state and no bookkeeping."""
    return {
        name: {id_: _told(document, NOT_TOLD.get(name, set())) for id_, document in documents.items()}
        for name, documents in state.items()
        if name not in NOT_STATE and documents
    }


def _told(value, leave, path=""):
    if isinstance(value, dict):
        return {
            key: _told(part, leave, f"{path}{key}.")
            for key, part in value.items()
            if f"{path}{key}" not in leave
        }
    if isinstance(value, list):
        return [_told(part, leave, path) for part in value]
    return value


def differences(before, after, path=""):
    """Where two states differ, a line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in sorted({*before, *after})
            for line in differences(before.get(key), after.get(key), f"{path}/{key}")
        ]
    return [] if before == after else [f"{path}: {before!r} → {after!r}"]
