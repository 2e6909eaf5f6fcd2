"""Schemathesis drives the tiny service through its own OpenAPI document."""

import contextlib

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from vetika_kit.http.access import Role


def test_nothing_in_the_document_makes_a_5xx_or_an_undocumented_answer(app, stores, bearer):
    """Whatever fits or does not fit the document gets a documented answer of the documented type."""
    described = schemathesis.openapi.from_wsgi("/openapi.json", app).exclude(path="/v1/faults")
    headers = bearer(Role.SECRETARIAT, Role.OPERATOR)
    seen = set()
    for found in described.get_all_operations():
        operation = found.ok()
        seen.add(operation.label)
        for mode in GenerationMode:

            @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def drive(case):
                case.call_and_validate(
                    headers=headers,
                    checks=[
                        schemathesis.checks.not_a_server_error,
                        checks.status_code_conformance,
                        checks.content_type_conformance,
                        checks.response_schema_conformance,
                    ],
                )

            # What takes no input has no wrong input either.
            with contextlib.suppress(*((Unsatisfiable,) if mode is GenerationMode.NEGATIVE else ())):
                drive()
    assert "POST /v1/notes" in seen
    assert "GET /admin/outbox" in seen
