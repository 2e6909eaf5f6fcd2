"""The steps of a forum's life over HTTP."""

from datetime import datetime

import pytest

STEPS = ("announcement", "registration-opening", "registration-closing", "cancellation")


def test_a_forums_life(host, drafted):
    """Its host announces, opens, closes, opens again and cancels; each answer shows where it stands."""
    path = f"/v1/forums/{drafted['id']}"
    way = ["announcement", "registration-opening", "registration-closing", "registration-opening"]
    statuses = [host.post(f"{path}/{step}").json["status"] for step in way]
    assert statuses == ["announced", "open", "closed", "open"]
    cancelled = host.post(f"{path}/cancellation", json={"reason": {"en": "Floods"}})
    assert (cancelled.status_code, cancelled.headers["ETag"]) == (200, '"6"')
    assert (cancelled.json["status"], cancelled.json["reason"]) == ("cancelled", {"en": "Floods"})


def test_a_step_out_of_order_is_refused(secretariat, drafted):
    """409 with a type that says why."""
    path = f"/v1/forums/{drafted['id']}"
    answer = secretariat.post(f"{path}/registration-opening")
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/not-announced")
    secretariat.post(f"{path}/announcement")
    answer = secretariat.post(f"{path}/announcement")
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/already-announced")


def test_a_repeated_step_is_answered_again(secretariat, drafted):
    """With an Idempotency-Key a retry gets the first answer, not a refusal."""
    path, key = f"/v1/forums/{drafted['id']}/announcement", {"Idempotency-Key": "announce"}
    first = secretariat.post(path, headers=key)
    again = secretariat.post(path, headers=key)
    assert (again.status_code, again.json) == (200, first.json)


def test_nothing_opens_after_the_forum_has_begun(secretariat, announced, clock):
    """409 once the start is there."""
    path = f"/v1/forums/{announced['id']}/registration-opening"
    clock.set(datetime.fromisoformat(announced["starts_at"]))
    answer = secretariat.post(path)
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/forum-has-begun")


def test_a_cancellation_needs_no_reason(secretariat, announced):
    """No body at all is fine."""
    answer = secretariat.post(f"/v1/forums/{announced['id']}/cancellation")
    assert (answer.status_code, answer.json["reason"]) == (200, None)


def test_a_cancelled_draft_is_nobodys_news(secretariat, anybody, drafted):
    """It stays invisible."""
    secretariat.post(f"/v1/forums/{drafted['id']}/cancellation", json={})
    assert anybody.get(f"/v1/forums/{drafted['id']}").status_code == 404


@pytest.mark.parametrize("step", STEPS)
def test_steps_are_the_hosts_and_the_secretariats(other, anybody, announced, step):
    """Another organization may not, nor may anybody without a token."""
    path = f"/v1/forums/{announced['id']}/{step}"
    assert other.post(path).status_code == 403
    assert anybody.post(path).status_code == 401


@pytest.mark.parametrize("step", STEPS)
def test_there_is_no_step_of_what_is_not_there(secretariat, step):
    """404 for an unknown id."""
    assert secretariat.post(f"/v1/forums/none/{step}").status_code == 404


def test_the_dates_open_registration_for_everybody(secretariat, anybody, announced, meetings, clock):
    """When its moment has come, the job that every worker runs opens it."""
    clock.set(datetime.fromisoformat(announced["registration_opens_at"]))
    meetings.run_jobs()
    assert anybody.get(f"/v1/forums/{announced['id']}").json["status"] == "open"
