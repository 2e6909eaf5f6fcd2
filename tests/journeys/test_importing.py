"""The secretariat brings the list that it had in a spreadsheet."""

import csv
from collections import Counter

import pytest

from vetika_cli.places import checkout

LIST = checkout() / "data" / "participants.csv"


@pytest.fixture(scope="module")
def forum(office):
    """A forum of 200 seats."""
    return office.forum(seats=200)


def _import(office, forum):
    answer = office.secretariat.request(
        "POST",
        "registration",
        f"/v1/forums/{forum['id']}/imports",
        data=LIST.read_bytes(),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_every_row_is_registered_or_named_and_the_same_file_again_changes_nothing(
    forum, office, mailbox, phone, partner, eventually
):
    """Good rows take seats in order, then wait; each person is told once; every other row is named."""
    rows = list(csv.DictReader(LIST.read_text(encoding="utf-8").splitlines()))
    report = _import(office, forum)
    assert report["state"] == "complete"
    assert report["rows"] == len(rows)
    assert report["confirmed"] == 200
    assert report["confirmed"] + report["waitlisted"] + report["refused"] == len(rows)
    assert all(finding["messages"]["km"] for finding in report["findings"])
    refused = {finding["line"] for finding in report["findings"]}
    good = [row for line, row in enumerate(rows, 2) if line not in refused]

    before = office.statistics(forum["id"])
    assert before["totals"] == {"confirmed": 200, "waitlisted": report["waitlisted"], "cancelled": 0}
    counted = Counter()
    for cell in before["by_gender_and_category"]:
        counted[cell["gender"], cell["stakeholder_category"]] += cell["count"]
    assert counted == Counter((row["gender"], row["stakeholder_category"]) for row in good)

    registrations = office.registrations(forum["id"])
    numbers = sorted(one["waitlist_number"] for one in registrations if one["status"] == "waitlisted")
    assert numbers == list(range(1, report["waitlisted"] + 1))

    eventually(lambda: len(partner.heard(forum_id=forum["id"], type="registration.confirmed.v1")) == 200)
    messages = sum(len(row["channels"].split(";")) for row in good)
    eventually(lambda: _sent(office, forum) == messages, seconds=120)
    mails = Counter(row["email"].lower() for row in good if "email" in row["channels"])
    assert all(mailbox.count(address) == times for address, times in mails.items())

    again = _import(office, forum)
    assert again["unchanged"] == len(good)
    assert again["confirmed"] == again["waitlisted"] == 0
    assert [finding["line"] for finding in again["findings"]] == [
        finding["line"] for finding in report["findings"]
    ]
    assert office.statistics(forum["id"]) == before
    assert _sent(office, forum) == messages

    table = office.secretariat.request("GET", "registration", f"/v1/imports/{report['id']}/report.csv")
    listed = list(csv.DictReader(table.content.decode("utf-8-sig").splitlines()))
    assert {int(row["line"]) for row in listed} == refused


def _sent(office, forum):
    counts = office.secretariat.get(
        "notifications", "/v1/deliveries/statistics", params={"forum_id": forum["id"]}
    )["counts"]
    return sum(count["deliveries"] for count in counts if count["state"] in ("sent", "delivered"))
