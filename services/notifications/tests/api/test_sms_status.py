"""Status callbacks of the SMS provider."""

import pytest

from notifications.gateways.sms_http import signature

TOKEN = "token-of-the-test"


@pytest.fixture
def sent(ear, sending, deliveries, eventually):
    """A delivery by SMS that the provider took."""
    ear.everything(channels=["sms"])
    with sending():
        return eventually(lambda: deliveries.find_one({"state": "sent"}))


@pytest.fixture
def report(service):
    """Report as the provider does."""

    def post(delivery_id, status, *, attempt=1, token=TOKEN, signed_url=None, **more):
        path = f"/v1/sms-status/{delivery_id}?attempt={attempt}"
        form = {
            "MessageSid": "SM1",
            "MessageStatus": status,
            "AccountSid": "AC",
            "To": "+85592280685",
            **more,
        }
        url = signed_url or f"https://notify.vetika.example{path}"
        signed = signature(token=token, url=url, parameters=form.items())
        return service.client().post(path, data=form, headers={"X-Twilio-Signature": signed})

    return post


def test_the_signature_is_the_documented_one():
    """The example of Twilio's own documentation (Security, "Validating requests")."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert signature(token="12345", url=url, parameters=form.items()) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


def test_an_arrival_is_recorded_and_published(sent, report, deliveries):
    """Delivered, with its event, and the call is answered without a body."""
    answer = report(sent["_id"], "delivered")
    assert (answer.status_code, answer.data) == (204, b"")
    found = deliveries.find_one()
    assert found["state"] == "delivered"
    assert [event["type"] for event in found["outbox"]["events"]] == [
        "delivery.sent.v1",
        "delivery.delivered.v1",
    ]


def test_a_failure_is_recorded_with_the_providers_code(sent, report, deliveries):
    """Undelivered is failed; the code is kept, nothing else of what was sent."""
    assert report(sent["_id"], "undelivered", ErrorCode="30003").status_code == 204
    found = deliveries.find_one()
    assert (found["state"], found["last_error"]) == ("failed", "sms_30003")


@pytest.mark.parametrize("status", ["queued", "sending", "sent", "failed", "delivered", "a-word-of-tomorrow"])
def test_nothing_moves_a_delivery_back(sent, report, deliveries, status):
    """After the arrival every report is taken and ignored."""
    report(sent["_id"], "delivered")
    before = deliveries.find_one()
    assert report(sent["_id"], status).status_code == 204
    assert deliveries.find_one() == before


def test_a_report_about_an_earlier_attempt_is_ignored(sent, report, deliveries, secretariat):
    """The failure of the first message says nothing about the second."""
    deliveries.update_one({}, {"$set": {"attempts": 2}})
    report(sent["_id"], "failed", attempt=1)
    assert deliveries.find_one()["state"] == "sent"
    report(sent["_id"], "failed", attempt=2)
    assert deliveries.find_one()["state"] == "failed"


def test_a_call_without_the_right_signature_is_refused(sent, report, service, deliveries):
    """Another token, another address, no signature: 403, and nothing changes."""
    other = "https://notify.vetika.example/v1/sms-status/other?attempt=1"
    assert report(sent["_id"], "delivered", token="guess").status_code == 403
    assert report(sent["_id"], "delivered", signed_url=other).status_code == 403
    path = f"/v1/sms-status/{sent['_id']}?attempt=1"
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert service.client().post(path, data=form).status_code == 403
    strange = {"X-Twilio-Signature": "\u17d2\udcff".encode("utf-8", "surrogatepass").decode("latin-1")}
    assert service.client().post(path, data=form, headers=strange).status_code == 403
    assert deliveries.find_one()["state"] == "sent"


def test_an_unknown_delivery_is_not_found(report):
    """404 for what was never sent."""
    assert report("nothing", "delivered").status_code == 404


def test_an_email_has_no_reports(ear, report, deliveries):
    """Who has a signature cannot turn mail into delivered mail."""
    ear.everything(channels=["email"])
    assert report(deliveries.find_one()["_id"], "delivered").status_code == 404


@pytest.mark.parametrize(
    "form", [{}, {"MessageSid": "SM1"}, {"MessageStatus": "sent"}, {"MessageSid": "x" * 99}]
)
def test_a_report_that_lacks_something_is_refused(service, form):
    """422 that names the field."""
    answer = service.client().post("/v1/sms-status/x?attempt=1", data=form)
    assert answer.status_code == 422
