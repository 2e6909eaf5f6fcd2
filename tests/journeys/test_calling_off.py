"""A forum is cancelled."""


def test_everybody_with_a_seat_or_a_place_in_line_is_told_once(
    office, people, register, anybody, mailbox, phone, partner, eventually, open_link
):
    """With the reason, in their language, on their channels; who had cancelled before hears nothing more."""
    forum = office.forum(seats=2)
    seated = people.new(channels=["email", "sms"])
    gone = people.new()
    waiting = people.new(language="km")
    receipts = [register(forum, person) for person in (seated, gone, waiting)]
    office.secretariat.post("registration", f"/v1/registrations/{receipts[1]['id']}/cancellation")
    late = people.new()
    register(forum, late)
    # waiting moved up; late is in line.
    eventually(lambda: mailbox.count(waiting["email"]) == 2, seconds=20)
    eventually(lambda: mailbox.count(gone["email"]) == 2, seconds=20)
    eventually(lambda: mailbox.count(late["email"]) == 1, seconds=20)
    eventually(lambda: phone.messages(seated["phone"]), seconds=20)

    reason = {"en": "The hall is flooded.", "km": "សាលលិចទឹក។"}
    office.secretariat.post("meetings", f"/v1/forums/{forum['id']}/cancellation", {"reason": reason})
    eventually(lambda: len(phone.messages(seated["phone"])) == 2, seconds=20)
    for person, count in ((seated, 2), (waiting, 3), (late, 2)):
        eventually(lambda: mailbox.count(person["email"]) == count, seconds=20)  # noqa: B023 - called at once
    assert "The hall is flooded." in mailbox.mails(seated["email"])[-1].text
    assert "សាលលិចទឹក។" in mailbox.mails(waiting["email"])[-1].text
    assert mailbox.count(gone["email"]) == 2

    # Nothing of it is still under way: all that was planned has left.
    eventually(lambda: _sent(office, forum) == 2 + 2 + 2 + 3 + 2)
    assert len(eventually(lambda: partner.heard(subject=forum["id"], type="forum.cancelled.v1"))) == 1
    refused = anybody.request(
        "POST", "registration", f"/v1/forums/{forum['id']}/registrations", json=people.new()
    )
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("registration-closed")
    page = open_link(mailbox.mails(seated["email"])[0].text)
    assert "This forum will not take place." in page.text
    assert "forum.ics" not in page.html


def _sent(office, forum):
    """How many messages about the forum have left; None while any has not."""
    query = {"forum_id": forum["id"]}
    counts = office.secretariat.get("notifications", "/v1/deliveries/statistics", params=query)["counts"]
    if not {count["state"] for count in counts} <= {"sent", "delivered"}:
        return None
    return sum(count["deliveries"] for count in counts)
