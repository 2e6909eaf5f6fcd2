"""The secretariat's view of deliveries."""

import pytest

from vetika_kit.http.access import undeclared_routes
from vetika_kit.http.principals import Role


def test_every_route_says_who_may_call_it(service):
    """And every POST can be repeated."""
    assert undeclared_routes(service.app) == []


@pytest.mark.parametrize(
    "path", ["/v1/deliveries", "/v1/deliveries/statistics", "/v1/deliveries/x", "/v1/deliveries/x/resend"]
)
def test_deliveries_are_the_secretariats_alone(service, path):
    """They say who was told what: no participant, partner or representative sees them."""
    method = "POST" if path.endswith("resend") else "GET"
    assert service.client().open(path, method=method).status_code == 401
    for role in (Role.PARTICIPANT, Role.PARTNER, Role.ORGANIZATION):
        assert service.client(role).open(path, method=method).status_code == 403


def test_a_list_shows_masked_addresses_newest_first(ear, clock, secretariat):
    """Enough to recognize an address, too little to use it."""
    ear.everything()
    clock.advance(seconds=1)
    ear.hear(ear.registration("cancelled", version=2, cancelled_by="participant"))
    items = secretariat.get("/v1/deliveries").json["items"]
    assert [item["template"] for item in items] == ["registration_cancelled"] * 2 + [
        "registration_confirmed"
    ] * 2
    assert {item["channel"]: item["address"] for item in items} == {
        "email": "s•••@cambodia.example",
        "sms": "+855•••••685",
    }
    assert secretariat.get(f"/v1/deliveries/{items[0]['id']}").json == items[0]


def test_an_erased_persons_deliveries_stay_without_an_address(ear, secretariat):
    """Statistics stay, the person goes."""
    ear.everything()
    ear.hear(ear.erasure())
    items = secretariat.get("/v1/deliveries").json["items"]
    assert [(item["state"], item["last_error"], item["address"]) for item in items] == [
        ("failed", "erased", None)
    ] * 2


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("registration_id=r-1", 2),
        ("registration_id=r-2", 0),
        ("person_id=p-1", 2),
        ("forum_id=f-1&channel=sms", 1),
        ("state=queued", 2),
        ("state=sent", 0),
        ("limit=1", 1),
    ],
)
def test_a_list_can_be_narrowed(ear, secretariat, query, count):
    """By registration, person, forum, state and channel."""
    ear.everything()
    answer = secretariat.get(f"/v1/deliveries?{query}").json
    assert len(answer["items"]) == count
    assert (answer["next"] is not None) == (query == "limit=1")


@pytest.mark.parametrize(
    "query", ["state=lost", "channel=fax", "limit=0", "limit=201", "colour=red", "cursor=x"]
)
def test_a_query_that_makes_no_sense_is_refused(secretariat, query):
    """With a problem that names the parameter."""
    answer = secretariat.get(f"/v1/deliveries?{query}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]


def test_a_page_goes_on_where_the_last_ended(ear, secretariat):
    """Each delivery once, over all pages."""
    ear.everything()
    ear.hear(ear.registration("cancelled", version=2))
    seen, cursor = [], ""
    while cursor is not None:
        answer = secretariat.get(
            f"/v1/deliveries?limit=1&cursor={cursor}" if cursor else "/v1/deliveries?limit=1"
        )
        seen += [item["id"] for item in answer.json["items"]]
        cursor = answer.json["next"]
    assert len(seen) == len(set(seen)) == 4


def test_what_failed_is_sent_again(ear, sending, deliveries, mail_server, secretariat, eventually):
    """To the address that the person has now."""
    mail_server.refusals["old@cambodia.example"] = ["550 unknown"]
    ear.everything(channels=["email"], email="old@cambodia.example")
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "failed"}))
        ear.hear(ear.contact(version=2, channels=["email"], email="new@cambodia.example"))
        path = f"/v1/deliveries/{deliveries.find_one()['_id']}/resend"
        answer = secretariat.post(path, headers={"Idempotency-Key": "once"})
        assert (answer.status_code, answer.json["state"], answer.json["failed_at"]) == (200, "queued", None)
        again = secretariat.post(path, headers={"Idempotency-Key": "once"})
        assert again.headers["Idempotency-Replayed"] == "true"
        eventually(lambda: deliveries.count_documents({"state": "sent"}))
    assert len(mail_server.to("new@cambodia.example")) == 1


def test_what_is_on_its_way_is_not_sent_again(ear, secretariat):
    """409, and nothing changes."""
    ear.everything(channels=["email"])
    delivery = secretariat.get("/v1/deliveries").json["items"][0]
    answer = secretariat.post(f"/v1/deliveries/{delivery['id']}/resend")
    assert (answer.status_code, answer.json["type"]) == (409, "/problems/cannot-resend")


def test_an_unknown_delivery_is_not_found(secretariat):
    """404 for both."""
    assert secretariat.get("/v1/deliveries/nothing").status_code == 404
    assert secretariat.post("/v1/deliveries/nothing/resend").status_code == 404


def test_deliveries_are_counted(ear, sending, deliveries, secretariat, eventually):
    """By forum, channel, language and state, with the SMS that were paid for."""
    ear.everything(language="km", channels=["sms"])
    ear.hear(ear.contact("p-2", language="en", channels=["email"], email="b@cambodia.example"))
    with sending():
        eventually(lambda: deliveries.count_documents({"state": "sent"}) == 1)
    ear.hear(ear.registration(registration_id="r-2", person_id="p-2"))
    counts = secretariat.get("/v1/deliveries/statistics?forum_id=f-1").json["counts"]
    parts = deliveries.find_one({"channel": "sms"})["sms_parts"]
    assert parts > 1
    rows = [(row["channel"], row["language"], row["state"], row["sms_parts"]) for row in counts]
    assert rows == [("email", "en", "queued", 0), ("sms", "km", "sent", parts)]
    assert {(row["forum_id"], row["deliveries"]) for row in counts} == {("f-1", 1)}
    assert secretariat.get("/v1/deliveries/statistics?forum_id=f-2").json["counts"] == []
