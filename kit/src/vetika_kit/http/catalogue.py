"""The kinds of problem that the kit itself answers, for the page that explains them."""

from collections.abc import Mapping
from typing import Final

KIT_PROBLEMS: Final[Mapping[str, str]] = {
    "bad-request": "The request cannot be understood as HTTP.",
    "body-incomplete": "The body ended before its Content-Length: the connection broke. Send it again.",
    "body-missing": "The operation needs a JSON body and none came.",
    "body-too-large": "The body is larger than this operation takes: 64 KiB, unless the operation says more.",
    "broken-json": "The body is not strict JSON in UTF-8: broken, a key given twice, NaN, NUL, a number "
    "beyond 64 bits, or more than 32 levels deep.",
    "concurrent-change": "Somebody changed the same thing at the same moment. Read and decide again.",
    "database-unavailable": "The service's database does not answer. Nothing is lost: send the request "
    "again after Retry-After, with the same Idempotency-Key.",
    "headers-too-large": "The headers are more than 50, or one is longer than 8 KiB.",
    "idempotency-key-reused": "The Idempotency-Key was already sent with another request; use a new one.",
    "if-match-missing": "An update must carry If-Match with the ETag that was read.",
    "internal-error": "A fault of the service. `instance` finds it in the logs.",
    "invalid-fields": "Fields of the body break a rule; `errors` names each by JSON Pointer.",
    "invalid-parameters": "Parameters of the URL or headers break a rule; `errors` names each.",
    "method-not-allowed": "The method is not offered here; Allow names those that are.",
    "not-found": "There is nothing here, or not for this caller.",
    "outbox-full": "Events have not been able to leave the service for too long, so it takes nothing new in.",
    "request-in-progress": "The first request with this Idempotency-Key is still running.",
    "role-missing": "The token is good, but of nobody who may do this.",
    "stale-version": "If-Match names a version that is not the present one. Read it again and decide again.",
    "token-invalid": "The Bearer token is malformed, expired, for others or of an unknown key.",
    "token-missing": "The operation needs a Bearer token.",
    "too-many-requests": "Too many requests; Retry-After says when to go on.",
    "unsupported-content-type": "The body is of a type that the operation does not take.",
    "unsupported-encoding": "The body is compressed; it must not be.",
    "url-too-long": "The URL is too long.",
}
